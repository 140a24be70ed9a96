#!/usr/bin/env bash
# Builds the image without a Docker engine and runs ./run.sh in it as the evaluation server would:
# user 1001, no network, grading. Needs root and Debian's buildah and debootstrap; 25 GiB of disk
# while it builds, since the image is copied several times.
#   image/build.sh [cuda|cpu [TORCH_INDEX]]
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$project/python.sh"
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
base=localhost/python:3.11-bookworm image=localhost/disentanglement-submission
free=$(df --output=avail --block-size=1G /var/lib | tail -1)
if ((free < 25)); then
  echo "error: expected 25 GiB of free disk at /var/lib, got $free; free some and try again" >&2
  exit 1
fi
work=$(mktemp -d)
container=
finish() {
  if [[ -n $container ]]; then buildah rm "$container" >/dev/null; fi
  rm -rf "$work"
}
trap finish EXIT

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
  echo "making the base image: Debian bookworm with Python 3.11"
  debootstrap --variant=minbase --include=python3.11,python3-pip,ca-certificates \
    bookworm "$work/root" >"$work/debootstrap.log" || { tail "$work/debootstrap.log" >&2; exit 1; }
  rm -rf "$work"/root/usr/lib/python3.11/EXTERNALLY-MANAGED "$work"/root/var/{cache/apt,lib/apt/lists}/*
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$work/root" / >/dev/null
  buildah commit --quiet "$container" "$base" >/dev/null
  buildah rm "$container" >/dev/null
  container=
  rm -rf "$work/root"
fi

began=$SECONDS
certificates=/etc/ssl/certs/ca-certificates.crt
printf '[global]\ncert = %s\n' "$certificates" >"$work/pip.conf"
git -C "$project" archive --prefix=context/ HEAD | tar -x -C "$work"
buildah bud --quiet --layers=false --pull-never --build-arg BASE="$base" \
  --build-arg PACKAGES="${1:-cuda}" --build-arg TORCH_INDEX="${2:-}" \
  --volume "$certificates:$certificates:ro" --volume "$work/pip.conf:/etc/pip.conf:ro" \
  --tag "$image" "$work/context" >/dev/null
echo "built in $((SECONDS - began)) s"

container=$(buildah from --pull-never "$image")
root=$(buildah mount "$container")
echo "size: $(du -sm --one-file-system "$root" | cut -f1) MiB"
mkdir -p "$work"/{dataset,shared}
chmod 755 "$work"
chown 1001 "$work/shared"
DISENTANGLEMENT_LIB_DATA=$work/dataset "$PYTHON" -m submission data render standin_real \
  --grid "${STANDIN_GRID:-4,4,2,2,2,4,4}"
mkdir -p "$root"/{DATASET,SHARED}
began=$SECONDS
# The image's folder as root file system, no network, no rights beyond those of uid 1001; the
# code's folder and HOME belong to root.
unshare --net --mount -- bash -euc '
  mount --bind "$1/dataset" "$0/DATASET"
  mount --bind "$1/shared" "$0/SHARED"
  mount -t proc proc "$0/proc"
  mount --rbind /dev "$0/dev"
  exec env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin HOME=/home/aicrowd PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib \
    AICROWD_IS_GRADING=true AICROWD_OUTPUT_PATH=/SHARED AICROWD_EVALUATION_NAME=image \
    AICROWD_DATASET_NAME=standin_real DISENTANGLEMENT_LIB_DATA=/DATASET AICROWD_EVENTS_TIMEOUT=1 \
    chroot --userspec=1001:1001 --groups= "$0" /home/aicrowd/run.sh
' "$root" "$work"
echo "ran in $((SECONDS - began)) s"
"$PYTHON" - "$work/shared/image/representation/pytorch_model.pt" <<'PY'
import sys, warnings
from pathlib import Path
import torch
from submission.export import load_exported
codes = load_exported(Path(sys.argv[1]))(torch.rand(16, 3, 64, 64))
print(f"read outside the image: 16 images to codes of shape {tuple(codes.shape)}")
PY
