#!/bin/sh
# Everything that only a GPU can say, in one go: are the kernels right on the device, and how fast are they.
#
#   bench/gpu.sh OUT_DIR [PART...]     on a machine with a driver; without PART all of them, in this order:
#
#     ops        every op against the reference, whole models step by step       at most 180 s
#     simulator  patterns of the crystals in data/, set 1 and realistic          at most  14 s
#     kernels    every op's time in bf16, with cuDNN and cuBLASLt beside it      at most 136 s
#     steps      training steps and inference of the models                      at most  84 s
#     pytorch    PyTorch's at batch 256, as many as fit: compiling takes long    at most  95 s
#     sanitizer  compute-sanitizer's four tools on the small ops                 at most  80 s
#
# With 5 s for bragg info the limits add up to 594 s: a run ends within ten minutes. What a limit cut off counts as
# failed. PyTorch, compute-sanitizer and the peers' libraries are used where they are there; PEER_LIBRARIES=DIR[:DIR...]
# says where the latter are if the loader does not know.
#
# Binaries that were built elsewhere must come along: build/release/bragg, build/release/bench/bench_kernels and the
# library libbenchmark.so.* beside it, build/release/bench/bench_training and bench_simulator,
# build/release/tests/kernels/network_ops_test and crystal_ops_test, build/release/tests/nn/nn_test.
#
# Writes OUT_DIR/gpu.json (device, driver, clocks while it ran, commit, date; the results of every step) and the logs
# beside it. Ends with 1 if a step failed.
set -u
out=${1:?usage: bench/gpu.sh OUT_DIR [ops|simulator|kernels|steps|pytorch|sanitizer ...]}
shift
[ $# -gt 0 ] || set -- ops simulator kernels steps pytorch sanitizer
for part in "$@"; do
  case $part in
    ops | simulator | kernels | steps | pytorch | sanitizer) ;;
    *) echo "bench/gpu.sh: no part '$part'; there are ops, simulator, kernels, steps, pytorch, sanitizer" >&2; exit 2 ;;
  esac
done
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")/.." || exit 1
build=build/release
bragg=$build/bragg
failed=0

command -v nvidia-smi >/dev/null || { echo "bench/gpu.sh: no nvidia-smi: this machine has no NVIDIA driver" >&2; exit 1; }
[ -x "$bragg" ] || { echo "bench/gpu.sh: $bragg is not there: ./run build, ./run test first" >&2; exit 1; }

# step NAME SECONDS COMMAND...: runs it, keeps its output, remembers whether it failed.
step() {
  name=$1 limit=$2
  shift 2
  echo "== $name: $*"
  timeout "$limit" "$@" >"$out/$name.log" 2>&1
  code=$?
  [ "$code" = 0 ] || { failed=1; echo "   failed ($code)"; tail -n 20 "$out/$name.log"; }
  printf '"%s": %s,\n' "$name" "$code" >>"$out/steps.txt"
}

# The parts, called by their names.
# shellcheck disable=SC2317
ops() {
  step ops 70 "$build/tests/kernels/network_ops_test" --gtest_filter='*/cuda*'
  step crystals 10 "$build/tests/kernels/crystal_ops_test" --gtest_filter='*/cuda*'
  step models 100 "$build/tests/nn/nn_test" --gtest_filter='*_cuda*'
}

