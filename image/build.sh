#!/usr/bin/env bash
# Builds the image without a Docker engine and runs ./run.sh in it as the evaluation server would:
# user 1001, nothing writable but /tmp and the output, no network, grading.
#   image/build.sh [cuda|cpu [TORCH_INDEX]]
# Needs root, Debian's buildah and debootstrap, and 25 GiB of disk while it runs, since the image is
# copied several times; it leaves nothing behind. The commit is built, not what differs from it.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$project/python.sh"
base=localhost/python:3.11-slim-bookworm image=localhost/submission
minutes() { printf '%d min %d s' $(($1 / 60)) $(($1 % 60)); }
for program in buildah debootstrap unshare; do
  if ! command -v "$program" >/dev/null; then
    echo "error: expected $program, got none; apt-get install buildah debootstrap util-linux" >&2
    exit 1
  fi
done
if [[ $(id -u) != 0 ]]; then
  echo "error: expected to be root, which debootstrap needs" >&2
  exit 1
fi
work=$(mktemp -d)
free=$(df --output=avail --block-size=1G "$work" | tail -1)
if ((free < 25)); then
  rmdir "$work"
  echo "error: expected 25 GiB of free disk at $work, got $free; free some or set TMPDIR" >&2
  exit 1
fi
# All storage lies in the work folder, so that removing it leaves nothing.
export BUILDAH_ISOLATION=chroot TMPDIR=$work/tmp
buildah() {
  local command=$1
  shift
  run buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$command" "$@"
}
# In the background, so that a signal is heard at once.
run() {
  command "$@" &
  child=$!
  local status=0
  wait "$child" || status=$?
  child=
  return "$status"
}
child=
finish() {
  trap '' INT TERM
  if [[ -n $child ]]; then
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" || true
  fi
  rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work"/{tmp,context,dataset,shared,empty}
chmod 755 "$work"

echo "making the base image: Debian bookworm with Python 3.11"
run debootstrap --variant=minbase --include=python3.11,python3-pip,ca-certificates \
  bookworm "$work/root" >"$work/debootstrap.log" || { tail "$work/debootstrap.log" >&2; exit 1; }
rm -rf "$work"/root/usr/lib/python3.11/EXTERNALLY-MANAGED "$work"/root/var/{cache/apt,lib/apt/lists}/*
tar -C "$work/root" -cf "$work/base.tar" .
rm -rf "$work/root"
buildah from --quiet --name base scratch >/dev/null
buildah add --quiet base "$work/base.tar" / >/dev/null
buildah commit --quiet --rm base "$base" >/dev/null
rm "$work/base.tar"

echo "building the image (some minutes)"
began=$SECONDS
certificates=/etc/ssl/certs/ca-certificates.crt
printf '[global]\ncert = %s\n' "$certificates" >"$work/pip.conf"
volumes=(--volume "$certificates:$certificates:ro" --volume "$work/pip.conf:/etc/pip.conf:ro")
index=${2:-}
if [[ -d $index ]]; then
  volumes+=(--volume "$(realpath "$index"):/index:ro")
  index=file:///index
fi
git -C "$project" archive HEAD | tar -x -C "$work/context"
buildah bud --layers=false --pull-never --build-arg BASE="$base" "${volumes[@]}" \
  --build-arg PACKAGES="${1:-cuda}" --build-arg TORCH_INDEX="$index" \
  --tag "$image" "$work/context" >"$work/build.log" 2>&1 || { tail -20 "$work/build.log" >&2; exit 1; }
echo "built in $(minutes $((SECONDS - began)))"

buildah from --quiet --pull-never --name image "$image" >/dev/null
root=$(command buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" mount image)
grep -q '^aicrowd:[^:]*:1001:' "$root/etc/passwd" || {
  echo "error: expected the image to have a user aicrowd with the number 1001" >&2
  exit 1
}
[[ -x $root/home/aicrowd/run.sh ]] || {
  echo "error: expected the image to have the program /home/aicrowd/run.sh" >&2
  exit 1
}
echo "size: $(du -sm --one-file-system "$root" | cut -f1) MiB; largest:"
for folder in "$root"/usr/local/lib/python3.11/*-packages/*; do du -sm "$folder"; done |
  sort -rn | head -5 | while read -r size folder; do echo "  $size MiB ${folder#"$root"}"; done

chown 1001 "$work/shared"
DISENTANGLEMENT_LIB_DATA=$work/dataset run "$PYTHON" -m submission data render standin_real \
  --grid "${STANDIN_GRID:-2,2,2,2,2,4,4}" >/dev/null 2>&1
mkdir -p "$root"/{DATASET,SHARED}
# The variables of the image and those of the server, and no others.
variables=(
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/home/aicrowd
  $(command buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" \
    inspect --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' image | grep -v ^PATH=)
  AICROWD_IS_GRADING=true AICROWD_OUTPUT_PATH=/SHARED AICROWD_EVALUATION_NAME=image
  AICROWD_DATASET_NAME=standin_real DISENTANGLEMENT_LIB_DATA=/DATASET AICROWD_EVENTS_TIMEOUT=1
)
echo "running /home/aicrowd/run.sh: user 1001, no network, working folder /, only /tmp and /SHARED writable"
began=$SECONDS
# The first bash has the image as a read-only root; the program in it is its own process group's
# first process, as in a container.
run unshare --net --mount --pid --fork --kill-child bash -euc '
  root=$0 work=$1; shift
  mount --bind "$root" "$root"
  mount -o remount,bind,ro "$root"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  mount --bind "$work/dataset" "$root/DATASET"
  mount -o remount,bind,ro "$root/DATASET"
  mount --bind "$work/shared" "$root/SHARED"
  inside=(env -i "$@" chroot --userspec=1001:1001 --groups= "$root")
  for place in /home/aicrowd /home/aicrowd/submission /DATASET /var; do
    if "${inside[@]}" touch "$place/written" 2>/dev/null; then
      echo "error: expected $place to be read-only" >&2
      exit 1
    fi
  done
  exec "${inside[@]}" /home/aicrowd/run.sh
' "$root" "$work" "${variables[@]}"
echo "ran in $(minutes $((SECONDS - began)))"
"$PYTHON" - "$work/shared/image/representation/pytorch_model.pt" <<'PY'
import sys
from pathlib import Path
import torch
from submission.models.export import load_exported
codes = load_exported(Path(sys.argv[1]))(torch.rand(16, 3, 64, 64))
print(f"read outside the image: 16 images to codes of shape {tuple(codes.shape)}")
PY
