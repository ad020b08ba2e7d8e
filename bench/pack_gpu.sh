#!/bin/sh
# bench/pack_gpu.sh [--build DIR] [ARCHIVE]: makes the one file that bench/gpu.sh needs on a machine with a GPU, by default
# build/bragg-gpu.tar.xz: the programs for sm_90a, the libraries beside them that a bare Ubuntu lacks, the scripts and the
# crystals. Needs nvcc. With --build the programs in DIR are packed as they are.
set -eu
cd "$(dirname "$0")/.."
largest=20000000 # bytes
programs="bragg bench/bench_candidates bench/bench_kernels bench/bench_refine bench/bench_search bench/bench_training bench/bench_simulator
  tests/kernels/network_ops_test tests/kernels/crystal_ops_test tests/kernels/view_ops_test tests/kernels/refine_test tests/nn/nn_test"

build=
[ "${1:-}" != --build ] || {
  build=${2:?usage: bench/pack_gpu.sh [--build DIR] [ARCHIVE]}
  shift 2
}
archive=${1:-build/bragg-gpu.tar.xz}
if [ -z "$build" ]; then
  build=build/gpu
  cmake --preset gpu >/dev/null
  for found in CMAKE_CUDA_COMPILER CUBLASLT_INCLUDE_DIR CUDNN_INCLUDE_DIR; do
    grep -Eq "^$found:[A-Z]+=/" "$build/CMakeCache.txt" || {
      echo "bench/pack_gpu.sh: $found was not found: nvcc and the headers of cuBLASLt and cuDNN are needed" >&2
      exit 1
    }
  done
  # shellcheck disable=SC2046,SC2086
  cmake --build "$build" --target $(for program in $programs; do basename "$program"; done)
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder" "$archive.unfinished"' EXIT
mkdir "$folder/bin"
for program in $programs; do
  strip -o "$folder/bin/$(basename "$program")" "$build/$program" 2>/dev/null ||
    cp "$build/$program" "$folder/bin/" # no object file
done
if ldd "$folder"/bin/* 2>/dev/null | grep 'not found'; then
  echo "bench/pack_gpu.sh: these libraries were not found" >&2
  exit 1
fi
# Every Ubuntu has the C and C++ runtime, and newer ones than these programs ask for.
ldd "$folder"/bin/* 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
  grep -vE '/(libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s)\.so' | while read -r library; do
    cp -L "$library" "$folder/bin/"
  done
mkdir -p "$folder/bench/gpu" "$folder/bench/training_step"
cp bench/gpu/*.py "$folder/bench/gpu/"
cp bench/training_step/pytorch_peer.py bench/training_step/pytorch_gpu_peer.py "$folder/bench/training_step/"
cat data/crystals/*.cif >"$folder/crystals.cif"
cp tests/kernels/cuda_instructions.tsv "$folder/" # for what is expected beside what is measured
"$folder/bin/bragg" info --device cpu | sed -n 's/^commit //p' >"$folder/commit"

# Programs hold the same machine code, and two the library: a dictionary that reaches from the first to the last stores each once.
mkdir -p "$(dirname "$archive")"
tar -C "$folder" --owner=0 --group=0 --sort=name -cf - . | xz -9 --lzma2=preset=9e,dict=128MiB >"$archive.unfinished"
bytes=$(wc -c <"$archive.unfinished")
[ "$bytes" -le "$largest" ] || {
  echo "bench/pack_gpu.sh: $bytes bytes > $largest: too much for the way to the machine" >&2
  exit 1
}
mv "$archive.unfinished" "$archive"
echo "$archive: $bytes bytes, commit $(cat "$folder/commit")"
