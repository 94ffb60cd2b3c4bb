#!/bin/sh
# Fetches the reports of a training job: report.sh --help.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ -x "$root/.venv/bin/python" ] || { echo "There is no .venv in $root; run make setup there first." >&2; exit 1; }
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" exec "$root/.venv/bin/python" -m scripts.report "$@"