# shellcheck disable=SC2317
simulator() {
  cat data/crystals/*.cif >"$out/crystals.cif"
  for recipe in set1 realistic; do
    step "simulator_$recipe" 7 "$build/bench/bench_simulator" --device=cuda --precision=bf16 --set="$out/crystals.cif" \
      --recipe="$recipe" --benchmark_out="$out/simulator_$recipe.json" --benchmark_out_format=json
  done
}

# shellcheck disable=SC2317
kernels() {
  step kernels_bf16 136 "$build/bench/bench_kernels" --device=cuda --precision=bf16 --peers=cudnn,cublaslt \
    ${PEER_LIBRARIES:+"--peer_libraries=$PEER_LIBRARIES"} --benchmark_min_time=0.02 \
    --benchmark_out="$out/kernels_bf16.json" --benchmark_out_format=json
}

# bf16 at two batches, the other precisions at one: 12 of 7 s.
# shellcheck disable=SC2317
steps() {
  for model in scnn npcnn mlp; do
    for form in bf16:256 bf16:1024 tf32:256 fp32:256; do
      precision=${form%:*} batch=${form#*:}
      step "step_${model}_${precision}_$batch" 7 "$build/bench/bench_training" --device cuda --precision "$precision" \
        --model "$model" --batch "$batch" --seconds 1
    done
  done
}

# shellcheck disable=SC2317
pytorch() {
  timeout 15 python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null || { echo "== no PyTorch with a GPU"; return; }
  step pytorch 80 python3 bench/training_step/pytorch_gpu_peer.py --batches 256 --seconds 1
}

# shellcheck disable=SC2317
sanitizer() {
  command -v compute-sanitizer >/dev/null || { echo "== no compute-sanitizer"; return; }
  for tool in memcheck racecheck synccheck initcheck; do
    step "sanitizer_$tool" 20 compute-sanitizer --tool "$tool" --error-exitcode 9 "$build/tests/kernels/network_ops_test" \
      --gtest_filter='*Softmax*/cuda:*AvgPool1d/cuda*:*DropoutKeeps*/cuda*:*DenseIsWithin*/cuda*'
  done
}

# The results of an earlier run in this folder are not this one's.
rm -f "$out"/step_*.log "$out/pytorch.log" "$out/kernels_bf16.json" "$out"/simulator_*.json
: >"$out/steps.txt"
nvidia-smi --query-gpu=timestamp,clocks.sm,clocks.mem,power.draw,temperature.gpu --format=csv,noheader,nounits \
  --loop-ms=500 >"$out/clocks.csv" 2>/dev/null &
sampler=$!
trap 'kill "$sampler" 2>/dev/null' EXIT
trap 'exit 130' INT TERM
step info 5 "$bragg" info --device cuda
for part in "$@"; do "$part"; done
kill "$sampler" 2>/dev/null

# lines FILE...: the JSON objects in them, with commas between.
lines() { cat "$@" 2>/dev/null | grep '^{' | sed '$! s/$/,/'; }
{
  printf '{"date": "%s", "commit": "%s", "parts": "%s",\n' "$(date -u +%Y-%m-%d)" \
    "$("$bragg" info --device cpu | sed -n 's/^commit //p')" "$*"
  nvidia-smi --query-gpu=name,driver_version --format=csv,noheader |
    awk -F', ' 'NR == 1 { printf "\"device\": \"%s\", \"driver\": \"%s\",\n", $1, $2 }'
  # MHz and W over all samples; clocks.csv has them one by one.
  awk -F', ' '
    { if (NR == 1 || $2 < low) low = $2; if ($2 > high) high = $2; if ($4 > power) power = $4; memory = $3 }
    END { printf "\"clock_samples\": %d, \"sm_clock_lowest\": %d, \"sm_clock_highest\": %d, \"memory_clock\": %d, \"power_highest\": %d,\n",
          NR, low, high, memory, power }' "$out/clocks.csv"
  printf '"exit_codes": {\n'
  sed '$ s/,$//' "$out/steps.txt"
  printf '},\n"training": [\n'
  lines "$out"/step_*.log
  printf '],\n"pytorch": [\n'
  lines "$out/pytorch.log"
  printf ']'
  # Whole only where the program came to its end.
  for name in kernels_bf16 simulator_set1 simulator_realistic; do
    printf ',\n"%s": ' "$name"
    if [ "$(tail -n 1 "$out/$name.json" 2>/dev/null)" = "}" ]; then cat "$out/$name.json"; else echo null; fi
  done
  printf '}\n'
} >"$out/gpu.json"
echo "wrote $out/gpu.json"
exit "$failed"
