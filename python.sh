# Sourced by run.sh and test.sh: sets PYTHON to a Python 3.11 that has every locked package.
# On the evaluation server (AICROWD_IS_GRADING set) nothing is installed, and only what the image has
# is asked for.

has_packages() {
  "$1" - "$project" "${AICROWD_IS_GRADING+grading}" 2>/dev/null <<'PY'
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
  local candidate
  for candidate in "$project/.venv/bin/python" python3.11 python3 python; do
    if command -v "$candidate" >/dev/null && has_packages "$candidate"; then
      PYTHON=$candidate
      return 0
    fi
  done
  return 1
}

install_packages() {
  local base=python3.11
  if ! command -v "$base" >/dev/null; then
    echo "error: expected Python 3.11 as python3.11, got none; install it and try again" >&2
    return 1
  fi
  echo "setting up: installing the packages of requirements.lock into .venv (some minutes, once)"
  "$base" -m venv "$project/.venv"
  "$project/.venv/bin/python" -m pip install --quiet --no-deps --disable-pip-version-check \
    --requirement "$project/requirements.lock"
  PYTHON=$project/.venv/bin/python
}

if ! find_python; then
  if [[ -n ${AICROWD_IS_GRADING+set} ]]; then
    echo "error: expected the packages of requirements.lock, got others; build the image anew" >&2
    exit 1
  fi
  install_packages
fi
export PYTHON PYTHONPATH="$project${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
