#!/bin/sh
# Makes docs/picture.svg, the picture of the README: a pattern as an instrument would record it, and what a network says that
# was trained without its structure. About four minutes of one core.
#   examples/picture.sh BRAGG OUT [STRUCTURE]     OUT: a folder for what comes in between, kept
set -eu
[ $# -ge 2 ] || { echo "usage: $0 BRAGG OUT [STRUCTURE]" >&2; exit 2; }
bragg=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
mkdir -p "$2"
out=$(cd "$2" && pwd)
name=${3:-quartz_alpha}
cd "$(dirname "$0")/.."

# The other structures of data/crystals train the network of examples/crystal_system.toml, on patterns of recipe realistic.
find data/crystals -name '*.cif' ! -name "$name.cif" | sort | tr '\n' '\0' \
  | xargs -0 "$bragg" crystals import -o "$out/others.safetensors"
[ -e "$out/without_$name/model.safetensors" ] || "$bragg" train examples/crystal_system.toml --set "data.crystals=\"$out/others.safetensors\"" \
  --set data.recipe=realistic --set data.holdout=0 --set train.evaluate_every=0 \
  --set "train.steps=${BRAGG_PICTURE_STEPS:-2000}" --out "$out/without_$name"

# Eight patterns are asked about, and how often each system comes first is printed; the picture is of the last.
for seed in 1 2 3 4 5 6 7 8; do
  "$bragg" simulate "data/crystals/$name.cif" --recipe realistic --seed $seed -o "$out/pattern_$seed.xy"
  "$bragg" predict "$out/pattern_$seed.xy" --model "$out/without_$name/model.safetensors" --json >"$out/answer_$seed.json"
done
sed 's/.*"crystal_system":\[{"name":"\([a-z]*\)".*/\1/' "$out"/answer_*.json | sort | uniq -c
"$bragg" simulate "data/crystals/$name.cif" --peaks >"$out/peaks.txt"
awk -f examples/picture.awk "$out/peaks.txt" "$out/answer_8.json" "$out/pattern_8.xy" >"$out/picture.svg"
echo "$out/picture.svg"
