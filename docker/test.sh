#!/usr/bin/env bash
# Build the real Dockerfile on a small Debian base and run tests/image against the result.
# Uses the Docker engine that is there; where there is none, and it runs as root on Debian, it
# installs one and starts it for itself. Settings, all optional, from the environment:
#   TEST_IMAGE  name of the image under test (imageclf:test)
#   BASE_IMAGE  build on this instead of the small Debian
#   PYTHON      interpreter with pytest (.venv/bin/python)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=docker/engine.sh
source docker/engine.sh

export IMAGE=${TEST_IMAGE:-imageclf:test}
python=${PYTHON:-.venv/bin/python}
base=localhost/imageclf-base:bookworm
base_tar=.cache/base-bookworm.tar
data_root=$PWD/.cache/docker
scratch=$(mktemp -d /tmp/imageclf-docker.XXXXXX) # a socket's path has 108 characters at most
engine_pid=

end_engine() {
    if [[ -n $engine_pid ]] && kill "$engine_pid" 2>/dev/null; then
        wait "$engine_pid" || true
        # The engine may leave these mounted; then nobody could delete them.
        umount "$data_root" "$scratch/exec/netns/default" 2>/dev/null || true
    fi
    engine_pid=
}
trap 'end_engine; rm -rf "$scratch"' EXIT

install() { # command, Debian package
    [[ -z $(PATH=$PATH:/usr/sbin type -P "$1") ]] || return 0
    if ! [[ $EUID == 0 && -f /etc/debian_version ]]; then
        echo "$1 is missing: install it (Debian: apt-get install $2)." >&2
        return 1
    fi
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "$2" >/dev/null
}

start_engine() { # storage driver; false when the engine ends or does not answer in 30 s
    /usr/sbin/dockerd --host "$DOCKER_HOST" --data-root "$data_root" --exec-root "$scratch/exec" \
        --pidfile "$scratch/pid" --storage-driver "$1" --iptables=false --ip6tables=false \
        --bridge=none >"$scratch/engine.log" 2>&1 &
    engine_pid=$!
    for _ in {1..60}; do
        sleep 0.5
        kill -0 "$engine_pid" 2>/dev/null || break
        "$DOCKER" version >/dev/null 2>&1 && return 0
    done
    end_engine
    return 1
}

own_engine() {
    if [[ $EUID != 0 ]]; then
        echo "No Docker engine answers, and only root can start one: start Docker." >&2
        return 1
    fi
    install dockerd docker.io
    install docker-compose docker-compose # for the local mode of SageMaker's SDK
    mkdir -p "$data_root"
    export DOCKER_HOST=unix://$scratch/docker.sock DOCKER=/usr/bin/docker
    # Such an engine has no bridge: the build shares the host's network.
    export NETWORK=host
    start_engine overlay2 || start_engine vfs || {
        tail -n 20 "$scratch/engine.log" >&2
        echo "The Docker engine did not start; its last lines stand above." >&2
        return 1
    }
}

make_base() {
    "$DOCKER" image inspect "$base" >/dev/null 2>&1 && return
    if [[ ! -f $base_tar ]]; then
        install mmdebstrap mmdebstrap
        mkdir -p .cache
        mmdebstrap --quiet --variant=minbase --format=tar bookworm "$base_tar.part"
        mv "$base_tar.part" "$base_tar"
    fi
    "$DOCKER" import "$base_tar" "$base" >/dev/null
}

DOCKER=$(docker_client) || own_engine
export DOCKER
if [[ -z ${BASE_IMAGE:-} ]]; then
    make_base
    export BASE_IMAGE=$base
fi
echo "Engine and base after $SECONDS s."
docker/build.sh
echo "Image after $SECONDS s."
IMAGECLF_IMAGE=$IMAGE "$python" -m pytest -m image "${@:-tests/image}"
echo "Done after $SECONDS s."
