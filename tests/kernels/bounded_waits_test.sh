#!/bin/sh
# bounded_waits_test.sh NVCC SOURCE_DIR: a debug build stops a kernel that waits for ever, a release build has no such code.
set -eu
nvcc=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/waits.cu" <<'END'
#include "kernels/cuda/device/tma.cuh"
__global__ void on_barrier() {
  __shared__ bragg::cuda::SharedBarrier barrier;
  bragg::cuda::wait_for(&barrier, 0);
}
END
traps() {
  "$nvcc" -ptx -arch=compute_90a -std=c++20 --expt-relaxed-constexpr "$@" -I "$source" -o "$folder/waits.ptx" "$folder/waits.cu"
  grep -c '^[[:space:]]*trap;' "$folder/waits.ptx" || true
}
debug=$(traps)
release=$(traps -DNDEBUG)
echo "traps in a debug build: $debug, in a release build: $release"
[ "$debug" = 1 ] && [ "$release" = 0 ]
