#!/usr/bin/env bash
# Runs every check: style, types, tests. What it needs and does not find, it installs.
#   ./test.sh [OPTIONS OF PYTEST ...]
# Example: ./test.sh -k report
set -euo pipefail
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2,4s/^# *//p' "${BASH_SOURCE[0]}"
  exit
fi
project=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$project"
source ./python.sh

# The tests talk to a real Redis and look at the report in a real browser.
missing=()
command -v redis-server >/dev/null || missing+=(redis-server)
command -v chromium >/dev/null || missing+=(chromium)
if ((${#missing[@]})); then
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "setting up: installing ${missing[*]} with apt-get"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "error: expected ${missing[*]} for the tests, got none; install with your package manager" >&2
    exit 1
  fi
fi

"$PYTHON" -m ruff format --check .
"$PYTHON" -m ruff check .
"$PYTHON" -m mypy
# A test computes on one core, and there is a worker for each; -n 0 runs them in this process.
OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} "$PYTHON" -m pytest -n auto --dist worksteal "$@"
