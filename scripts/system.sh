#!/bin/sh
# Checks what this system lacks. As root on Debian or Ubuntu it installs that; otherwise it says
# which command does. Ends non-zero only when `make setup` cannot go on without it.
set -eu
python=${1:-python3}

has() { command -v "$1" >/dev/null 2>&1; }

if ! has "$python"; then
    echo "$python is not there: install Python 3.11 or later, or name one: make setup PYTHON=python3.12" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is too old ($("$python" --version 2>&1 || true)): install Python 3.11 or later, or name one: make setup PYTHON=python3.12" >&2
    exit 1
fi

header="import os, sysconfig, sys; sys.exit(not os.path.exists(sysconfig.get_path('include') + '/Python.h'))"
needed=
"$python" -c 'import ensurepip, venv' 2>/dev/null || needed="$needed python3-venv"
has gcc || needed="$needed gcc libc6-dev"
"$python" -c "$header" || needed="$needed python3-dev"

later=
has java || later="$later openjdk-17-jre-headless"
has chromium || later="$later chromium"
has chromedriver || later="$later chromium-driver"

[ -n "$needed$later" ] || exit 0
install="apt-get install -y --no-install-recommends$needed$later"

if [ "$(id -u)" = 0 ] && has apt-get; then
    echo "Installing what the system lacks:$needed$later"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of packages
    if apt-get update -qq && $install -qq >/dev/null; then exit 0; fi
    echo "The packages could not be installed; install them by hand: $install" >&2
elif [ -n "$needed" ]; then
    echo "The system lacks$needed: sudo $install" >&2
else
    echo "Only the page tests (chromium) and serving (java) need what is missing: sudo $install"
fi
[ -z "$needed" ]
