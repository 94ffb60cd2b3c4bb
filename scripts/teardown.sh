#!/bin/sh
# Removes what the launchers made, found by its tag: teardown.sh --help.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ -x "$root/.venv/bin/python" ] || { echo "There is no .venv in $root; run make setup there first." >&2; exit 1; }
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" exec "$root/.venv/bin/python" -m scripts.teardown "$@"
