# Every target sets up .venv first where it needs it; `make help` lists them.
PYTHON ?= python3
IMAGE ?= imageclf:latest

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
CLIENTS_VENV := .venv-clients
CLIENTS_STAMP := $(CLIENTS_VENV)/.set-up
SHELL_SCRIPTS = $(shell git ls-files --cached --others --exclude-standard -- '*.sh' .ci)

export IMAGE
.DEFAULT_GOAL := help
.PHONY: help setup check format test test-clients test-image build push local-train local-serve \
	local-serve-stop local-predict local-cloud local-cloud-stop demo conformance \
	bench-train bench-serve bench-cloud bench-debug bench-rules bench-profile soak readme clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv and install everything (the others call it when needed)
	@echo "Everything is set up in $(VENV)."

$(STAMP): docker/requirements.txt scripts/requirements.txt requirements-dev.txt pyproject.toml scripts/system.sh
	@scripts/system.sh $(PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the Python packages into $(VENV); the first time takes some minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-r docker/requirements.txt -r scripts/requirements.txt \
		-r requirements-dev.txt --editable .
	@touch $@

check: $(STAMP)  ## formatting, lint, types, who imports whom, Dockerfile, shell scripts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/shellcheck $(SHELL_SCRIPTS)

format: $(STAMP)  ## put the code into the form that `make check` asks for
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Each module is compiled once, and not in each of the hundreds of processes that tests start.
test: export PYTHONDONTWRITEBYTECODE =
test: $(STAMP)  ## all tests but those of the image and of other clients
	$(BIN)/pytest -n 3 --dist worksteal -m "not image and not clients"

test-clients: $(STAMP) $(CLIENTS_STAMP)  ## try the local cloud with SageMaker's SDK v3 and the AWS CLI
	$(BIN)/pytest tests/clients -m clients

# SDK v3 and the CLI: they want other versions of what .venv holds.
$(CLIENTS_STAMP): tests/clients/requirements.txt
	@test -x $(CLIENTS_VENV)/bin/python || $(PYTHON) -m venv $(CLIENTS_VENV)
	@echo "Installing the clients into $(CLIENTS_VENV); the first time takes some minutes."
	@$(CLIENTS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

test-image: $(STAMP)  ## build the image, train in it, stop it, resume it (root, or a Docker engine)
	docker/test.sh

build: $(STAMP)  ## build the image: IMAGE, BASE_IMAGE, PRETRAINED="resnet50 ..."
	docker/build.sh

push: $(STAMP)  ## push the image to Amazon ECR, with your AWS credentials
	docker/push.sh

local-train: $(STAMP)  ## train here: DATA=<folder>|dogs HP="epochs=3 lr=0.001" RUNNER=auto|docker|process RESUME=1
	@$(BIN)/python -m local_test.train

local-serve: $(STAMP)  ## serve here: MODEL=<run, model or model.tar.gz> PORT=8080 RUNNER=... MULTI=1 BACKGROUND=1
	@$(BIN)/python -m local_test.serve

local-serve-stop: $(STAMP)  ## stop what local-serve started
	@$(BIN)/python -m local_test.serve --stop

# IMAGE has a default, the image's name, which is no picture.
local-predict: export PICTURES = $(if $(filter file,$(origin IMAGE)),,$(IMAGE))
local-predict: $(STAMP)  ## ask what is served: IMAGE=photo.jpg (several, or a folder) TOP=3 URL=... NAME=<model>
	@$(BIN)/python -m local_test.predict

local-cloud: $(STAMP)  ## start a local SageMaker endpoint and say how to use it: LOCAL_CLOUD_PORT=4577 LOCAL_CLOUD_ROOT=<folder>
	@local_test/cloud.sh start

local-cloud-stop: $(STAMP)  ## stop what local-cloud started, with all that runs in it
	@local_test/cloud.sh stop

demo: $(STAMP)  ## everything once, offline: data, search, spot training, endpoint, batch, teardown; RUNNER=...
	@$(BIN)/python -m local_test.demo

conformance: $(STAMP)  ## hold any server to SageMaker's contracts: URL=http://... ARGS="--body photo.jpg"
	@$(BIN)/python -m local_test.conformance $(URL) $(ARGS)

bench-train: $(STAMP)  ## measure training against a plain torchvision loop
	$(BIN)/python -m bench.train

bench-serve: $(STAMP)  ## measure serving against its peers, which it installs into .venv-peers
	$(BIN)/python -m bench.serve

bench-cloud: $(STAMP)  ## measure what the local cloud adds to jobs and invocations
	$(BIN)/python -m bench.cloud

bench-debug: $(STAMP)  ## measure what the debugger's hook adds to training, against smdebug's
	$(BIN)/python -m bench.debug $(ARGS)

bench-rules: $(STAMP)  ## count true and false alarms of the debugger's rules: ARGS="--healthy 100"
	$(BIN)/python -m bench.rules $(ARGS)

bench-profile: $(STAMP)  ## measure what the profiler costs, finds, advises, shows: ARGS="cost|planted|advice|page|recorded"
	$(BIN)/python -m bench.profile $(ARGS)

soak: $(STAMP)  ## ask a server 20,000 times and see whether its memory grows: ARGS="--model <folder>"
	$(BIN)/python -m bench.soak $(ARGS)

readme: $(STAMP)  ## write the tables of hyperparameters and settings anew (README.md, docs/serving.md)
	$(BIN)/python -m scripts.readme

clean:  ## remove .venv and caches; keeps data and runs
	rm -rf $(VENV) $(CLIENTS_VENV) .venv-peers .mypy_cache .ruff_cache .pytest_cache .import_linter_cache container/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
