# Everything that pipesql needs is made here, in .venv, from Python 3.11 or newer alone. `make` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev test test-long smoke lint docs ui clean

# The first interpreter that runs and is new enough; `make PYTHON=/path/to/python3` overrides it.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PIPESQL_TORCH ?= auto
export PIPESQL_TORCH
BIN := .venv/bin
PORT ?= 5000

# Steps run as `python -m steps.…`: that python is the environment's, activated or not.
export PATH := $(CURDIR)/$(BIN):$(PATH)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

READY := .venv/.ready-$(PIPESQL_TORCH)
READY_DEV := .venv/.ready-dev-$(PIPESQL_TORCH)

setup: $(READY)  ## create .venv with everything that training needs (PIPESQL_TORCH=auto|cpu|cuda)

setup-dev: $(READY_DEV)

$(READY): requirements.lock requirements-torch.lock pyproject.toml scripts/setup.py
	@$(if $(PYTHON),,$(error pipesql needs Python 3.11 or newer, and none was found: install it, or name it by make PYTHON=/path/to/python3))
	@$(PYTHON) scripts/setup.py
	@touch $@

$(READY_DEV): requirements.lock requirements-torch.lock requirements-dev.lock pyproject.toml scripts/setup.py
	@$(if $(PYTHON),,$(error pipesql needs Python 3.11 or newer, and none was found: install it, or name it by make PYTHON=/path/to/python3))
	@$(PYTHON) scripts/setup.py --dev
	@touch $@ $(READY)

smoke: setup  ## the whole pipeline: the demo benchmark teaches SmolLM2-135M, the table at the end says how well
	@mlflow run . -e main --env-manager local -P model=smol -P recipe=smoke -P benchmark=demo

# Two workers with one thread each beat one with two: most tests wait for processes or are not parallel inside.
PYTEST := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false pytest -n auto --maxprocesses 4

test: lint  ## lint and run every test that is not long
	@$(PYTEST) -m "not long"

test-long: setup-dev  ## run the long tests: real weights, servers, fuzzing, whole pipelines, tutorials, the wheel
	@$(PYTEST) -m long

lint: setup-dev  ## style, types and layers
	@ruff check .
	@ruff format --check --quiet .
	@mypy
	@lint-imports --no-cache

docs: setup-dev  ## build the documentation into site/, links checked
	@NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

ui: setup  ## show runs and models at http://127.0.0.1:$(PORT) (PORT=5000)
	@mlflow ui --backend-store-uri sqlite:///$(CURDIR)/mlflow.db --default-artifact-root $(CURDIR)/mlruns \
		--no-serve-artifacts --workers 1 --host 127.0.0.1 --port $(PORT)

clean:  ## remove .venv, caches and build products; runs (mlflow.db, mlruns) and output stay
	@rm -rf .venv build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find pipesql steps tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
