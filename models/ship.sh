#!/bin/sh
# Makes MODEL, what a training has written (best.safetensors or model.safetensors), the model that the program carries:
#   sh models/ship.sh build/release/bragg ../shared/data train train/run/best.safetensors [SHIPPED]
# The second folder has the measured patterns (rruff_dev, rruff_more), the third the sets that examples/long_training.sh makes.
# MODEL becomes models/long_training.safetensors (or SHIPPED): matrices in bf16, and what it gets right in its metadata, which is
# measured on the rounded weights; the table of models/README.md is written anew. MODEL may be rounded already. Then build bragg.
set -eu
[ $# = 4 ] || [ $# = 5 ] || { echo "usage: $0 BRAGG LARGE_DATA SETS MODEL [SHIPPED]" >&2; exit 2; }
bragg=$1 data=$2 sets=$3 model=$4
here=$(dirname "$0")
shipped=${5:-$here/long_training.safetensors}
card=$here/README.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$bragg" compact "$model" -o "$work/rounded.safetensors"
measure() { # SET PATTERNS [--lookup]
  echo "measuring: $1 ${3:-}" >&2
  rm -f "$work/all.json"
  # Fails also where a pattern is refused, which is then not among those that are counted.
  "$bragg" evaluate ${3:-} "$work/rounded.safetensors" "$2" --json "$work/all.json" >"$work/text" || [ -s "$work/all.json" ]
  awk -v set="$1" -f "$here/figures.awk" "$work/all.json" >>"$work/figures"
}
measure held_minerals "$sets/minerals_held_patterns.safetensors"
measure held_crystals "$sets/others_held_patterns.safetensors"
for way in '' --lookup; do
  measure rruff_dev "$data/rruff_dev.safetensors" $way
  measure rruff_more "$data/rruff_more.safetensors" $way
  measure other_instruments "$sets/other_instruments.safetensors" $way
done
sort "$work/figures" -o "$work/figures"
sed 's/^/--figure=/' "$work/figures" | xargs "$bragg" compact "$work/rounded.safetensors" -o "$work/shipped.safetensors"

# Rows between the line below and the next line that is none.
awk -F= '
  FNR == NR { value[$1] = $2; next }
  function cell(name) {
    return sprintf(" %.1f (%.0f..%.0f) |", 100 * value[name], 100 * value[name "_low"], 100 * value[name "_high"])
  }
  function row(set, asked, count, rates, n, i, of, text) {
    n = split(rates, of, " ")
    text = "| " set " " asked " | " value[set "." count] " |"
    for (i = 1; i <= n; ++i) text = text cell(set "." of[i])
    print text
  }
  /^<!-- models\/ship.sh writes/ {
    print
    print "| set, asked | patterns | crystal system | space group | modulo pairs | first five |"
    print "|---|---|---|---|---|---|"
    for (i = split("held_minerals held_crystals rruff_dev rruff_more other_instruments", name, " "); i; --i) order[i] = name[i]
    for (i = 1; i in order; ++i) row(order[i], "network", "patterns", "crystal_system space_group modulo_pairs top5")
    print ""
    print "| set, asked | patterns | crystal system | space group, modulo pairs | first five |"
    print "|---|---|---|---|---|"
    for (i = 3; i in order; ++i) row(order[i], "identify", "identify_patterns", "identify_crystal_system identify_space_group identify_top5")
    written = 1
  }
  /^<!-- end of what models\/ship.sh writes/ { written = 0 }
  !written { print }
' "$work/figures" "$card" >"$work/card"
grep -q '^| other_instruments identify | [0-9]' "$work/card"

cp "$work/shipped.safetensors" "$shipped.new" && mv "$shipped.new" "$shipped"
cat "$work/card" >"$card"
cat "$work/figures"
echo "$shipped and the table of $card are written; build bragg again, and it carries them."
