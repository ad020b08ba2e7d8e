#!/bin/sh
# All that `bragg evaluate --suite` asks about in one folder, from the folder of large data that is no part of the project:
# the sets of examples/long_training.sh, measured patterns and mixtures.
#   sh examples/suite.sh build/release/bragg ../shared/data suite
# Nothing in `suite` belongs into the project; the folder is git-ignored.
set -eu
bragg=$1
data=$(cd "$2" && pwd)
out=$3
mkdir -p "$out"

sh "$(dirname "$0")/long_training.sh" "$bragg" "$data" "$out" >/dev/null
for file in rruff_dev.safetensors rruff_more.safetensors other_instruments; do
  ln -sfn "$data/$file" "$out/$file"
done
[ -d "$out/mixtures" ] || tar -C "$out" -xf "$data/mixtures.tar.xz"

cat <<END
Ask a model and the look-up about all of it:
  $bragg evaluate --suite $out --model models/long_training.safetensors --json suite.json --report suite.html
END
