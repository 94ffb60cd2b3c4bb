# shellcheck shell=bash
# Sourced by the scripts beside it.

# Print the first docker client that speaks to an engine and can build with BuildKit: clients
# before 23 bring it along, later ones need the buildx plugin. DOCKER names one to use as it is.
docker_client() {
    local client
    if [[ -n ${DOCKER:-} ]]; then
        "$DOCKER" version >/dev/null 2>&1 && echo "$DOCKER"
        return
    fi
    while read -r client; do
        if "$client" version >/dev/null 2>&1 && builds "$client"; then
            echo "$client"
            return
        fi
    done < <(type -ap docker)
    return 1
}

builds() {
    local major
    major=$("$1" version --format '{{.Client.Version}}' | cut -d. -f1)
    ((major < 23)) || "$1" buildx version >/dev/null 2>&1
}

require_docker_client() {
    docker_client || {
        echo "No Docker engine answers (DOCKER_HOST=${DOCKER_HOST:-unset}), or its client lacks" \
            "buildx: start Docker, install docker-buildx, or name a client in DOCKER." >&2
        return 1
    }
}
