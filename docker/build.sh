#!/usr/bin/env bash
# Build the image. Settings, all optional, from the environment:
#   IMAGE        name and tag (imageclf:latest)
#   BASE_IMAGE   what it is built on (the Dockerfile's CUDA base)
#   PRETRAINED   architectures whose ImageNet weights are baked in ("resnet50 inception_v3")
#   PLATFORM     such as linux/amd64
#   NETWORK      network of the build ("host" behind an engine without a bridge)
#   DOCKER       the docker client to use
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=docker/engine.sh
source docker/engine.sh

image=${IMAGE:-imageclf:latest}
client=$(require_docker_client)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
context=$scratch/context

pip_settings=$(python3 -m pip config list 2>/dev/null || true)
pip_setting() { # name; from PIP_<NAME>, else from pip's configuration files
    local variable=PIP_${1^^}
    variable=${variable//-/_}
    if [[ -n ${!variable:-} ]]; then
        echo "${!variable}"
    else
        sed -n "s/^\(global\|install\)\.$1='\(.*\)'\$/\2/p" <<<"$pip_settings" | sed 's/\\n/ /g'
    fi
}

make_context() {
    mkdir -p "$context/container" "$context/docker/wheels"
    cp -r container/imageclf "$context/container/"
    cp docker/{requirements.txt,bake.py,slim.sh} "$context/docker/"
    cp .dockerignore "$context/"
}

# Wheels of the pinned packages in pip's own folder. A CPU torch must not slip into a CUDA image.
add_wheels() {
    local folder wheel name
    for folder in $(pip_setting find-links) docker/wheels; do
        [[ -d $folder ]] || continue
        for wheel in "$folder"/*.whl; do
            name=${wheel##*/}
            name=${name%%-*}
            grep -qi "^${name//_/[-_]}==" docker/requirements.txt || continue
            [[ $wheel == *+cpu* && ${BASE_IMAGE:-cuda} == *cuda* ]] && continue
            ln "$wheel" "$context/docker/wheels/" 2>/dev/null || cp "$wheel" "$context/docker/wheels/"
        done
    done
}

# Secrets are passed only where this machine's pip needs more than the defaults.
secrets=()
add_secrets() {
    local ca name value
    ca=$(pip_setting cert)
    printf '[global]\n' >"$scratch/pip.conf"
    if [[ -f $ca ]]; then
        secrets+=(--secret "id=ca,src=$ca")
        printf 'cert = /run/secrets/ca\n' >>"$scratch/pip.conf"
    fi
    for name in index-url extra-index-url trusted-host proxy timeout; do
        value=$(pip_setting "$name" | tr ' ' '\n' | { grep -v '^file:' || true; } | xargs)
        [[ -z $value ]] || printf '%s = %s\n' "$name" "$value" >>"$scratch/pip.conf"
    done
    (($(wc -l <"$scratch/pip.conf") == 1)) || secrets+=(--secret "id=pipconf,src=$scratch/pip.conf")
}

make_context
add_wheels
add_secrets
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' container/imageclf/__init__.py)
DOCKER_BUILDKIT=1 "$client" build --file docker/Dockerfile --tag "$image" \
    --build-arg "VERSION=$version" \
    --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
    ${BASE_IMAGE:+--build-arg "BASE_IMAGE=$BASE_IMAGE"} \
    ${PRETRAINED:+--build-arg "PRETRAINED=$PRETRAINED"} \
    ${PLATFORM:+--platform "$PLATFORM"} ${NETWORK:+--network "$NETWORK"} \
    "${secrets[@]}" "$context"
echo "Built $image: $("$client" image inspect --format '{{.Size}}' "$image" | numfmt --to=si)B."
