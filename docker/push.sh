#!/usr/bin/env bash
# Push the image to Amazon ECR; see docker/push.py for the settings.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=docker/engine.sh
source docker/engine.sh

DOCKER=$(require_docker_client)
export DOCKER
exec "${PYTHON:-.venv/bin/python}" docker/push.py
