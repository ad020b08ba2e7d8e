#!/bin/sh
# The main job, end to end, on the crystals that come with bragg; called by `./run demo` with the program and a folder for
# the results. A step runs only where its output is older than its inputs or the program, or its command has changed.
set -eu
bragg=$1
out=$2
mkdir -p "$out"
: >"$out/commands.txt"

# step OUTPUT "INPUT ..." COMMAND ...
step() {
  output=$1
  inputs=$2
  shift 2
  echo "$*" >>"$out/commands.txt"
  # shellcheck disable=SC2086
  if [ -e "$output" ] && [ "$(cat "$output.command" 2>/dev/null)" = "$*" ] &&
    [ -z "$(find "$bragg" $inputs -newer "$output" | head -n 1)" ]; then
    echo "up to date: $output"
    return
  fi
  echo
  echo "\$ $*"
  rm -f "$output.command"
  "$@"
  echo "$*" >"$output.command"
}

# The config of one fold.
config() {
  cat >"$1.new" <<END
[model]
name = "npcnn"
classes = 7
channels = [16, 32, 32]
kernels = [50, 25, 13]
strides = [5, 5, 2]
dense = [256, 128]
dropout = 0.2

[data]
crystals = "$2"
recipe = "large"
holdout = 0

[train]
batch = 64
steps = $3
learning_rate = 1e-3
seed = 1
log_every = 20
evaluate_every = 0
END
  cmp -s "$1.new" "$1" 2>/dev/null && rm "$1.new" || mv "$1.new" "$1"
}

step "$out/crystals.safetensors" data/crystals \
  "$bragg" crystals import data/crystals -o "$out/crystals.safetensors" --rejected "$out/rejected.tsv"

# Two folds: each half of the structures is held out once.
step "$out/half_a.safetensors" "$out/crystals.safetensors" \
  "$bragg" crystals split "$out/crystals.safetensors" --holdout 0.5 --held-out "$out/half_a.safetensors" \
  --rest "$out/half_b.safetensors"
for fold in 1 2; do
  if [ $fold = 1 ]; then train=a test=b; else train=b test=a; fi
  config "$out/fold$fold.toml" "$out/half_$train.safetensors" "${BRAGG_DEMO_STEPS:-600}"
  step "$out/fold$fold/model.safetensors" "$out/half_$train.safetensors $out/fold$fold.toml" \
    sh -c "rm -rf $out/fold$fold && $bragg train $out/fold$fold.toml --out $out/fold$fold"
  step "$out/test$fold.safetensors" "$out/half_$test.safetensors" \
    "$bragg" simulate "$out/half_$test.safetensors" --recipe large --seed 7 -o "$out/test$fold.safetensors"
  step "$out/train$fold.safetensors" "$out/half_$train.safetensors" \
    "$bragg" simulate "$out/half_$train.safetensors" --recipe large --seed 8 -o "$out/train$fold.safetensors"
  step "$out/fold$fold.json" "$out/fold$fold/model.safetensors $out/test$fold.safetensors $out/train$fold.safetensors" \
    "$bragg" evaluate "$out/fold$fold/model.safetensors" "$out/test$fold.safetensors" \
    --neighbours "$out/train$fold.safetensors" --json "$out/fold$fold.json" --report "$out/report$fold.html"
done

# A pattern as an instrument might give it: not measured but simulated, by another recipe than the training's. The model
# that answers is the one that was not trained on quartz.
step "$out/quartz_simulated.xy" "data/crystals/quartz_alpha.cif apps/demo_instrument.toml" \
  "$bragg" simulate data/crystals/quartz_alpha.cif --recipe apps/demo_instrument.toml --seed 3 --range 8 80 --step 0.02 \
  -o "$out/quartz_simulated.xy"
fold=2
"$bragg" crystals info "$out/half_a.safetensors" --table | grep -q '^quartz_alpha' && fold=1
step "$out/answer.txt" "$out/quartz_simulated.xy $out/fold$fold/model.safetensors" \
  sh -c "$bragg predict $out/quartz_simulated.xy --model $out/fold$fold/model.safetensors >$out/answer.txt"
echo
echo "The pattern of $out/quartz_simulated.xy (simulated with apps/demo_instrument.toml, not the training recipe;"
echo "the crystal was not in this model's training half; quartz is trigonal):"
cat "$out/answer.txt"


# Both folds together, with Wilson's 95 % interval.
echo
echo "Results: the crystal system (7) of patterns whose structures the model has not seen"
awk -v out="$out" '
  /"patterns":/ { gsub(/[^0-9]/, "", $2); n[FILENAME] = $2 }
  /"accuracy":/ && !(FILENAME in correct) { sub(/,/, "", $2); correct[FILENAME] = int($2 * n[FILENAME] + 0.5) }
  END {
    for (fold = 1; fold <= 2; fold++) {
      file = out "/fold" fold ".json"
      line("fold " fold, correct[file], n[file])
      all += correct[file]
      count += n[file]
    }
    line("both", all, count)
  }
  function line(name, k, count, p, z, mid, half) {
    z = 1.959964
    p = k / count
    mid = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    printf "  %-8s %3d of %3d right: %5.1f %%  (95 %% interval %.1f .. %.1f %%)\n", name, k, count, 100 * p,
      100 * (mid - half), 100 * (mid + half)
  }' "$out/fold1.json" "$out/fold2.json"
echo
echo "Page:     $out/report1.html  (and report2.html)"
echo "Commands: $out/commands.txt"
cat "$out/commands.txt"
