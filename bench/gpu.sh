#!/bin/sh
# All that only a GPU can say, in two runs that fit fifteen minutes together with all that is around them.
#
#   bench/gpu.sh first OUT [--seconds N]                     200 s: are the kernels right, what does every op take
#   bench/gpu.sh second OUT [--seconds N] [--train CONFIG]   390 s: kernels and steps beside their peers, whole models,
#                                                            simulator; then trains CONFIG for the seconds that are left
#
# On a machine with an NVIDIA driver and Python 3; PyTorch, Nsight Compute and compute-sanitizer are used where they are
# there. The programs come from the archive of bench/pack_gpu.sh: build/bragg-gpu.tar.xz of this checkout, bragg-gpu.tar.xz
# beside this script, or BRAGG_GPU_ARCHIVE. What is run, in which order, says bench/gpu/steps.py.
#
# OUT gets gpu.json (device, driver, clocks, commit, date; the results of every step), gpu.tar.gz (the logs) and the trained
# model in pieces: at most 8 files of 16 MiB. They are written anew after every step and every 20 s, so that a run that is cut
# off has lost no result. Ends with 1 if a step failed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
usage() {
  echo "usage: bench/gpu.sh first|second OUT [--seconds N] [--train CONFIG]" >&2
  exit 2
}
[ $# -ge 2 ] || usage
case $1 in first | second) ;; *) usage ;; esac

archive=${BRAGG_GPU_ARCHIVE:-}
for place in "$here/../build/bragg-gpu.tar.xz" "$here/bragg-gpu.tar.xz"; do
  [ -n "$archive" ] || [ ! -f "$place" ] || archive=$place
done
[ -f "$archive" ] || {
  echo "bench/gpu.sh: no archive '${archive:-build/bragg-gpu.tar.xz}': make it with bench/pack_gpu.sh where there is nvcc" >&2
  exit 1
}
root=$(mktemp -d "${TMPDIR:-/tmp}/bragg-gpu.XXXXXX")
# Python reads .xz where the machine has no xz.
python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], filter="tar")' "$archive" "$root" || {
  rm -rf "$root"
  echo "bench/gpu.sh: $archive cannot be unpacked" >&2
  exit 1
}
exec python3 -B "$root/bench/gpu/main.py" "$root" "$@"
