#!/bin/sh
# The sets of examples/long_training.toml and of its evaluation, from the folder of large data that is no part of the
# project (minerals.cif.gz, more_minerals.cif.gz, crystals.cif.gz, disordered.cif.gz and their tables, measured patterns).
#   sh examples/long_training.sh build/release/bragg ../shared/data train
# Nothing in `train` belongs into the project; the folder is git-ignored.
set -eu
bragg=$1
data=$2
out=$3
list=$(dirname "$0")/../data/held_out.tsv
mkdir -p "$out"

# Crystals: never a block of not_to_ship.tsv; of crystals.cif.gz those whose composition and space group are known.
[ -e "$out/minerals.safetensors" ] || "$bragg" crystals import "$data/minerals.cif.gz" "$data/more_minerals.cif.gz" \
  --leave-out "$data/not_to_ship.tsv" -o "$out/minerals.safetensors" --rejected "$out/minerals_rejected.tsv"
[ -e "$out/others.safetensors" ] || "$bragg" crystals import "$data/crystals.cif.gz" "$data/disordered.cif.gz" \
  --leave-out "$data/not_to_ship.tsv" --require "$data/crystals.tsv.gz:known" \
  -o "$out/others.safetensors" --rejected "$out/others_rejected.tsv"

# What is held out for good goes into no training, and patterns of it are what a model is asked about.
for set in minerals others; do
  "$bragg" crystals split "$out/$set.safetensors" --list "$list" --held-out "$out/${set}_held.safetensors" \
    --rest "$out/${set}_rest.safetensors"
  "$bragg" simulate "$out/${set}_held.safetensors" --recipe realistic --seed 18 \
    -o "$out/${set}_held_patterns.safetensors"
done
"$bragg" patterns join "$data/other_instruments/labels.tsv" -o "$out/other_instruments.safetensors"

cat <<END
Train, and go on after a pause with the same command:
  $bragg train examples/long_training.toml --out $out/run --resume
Ask a model about what it has not seen:
  for set in $out/minerals_held_patterns $out/others_held_patterns $out/other_instruments $data/rruff_dev $data/rruff_more; do
    $bragg evaluate $out/run/best.safetensors \$set.safetensors
  done
Keep it, half as large, with what it said, as the model that the program carries; a new run takes it up by
--set train.init=models/long_training.safetensors, and draws none of its patterns again:
  sh models/ship.sh $bragg $data $out $out/run/best.safetensors
END
