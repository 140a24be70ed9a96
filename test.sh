#!/usr/bin/env bash
# Runs every check: style, types, tests. What it needs and does not find, it installs.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$project"
source ./python.sh
"$PYTHON" -m ruff format --check .
"$PYTHON" -m ruff check .
"$PYTHON" -m mypy
"$PYTHON" -m pytest "$@"
