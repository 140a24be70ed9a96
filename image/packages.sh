#!/bin/sh
# Installs the locked packages that training needs, and writes their list beside the lock.
#   packages.sh cuda|cpu TORCH_INDEX LOCK
# Left out: scoring's TensorFlow, which the server brings along itself, the GPU compiler, which
# nothing here uses, and what only checks code.
set -eu
packages=$1 index=$2 lock=$3
unneeded='tensorflow|tensorflow-cpu|tensorflow-estimator|tensorflow-hub|tensorflow-io-gcs-filesystem'
unneeded="$unneeded|tensorflow-probability|keras|tf_keras|libclang|triton|ruff|mypy|mypy_extensions"
unneeded="$unneeded|pytest|pluggy|iniconfig|hypothesis|sortedcontainers|ast_serialize|librt|pathspec"
case $packages in
  cuda) ;;
  cpu) unneeded="$unneeded|nvidia-[a-z0-9-]*|cuda-[a-z-]*" ;;
  *)
    echo "error: expected PACKAGES to be cuda or cpu, got $packages" >&2
    exit 1
    ;;
esac
grep -viE "^($unneeded)==" "$lock" >"$lock.image"
set -- --no-cache-dir --no-deps --no-compile --disable-pip-version-check
if [ "$packages" = cpu ] && [ -n "$index" ]; then
  grep -E '^(torch|torchvision)==' "$lock.image" >/tmp/torch.lock
  python3.11 -m pip install "$@" --index-url "$index" --requirement /tmp/torch.lock
  rm /tmp/torch.lock
fi
python3.11 -m pip install "$@" --requirement "$lock.image"
# Before Python 3.11.3, redis needs one package more than the lock has.
if python3.11 -c 'import sys; sys.exit(sys.version_info >= (3, 11, 3))'; then
  python3.11 -m pip install "$@" async-timeout==5.0.1
fi
