# These words do everything: demo, test, test-aws, check, bench, fuzz, chaos, soak, licenses. Each sets up what it needs in .venv, once.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
TESTS  ?= tests
# Of the Lambda functions in template.yaml: where AWS is emulated, they run on this Python.
LAMBDA_PYTHON ?= python3.11
AWS_TOOLS     := sam ministack localstack functions
# Of `make soak`.
SECONDS ?= 3600

.PHONY: demo test test-aws check bench fuzz licenses chaos soak clean
.DEFAULT_GOAL := demo

# --- set-up ------------------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Headrace needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up $(VENV) (once, about half a minute) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml sdk/python/pyproject.toml $(VENV)/.installed
	@echo "Setting up the tests in $(VENV) (once) ..."
	@$(PIP) --editable '.[test]' --editable sdk/python
	@touch $@

# The tools for AWS have an environment each: what they pin contradicts one another.
.venv-%/.installed: infra/localstack/requirements-%.txt
	@echo "Setting up .venv-$* (once, up to a minute) ..."
	@$(LAMBDA_PYTHON) -m venv .venv-$*
	@.venv-$*/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@if [ $* = localstack ]; then .venv-$*/bin/pip install --quiet --disable-pip-version-check --no-deps --editable infra/localstack; fi
	@touch $@

.PRECIOUS: .venv-%/.installed

# --- the words ---------------------------------------------------------------------------------------------

demo: $(VENV)/.installed  ## a first result, end to end, without an account
	@$(BIN)/headrace demo

test: $(VENV)/.installed-test  ## all tests
	@$(BIN)/python -m pytest -n auto --ignore=tests/aws $(TESTS)

test-aws: $(VENV)/.installed-test $(AWS_TOOLS:%=.venv-%/.installed)  ## the same template, deployed to emulators of AWS
	@$(BIN)/python -m pytest -n 3 --dist loadgroup tests/aws

check: $(VENV)/.installed-test .venv-sam/.installed  ## format, lint, types, floors, template
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@.venv-sam/bin/cfn-lint template.yaml agents/lambda-digest/template.yaml
	@SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint --region us-east-1

bench: $(VENV)/.installed-test  ## the figures (BENCH="--only growth", BENCH=--report)
	@$(BIN)/python -m tests.benchmarks $(BENCH)

chaos: $(VENV)/.installed-test  ## a million records under faults, and the proof that none is lost (CHAOS="--engine nats --seed 7")
	@$(BIN)/python -m tests.chaos $(CHAOS)

soak: $(VENV)/.installed-test  ## an hour of steady load: memory, file handles and databases stay flat
	@$(BIN)/python -m tests.chaos.soak --seconds $(SECONDS)

$(VENV)/.installed-fuzz: pyproject.toml $(VENV)/.installed-test
	@echo "Setting up the fuzzer in $(VENV) (once) ..."
	@$(PIP) --editable '.[fuzz]'
	@touch $@

fuzz: $(VENV)/.installed-fuzz  ## whatever comes from strangers, each target for FUZZ_SECONDS (20)
	@$(BIN)/python -m tests.fuzz $(FUZZ_TARGETS)

licenses: $(VENV)/.installed-test  ## LICENSES.md anew
	@$(BIN)/python -m tests.security.licenses

clean:
	@rm -rf $(VENV) $(AWS_TOOLS:%=.venv-%)
