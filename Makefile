# Four words do everything: demo, test, check, bench. Each sets up what it needs in .venv, once.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
TESTS  ?= tests

.PHONY: demo test check bench clean
.DEFAULT_GOAL := demo

# --- set-up ------------------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Headrace needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) (once, about half a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml sdk/python/pyproject.toml $(VENV)/.installed
	@echo "Setting up the tests in $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' --editable sdk/python
	@touch $@

# --- the four words ----------------------------------------------------------------------------------------

demo: $(VENV)/.installed  ## a first result, end to end, without an account
	@$(BIN)/headrace demo

test: $(VENV)/.installed-test  ## all tests
	@$(BIN)/python -m pytest -n auto $(TESTS)

check: $(VENV)/.installed-test  ## format, lint, types, floors, template
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint template.yaml

bench: $(VENV)/.installed-test  ## the figures
	@$(BIN)/python -m tests.benchmarks

clean:
	@rm -rf $(VENV)
