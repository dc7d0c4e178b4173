# Every verb of the project, the same here and in CI (.ci/run). Needs Python >= 3.11, make and a package index.
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow up check bench pictures lock
SHELL := /bin/sh
BIN := .venv/bin
SET_UP := .venv/.set-up
WORKERS ?= auto
# Where it is set, each of many processes would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(SET_UP) ## simulated patients through the real doors, on the embedded broker and database; then verify
	@$(BIN)/stepdown demo $(ARGS)

up: $(SET_UP) ## everything embedded, until Ctrl-C
	@$(BIN)/stepdown up $(ARGS)

test: $(SET_UP) ## the fast test suite
	@$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: $(SET_UP) ## longer loads, outages, the whole corpus by each door, the whole demo; on Apache Kafka where Docker or Java and Maven are
	@$(BIN)/python -m pytest -m slow $(ARGS)

check: $(SET_UP) ## lint, format, types, import contracts, generated docs fresh
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/stepdown export --check

bench: $(SET_UP) ## every benchmark beside its peers: bench/results, docs/performance.md; about 40 minutes
	@$(BIN)/stepdown bench all $(ARGS)

pictures: $(SET_UP) ## docs/desk: the desks' pages in a browser, of a demo; needs Chromium
	@$(BIN)/python -m tests.pictures $(ARGS)

# The stamp is newer than the lock files when what is installed is what they name.
$(SET_UP): pyproject.toml requirements-dev.lock .ci/set-up
	@sh .ci/set-up

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet
lock: ## write the lock files anew from pyproject.toml (needs uv); UPGRADE=--upgrade for newer versions
	@$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.lock
	@$(COMPILE) $(UPGRADE) --extra embedded -c requirements.lock pyproject.toml -o requirements-embedded.lock
	@$(COMPILE) $(UPGRADE) --extra embedded --extra dev -c requirements-embedded.lock pyproject.toml -o requirements-dev.lock
