#!/bin/sh
# Runs nvcc and keeps what ptxas says of registers, spills and shared memory beside the object file (OBJECT.ptxas),
# where a test compares it with the committed table. Through ccache where it is there, which keeps the report too.
object=
previous=
for argument in "$@"; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
report=$(mktemp)
trap 'rm -f "$report"' EXIT
if command -v ccache >/dev/null; then set -- ccache "$@"; fi
"$@" 2>"$report"
status=$?
case $object in
  *.cu.o) grep '^ptxas info\|bytes stack frame' "$report" >"$object.ptxas" ;;
esac
grep -v '^ptxas info\|bytes stack frame' "$report" >&2
exit $status
