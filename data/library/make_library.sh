#!/bin/sh
# models/library.bragg from the folder of large data that is no part of the project (minerals.cif.gz, more_minerals.cif.gz,
# crystals.cif.gz, disordered.cif.gz, their tables and not_to_ship.tsv), from the structures typed for bragg, and from the entries of
# databases in entries/.
#   sh data/library/make_library.sh build/release/bragg ../shared/data build/library
# Sets and the table of what stayed out are left in the third folder. Says whether inputs and library are those of SHA256SUMS.
set -eu
bragg=$1
data=$2
out=$3
here=$(dirname "$0")
mkdir -p "$out"

# Calculated structures whose composition and space group nobody has found: bragg library build would leave them out as well,
# not reading them saves a minute.
gzip -dc "$data/crystals.tsv.gz" | awk -F'\t' 'NR == 1 || ($2 == "dft" && $3 == "")' | cut -f1,2 >"$out/unknown.tsv"

for set in minerals more_minerals disordered crystals; do
  "$bragg" crystals import "$data/$set.cif.gz" --leave-out "$data/not_to_ship.tsv" --leave-out "$out/unknown.tsv" \
    -o "$out/$set.safetensors" --rejected "$out/${set}_rejected.tsv"
done
"$bragg" crystals import "$here/../crystals" "$here/typed" -o "$out/typed.safetensors"
for database in amcsd cod; do
  "$bragg" crystals import "$here/entries/$database" -o "$out/$database.safetensors"
done

# titles.tsv comes first: names of structures that have none, or one that nobody looks for.
"$bragg" library build "$out/minerals.safetensors:amcsd" "$out/more_minerals.safetensors" "$out/crystals.safetensors" \
  "$out/disordered.safetensors" "$out/typed.safetensors:bragg" "$out/amcsd.safetensors:amcsd" "$out/cod.safetensors:cod" \
  --table "$here/titles.tsv" --table "$data/crystals.tsv.gz" --table "$data/more_minerals.tsv.gz" \
  --table "$data/disordered.tsv.gz" --sources "$here/sources.tsv" \
  --without "$data/not_to_ship.tsv" --without "$here/left_out.tsv" \
  -o "$out/library.bragg" --left-out "$out/left_out.tsv"

ln -sfn "$(cd "$data" && pwd)" "$out/data"
cp "$here/SHA256SUMS" "$out/SHA256SUMS" 2>/dev/null || exit 0
(cd "$out" && sha256sum -c SHA256SUMS)
