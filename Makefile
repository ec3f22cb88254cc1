# Payerwatch: each command is one line here. `make` lists them.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
WITH_POSTGRES := $(BIN)/python scripts/with_postgres.py
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

install: .venv/installed  ## build .venv with what running Payerwatch needs
.venv/installed: requirements/base.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes -r requirements/base.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

install-dev: .venv/installed-dev  ## build .venv with what testing Payerwatch needs as well
.venv/installed-dev: .venv/installed requirements/dev.lock
	$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@

lock:  ## lock the dependencies anew, hashes and no addresses (needs uv)
	uv pip compile $(LOCK) --extra build pyproject.toml -o requirements/base.lock
	uv pip compile $(LOCK) --extra build --extra dev -c requirements/base.lock pyproject.toml -o requirements/dev.lock
