#!/bin/sh
# The main job, end to end, on the crystals that come with bragg; called by `./run demo` with the program and a folder for
# the results. A step runs only where its output is older than its inputs or the program, or its command has changed.
# All of its commands are left in OUT/commands.sh, which does the same again.
set -eu
[ $# = 2 ] || { echo "usage: $0 BRAGG OUT" >&2; exit 2; }
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$2/.steps"

# A word as the shell reads it back.
quoted() {
  case $1 in
    *[!A-Za-z0-9_./=-]* | '') printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf %s "$1" ;;
  esac
}

bragg=$(quoted "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")")
folder=$(cd "$2" && pwd)
out=$(quoted "$folder")
script=$folder/commands.sh
cd "$here"
{
  echo '#!/bin/sh'
  echo "# What the demo did, command by command; running it does the same again."
  echo 'set -eu'
  echo "cd $(quoted "$here")"
} >"$script"

# step OUTPUT "INPUT ..." COMMAND: output and inputs are names in the results' folder, or begin with data/ or examples/.
step() {
  output=$folder/$1
  mark=$folder/.steps/$(echo "$1" | tr / _)
  echo "$3" >>"$script"
  newer=
  if [ -e "$output" ] && [ "$(cat "$mark" 2>/dev/null)" = "$3" ]; then
    eval "newer=\$(find $bragg $(for input in $2; do
      case $input in data/* | examples/*) echo "$input" ;; *) echo "$out/$input" ;; esac
    done | tr '\n' ' ') -newer \"\$output\" | head -n 1)"
    [ -n "$newer" ] || { echo "up to date: $output"; return; }
  fi
  echo
  echo "\$ $3"
  rm -f "$mark"
  sh -c "set -eu; $3"
  echo "$3" >"$mark"
}

step crystals.safetensors data/crystals \
  "$bragg crystals import data/crystals -o $out/crystals.safetensors --rejected $out/rejected.tsv"

# Two folds: each half of the structures is held out once. Synthetic crystals take their statistics from the half that is
# trained on, and nothing of the other.
step half_a.safetensors crystals.safetensors \
  "$bragg crystals split $out/crystals.safetensors --holdout 0.5 --held-out $out/half_a.safetensors --rest $out/half_b.safetensors"
for fold in 1 2; do
  if [ $fold = 1 ]; then train=a test=b; else train=b test=a; fi
  # The set is named by a value of TOML, a string in quotes.
  set_key=$(quoted "data.crystals=\"$folder/half_$train.safetensors\"")
  step fold$fold/model.safetensors "half_$train.safetensors examples/crystal_system.toml" \
    "rm -rf $out/fold$fold; $bragg train examples/crystal_system.toml --set $set_key --set data.holdout=0 --set train.evaluate_every=0 --set train.steps=${BRAGG_DEMO_STEPS:-2000} --out $out/fold$fold"
  step test$fold.safetensors half_$test.safetensors \
    "$bragg simulate $out/half_$test.safetensors --recipe large --seed 7 -o $out/test$fold.safetensors"
  step train$fold.safetensors half_$train.safetensors \
    "$bragg simulate $out/half_$train.safetensors --recipe large --seed 8 -o $out/train$fold.safetensors"
  step fold$fold.json "fold$fold/model.safetensors test$fold.safetensors train$fold.safetensors" \
    "$bragg evaluate $out/fold$fold/model.safetensors $out/test$fold.safetensors --neighbours $out/train$fold.safetensors --json $out/fold$fold.json --report $out/report$fold.html"
done

# A pattern as an instrument might give it: not measured but simulated, by another recipe than all others. Asked of the
# model that was not trained on quartz, and of the simulated patterns of all structures.
step quartz_simulated.xy "data/crystals/quartz_alpha.cif examples/instrument.toml" \
  "$bragg simulate data/crystals/quartz_alpha.cif --recipe examples/instrument.toml --seed 3 --range 8 80 --step 0.02 -o $out/quartz_simulated.xy"
step known.safetensors crystals.safetensors \
  "$bragg simulate $out/crystals.safetensors --recipe baseline --seed 9 -o $out/known.safetensors"
fold=2
eval "$bragg crystals info $out/half_a.safetensors --table" | grep -q '^quartz_alpha	' && fold=1
predict="$bragg predict $out/quartz_simulated.xy --model $out/fold$fold/model.safetensors --neighbours $out/known.safetensors"
step answer.txt "quartz_simulated.xy known.safetensors fold$fold/model.safetensors" "$predict >$out/answer.txt"
step answer.json "quartz_simulated.xy known.safetensors fold$fold/model.safetensors" "$predict --json >$out/answer.json"

# The job that bragg is for, with the network and the structures that it carries and nothing named: that pattern, and a pattern of
# each structure as recipe `realistic` draws measured ones. A pattern that is refused is counted as such.
step identified.txt quartz_simulated.xy "$bragg identify $out/quartz_simulated.xy >$out/identified.txt"
step patterns data/crystals \
  "rm -rf $out/patterns; mkdir $out/patterns; seed=0; for cif in ${BRAGG_DEMO_CIFS:-data/crystals/*.cif}; do seed=\$((seed + 1)); $bragg simulate \$cif --recipe realistic --seed \$seed -o $out/patterns/\$(basename \$cif .cif).xy; done"
step identified.csv patterns \
  "rm -f $out/identified.csv; $bragg identify $out/patterns --csv $out/identified.csv >$out/identified_all.txt || [ -s $out/identified.csv ]"
step crystals.tsv crystals.safetensors "$bragg crystals info $out/crystals.safetensors --table >$out/crystals.tsv"
step identified_results.txt "identified.csv crystals.tsv examples/demo_identified.awk" \
  "awk -f examples/demo_identified.awk $out/crystals.tsv $out/identified.csv >$out/identified_results.txt"

# Both folds together, with Wilson's 95 % interval, beside the class that is most frequent among all structures.
step systems.txt crystals.safetensors "$bragg crystals info $out/crystals.safetensors >$out/systems.txt"
step results.txt "fold1.json fold2.json systems.txt" \
  "awk -f examples/demo_results.awk $out/fold1.json $out/fold2.json $out/systems.txt >$out/results.txt"
cat <<'TEXT'

Which of the 173 structures is it? The pattern was simulated from quartz (trigonal) with examples/instrument.toml, unlike all
that the model and the stored patterns were drawn with. The network, which has never seen quartz, and the nearest of the
stored patterns say:
TEXT
cat "$folder/answer.txt"
nearest=$(sed -n 's/.*"neighbours":\[{"name":"\([^"]*\)".*"similarity":\([0-9.]*\).*/\1/p' "$folder/answer.json")
echo "The structure whose pattern is most like it: $nearest"
cat <<'TEXT'

The same pattern, asked of what bragg carries inside, with nothing named (bragg identify):
TEXT
cat "$folder/identified.txt"
cat "$folder/results.txt"
echo
cat "$folder/identified_results.txt"
echo
echo "Pages:    $folder/report1.html  $folder/report2.html"
echo "Commands: $script  (runs again as it is)"
