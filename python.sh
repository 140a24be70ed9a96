# Sourced by run.sh and test.sh: sets PYTHON to a Python 3.11 that has every locked package.
# While grading, nothing is installed, and only the packages of the image have to be there.
# With TORCH_INDEX, the address of a package index, PyTorch is taken from there, without the GPU's
# libraries.

# submission/server/environment.py has the same rule.
is_grading() { [[ -n ${AICROWD_IS_GRADING+set}${CROWDAI_IS_GRADING+set} ]]; }

own=$project/.venv
# This file exists from the beginning to the end of an installation.
unfinished=$project/.venv.unfinished

has_packages() {
  local grading=
  if is_grading; then grading=yes; fi
  "$1" - "$project" "$grading" 2>/dev/null <<'PY'
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

project, grading = Path(sys.argv[1]), sys.argv[2]
left_out = project / "image/left_out.txt"
skipped = left_out.read_text(encoding="utf-8").splitlines() if grading and left_out.is_file() else ()
try:
    without_gpu = "+cpu" in version("torch")
    for line in (project / "requirements.lock").read_text(encoding="utf-8").split():
        name, locked = line.split("==")
        if name in skipped or (without_gpu and re.match("(nvidia|cuda)-|triton$", name)):
            continue
        if version(name).split("+")[0] != locked:
            sys.exit(1)
except PackageNotFoundError:
    sys.exit(1)
sys.exit(sys.version_info[:2] != (3, 11))
PY
}

find_python() {
  local candidate candidates=(python3.11 python3 python)
  [[ -e $unfinished ]] || candidates=("$own/bin/python" "${candidates[@]}")
  for candidate in "${candidates[@]}"; do
    if command -v "$candidate" >/dev/null && has_packages "$candidate"; then
      PYTHON=$candidate
      return 0
    fi
  done
  return 1
}

install_packages() {
  local base=python3.11 start=(-m venv)
  if ! command -v "$base" >/dev/null; then
    echo "error: expected Python 3.11 as python3.11, got none; install it and try again" >&2
    return 1
  fi
  if [[ -e $unfinished ]]; then
    echo "setting up: an earlier installation into .venv was interrupted; it starts anew"
    start+=(--clear)
  fi
  local lock=$project/requirements.lock pip=("$own/bin/python" -m pip install --no-deps --disable-pip-version-check)
  touch "$unfinished"
  if [[ -n ${TORCH_INDEX:-} ]]; then
    echo "setting up: installing the packages of requirements.lock into .venv (about 3 GB, once)"
    "$base" "${start[@]}" "$own"
    "${pip[@]}" --index-url "$TORCH_INDEX" $(grep -E '^torch(vision)?==' "$lock")
    "${pip[@]}" --requirement <(grep -Ev '^(torch(vision)?|triton|nvidia-.*|cuda-.*)==' "$lock")
  else
    echo "setting up: installing the packages of requirements.lock into .venv (about 8 GB, once)"
    echo "without an NVIDIA card, 3 GB are enough: stop this with Ctrl-C, and set TORCH_INDEX (README.md)"
    "$base" "${start[@]}" "$own"
    "${pip[@]}" --requirement "$lock"
  fi
  if ! has_packages "$own/bin/python"; then
    echo "error: expected the versions of requirements.lock after the installation, got others;" \
      "is TORCH_INDEX (${TORCH_INDEX:-not set}) an index of PyTorch without the GPU's libraries (+cpu)?" >&2
    return 1
  fi
  rm "$unfinished"
  PYTHON=$own/bin/python
}

if ! find_python; then
  if is_grading; then
    echo "error: expected the packages of requirements.lock, got others; build the image anew" >&2
    exit 1
  fi
  install_packages
fi
export PYTHON PYTHONPATH="$project${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
