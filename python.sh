# Sourced by run.sh and test.sh: sets PYTHON to a Python 3.11 that has every locked package.
# While grading, nothing is installed, and only the packages of the image have to be there.

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
    without_gpu = grading and "+cpu" in version("torch")
    for line in (project / "requirements.lock").read_text(encoding="utf-8").split():
        name, locked = line.split("==")
        if name in skipped or (without_gpu and re.match("(nvidia|cuda)-", name)):
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
  echo "setting up: installing the packages of requirements.lock into .venv (some minutes, once)"
  touch "$unfinished"
  "$base" "${start[@]}" "$own"
  "$own/bin/python" -m pip install --no-deps --disable-pip-version-check \
    --requirement "$project/requirements.lock"
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
