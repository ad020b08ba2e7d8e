#!/bin/sh
# Everything that only a GPU can say, in one go: are the kernels right on the device, and how fast are they.
#
#   bench/gpu.sh OUT_DIR     on a machine with a driver, with the binaries of build/release as they were built elsewhere;
#                            PyTorch and compute-sanitizer are used where they are there
#
# Writes OUT_DIR/gpu.json (device, driver, clocks, commit, date; the results of every step) and the logs beside it.
# Ends with 1 if a test failed.
set -u
out=${1:?usage: bench/gpu.sh OUT_DIR}
cd "$(dirname "$0")/.."
mkdir -p "$out"
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

: >"$out/steps.txt"
step info 30 "$bragg" info --device cuda

# Right: every op against the reference, whole models step by step, then the same small ops under the sanitizers.
step ops 120 $build/tests/kernels/network_ops_test --gtest_filter='*/cuda*'
step models 180 $build/tests/nn/nn_test --gtest_filter='*_cuda*'
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck synccheck initcheck; do
    step "sanitizer_$tool" 90 compute-sanitizer --tool "$tool" --error-exitcode 9 $build/tests/kernels/network_ops_test \
      --gtest_filter='*Softmax*/cuda:*AvgPool1d/cuda*:*DropoutKeeps*/cuda*:*DenseIsWithin*/cuda*'
  done
fi

# Fast.
for precision in fp32 tf32 bf16; do
  step "kernels_$precision" 60 $build/bench/bench_kernels --device=cuda --precision=$precision --benchmark_min_time=0.2 \
    --benchmark_out="$out/kernels_$precision.json" --benchmark_out_format=json
  for model in scnn npcnn mlp; do
    step "step_${model}_$precision" 30 $build/bench/bench_training --device cuda --precision $precision --model "$model" \
      --batch 256 --seconds 3
  done
done
step kernels_bf16_sm_80 60 $build/bench/bench_kernels --device=cuda --precision=bf16 --instruction_set=sm_80 \
  --benchmark_min_time=0.2 --benchmark_out="$out/kernels_bf16_sm_80.json" --benchmark_out_format=json
if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
  step pytorch 240 python3 bench/training_step/pytorch_gpu_peer.py --seconds 3
fi

{
  printf '{"date": "%s", "commit": "%s",\n' "$(date -u +%Y-%m-%d)" "$("$bragg" info --device cpu | sed -n 's/^commit //p')"
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,power.draw --format=csv,noheader |
    awk -F', ' 'NR == 1 { printf "\"device\": \"%s\", \"driver\": \"%s\", \"sm_clock\": \"%s\", \"memory_clock\": \"%s\", \"power\": \"%s\",\n", $1, $2, $3, $4, $5 }'
  printf '"exit_codes": {\n'
  sed '$ s/,$//' "$out/steps.txt"
  printf '},\n"training": [\n'
  cat "$out"/step_*.log | grep '^{' | sed '$! s/$/,/'
  printf '],\n"pytorch": [\n'
  if [ -f "$out/pytorch.log" ]; then grep '^{' "$out/pytorch.log" | sed '$! s/$/,/'; fi
  printf ']'
  for precision in fp32 tf32 bf16 bf16_sm_80; do
    printf ',\n"kernels_%s": ' "$precision"
    if [ -s "$out/kernels_$precision.json" ]; then cat "$out/kernels_$precision.json"; else echo null; fi
  done
  printf '}\n'
} >"$out/gpu.json"
echo "wrote $out/gpu.json"
exit $failed
