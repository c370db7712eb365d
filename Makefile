# `make help` lists the targets. Everything is installed into .venv, from package registries, with hashes.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
TARGET ?= key-secret

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(STAMP): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "missing: Python 3.11 or newer (set PYTHON=/path/to/python3)"; exit 1; }
	@echo "installing the locked dependencies into $(VENV) (once, about a minute) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "missing: the venv module (on Debian: apt install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: install
install: $(STAMP) ## the dependencies, into .venv

.PHONY: demo
demo: $(STAMP) ## the main job, live in the terminal (ARGS=--once: without a terminal; CONTEXT=name: on your cluster)
	@$(BIN)/python -m demo $(if $(CONTEXT),--context $(CONTEXT)) $(ARGS)

.PHONY: test
test: $(STAMP) ## all tests; those on a real kube-apiserver when `make controlplane` has built one
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: controlplane
controlplane: $(STAMP) ## build the real control plane for the tests (once, about ten minutes on two cores)
	@$(BIN)/python -m tests.support.controlplane

.PHONY: image
image: $(STAMP) ## the image as dist/redox-operator.tar, without a Docker engine (root, buildah, debootstrap)
	@$(BIN)/python -m tests.support.image $(ARGS)

.PHONY: e2e
e2e: $(STAMP) ## deploy/ as shipped on a real node, with an application in a container (Linux, root)
	@$(BIN)/python -m tests.e2e $(ARGS)

.PHONY: readers
readers: $(STAMP) ## the promise, measured on the real kubelet's code (40 minutes; ARGS=--docs writes docs/promise.md)
	@$(BIN)/python -m benchmarks.mounted_readers $(ARGS)

.PHONY: fuzz
fuzz: $(STAMP) ## search for input that breaks a parser (TARGET=key-secret, ARGS=-max_total_time=600)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/fuzz.txt
	@$(BIN)/python -m tests.fuzz $(TARGET) $(ARGS)

.PHONY: check
check: $(STAMP) ## format, lint, types, floors
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(STAMP) ## write the format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: lock
lock: ## resolve the dependencies anew (needs uv)
	@uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --quiet --upgrade -o requirements/run.txt
	@uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --quiet --upgrade -c requirements/run.txt -o requirements/dev.txt
	@uv pip compile --group fuzz --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --quiet --upgrade -o requirements/fuzz.txt
