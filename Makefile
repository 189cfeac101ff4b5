# make demo · make test · make check · make benchmark: each sets up what it needs, in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Each process keeps to its files, and so makes their fixtures once, until it has nothing left to do.
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist worksteal
# Tests that read the sources and run nothing of them.
SOURCE_TESTS := tests/test_architecture.py tests/test_measures.py tests/test_wording.py tests/docs/test_tables.py tests/docs/test_references.py
# Every module imported, and the fast tests of what all else rests on.
CORE_TESTS := -m "not slow" tests/test_imports.py tests/core tests/formats tests/losses tests/metrics
DEMO ?= demo
# Real sample images for the tests; unset: those tests skip with a reason.
export HPA_SAMPLES ?=
# No network at run time: hubs would be contacted again and again, trackers would wait.
export HF_HUB_OFFLINE = 1
export NO_ALBUMENTATIONS_UPDATE = 1
export WANDB_MODE ?= offline
# Tests start hundreds of processes; each would compile every module anew where Python may not keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast test-slow test-thorough test-minimum test-no-extras check lint tables docs docs-serve benchmark attack audit ladder clean

help: ## Show what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(READY) ## Make .venv with everything in it

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python >= 3.11 is needed; found $$($(PYTHON) --version). Set PYTHON=..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	UV_COMPILE_BYTECODE=1 $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $(READY)

demo: $(READY) ## Synthetic fields -> trained model -> submission.csv -> score -> page (4 minutes on 2 cores)
	PATH="$(abspath $(BIN)):$$PATH" bash demo.sh $(DEMO)

test: $(READY) ## All tests but the thorough ones; the fast ones begin
	$(PYTEST)

test-fast: $(READY) ## The fast tests
	$(PYTEST) -m "not slow and not thorough"

test-slow: $(READY) ## Tests that train
	$(PYTEST) -m "slow and not thorough"

test-thorough: $(READY) ## What takes long: many kills, comparisons of trained networks, twenty times as many drawn examples
	$(PYTEST) -m "thorough or not slow" --hypothesis-profile=thorough

test-minimum: $(READY) ## Core tests with the oldest versions that pyproject.toml allows
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VENV)-minimum
	$(BIN)/uv pip install --quiet --python $(VENV)-minimum/bin/python --resolution lowest-direct -e '.[test]'
	$(VENV)-minimum/bin/python -m pytest -q -W default $(CORE_TESTS)

test-no-extras: $(READY) ## Core tests without any extra, in the versions of constraints.txt
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VENV)-no-extras
	$(BIN)/uv pip install --quiet --python $(VENV)-no-extras/bin/python -c constraints.txt -e '.[test]'
	$(VENV)-no-extras/bin/python -m pytest -q $(CORE_TESTS)

tables: $(READY) ## Write the tables of README.md and docs/ from conf/
	$(BIN)/python -m docs.tables

docs: $(READY) ## Build the site in build/site, without the network; every warning is an error
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site
	@echo "open build/site/index.html"

docs-serve: docs ## Build the site and serve it on this machine
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site 8000

check: lint ## Format, lint, types, architecture, wording, tables
	$(BIN)/python -m pytest -q $(SOURCE_TESTS)

lint: $(READY) ## The part of check that is not among the tests: format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

benchmark: $(READY) ## Side by side with what you would do otherwise; ratios in one table
	$(BIN)/python -m benchmarks

attack: $(READY) ## Fuzzed and bad input, kills: counted in one table (hours; SECONDS= of each attack, SEED=)
	$(BIN)/python -m benchmarks.attack --seconds $(or $(SECONDS),1800) --seed $(or $(SEED),0)

audit: $(READY) ## Known holes of the versions in constraints.txt, by the advisory database of PyPI (needs the network)
	$(BIN)/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip --progress-spinner off || { \
	echo "Not audited, or holes were found: 'not found on PyPI' and connection errors mean that the database was not reached."; exit 1; }

ladder: $(READY) ## Every weak-label recipe, three seeds each, against the oracle: hours, resumable (LADDER=folder)
	$(BIN)/python -m benchmarks.ladder $(or $(LADDER),ladder)

clean: ## Remove the environments and the demo
	rm -rf $(VENV) $(VENV)-minimum $(VENV)-no-extras $(DEMO)
