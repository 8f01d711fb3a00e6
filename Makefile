# One command each; `make help` lists them. Needs Python 3.11 to 3.13 with venv, and libgomp1 for LightGBM.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(p)),$(p))))
VENV   ?= .venv
BIN    := $(VENV)/bin
CODE   := scoreline tests benchmarks deploy
# Tests with brokers mostly wait for them: three processes take a sixth less time than two also where there are two
# cores, each with a Kafka of its own, a file in one; about 6 GiB. Files come in the order of tests/conftest.py. The fast
# tests wait for nothing: two processes.
PROCESSES ?= 3
PYTEST := $(BIN)/pytest --dist loadfile --no-loadscope-reorder

# Without bytecode on disk each of the hundreds of processes that the tests start compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help needs setup demo test test-all lint format types imports bench torture ci clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

needs:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || \
	  { echo "scoreline needs Python 3.11, 3.12 or 3.13; say which with: make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "this Python has no venv (Debian and Ubuntu: apt-get install python3-venv)"; exit 2; }
	@$(PYTHON) -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || [ "$$(uname)" != Linux ] || \
	  { echo "LightGBM needs the OpenMP runtime (Debian and Ubuntu: apt-get install libgomp1)"; exit 2; }

# A stamp for each set of extras: made anew when pyproject.toml changes.
$(VENV)/.installed-%: pyproject.toml | needs
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@echo "installing scoreline[$*] into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --editable '.[$*]'
	@touch $@

setup: $(VENV)/.installed-test  ## make the virtual environment with everything that tests and checks need

demo: $(VENV)/.installed-demo  ## train on real flights, start Kafka, stream, show what happens
	@$(BIN)/scoreline demo

test: $(VENV)/.installed-test  ## the fast tests, then the slow ones and those on a real Apache Kafka that starts by itself
	$(PYTEST) -n 2 -q
	$(PYTEST) -n $(PROCESSES) -q -m "kafka or registry or slow" --durations=10

test-all: $(VENV)/.installed-test  ## every test: real Kafka, a real schema registry, the slow ones
	$(PYTEST) -n $(PROCESSES) -m "" --durations=10

format: $(VENV)/.installed-test  ## rewrite the code in the one style
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)

lint: $(VENV)/.installed-test  ## style, and who may import whom
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports

types: $(VENV)/.installed-test  ## mypy, strict
	$(BIN)/mypy

bench: $(VENV)/.installed-test $(VENV)/.installed-bench  ## every benchmark; each also checks its answers
	@for b in $(sort $(filter-out __init__,$(basename $(notdir $(wildcard benchmarks/[a-z]*.py))))); do \
	  echo "== $$b"; $(BIN)/python -m benchmarks.$$b || exit 1; done

PROTOCOL ?= classic
DELIVERY ?= exactly-once
FORM     ?= members
torture: $(VENV)/.installed-test  ## up to 25 minutes of trouble: PROTOCOL= DELIVERY= FORM= SEED=; goes on where it was interrupted
	@if [ "$(FORM)" = memory ]; then exec $(BIN)/python -m benchmarks.stream_memory --delivery $(DELIVERY); fi; \
	exec $(BIN)/python -m tests.torture --protocol $(PROTOCOL) --delivery $(DELIVERY) --form $(FORM) $(if $(SEED),--seed $(SEED))

ci: lint types $(VENV)/.installed-test  ## what CI runs: lint, types, imports, all tests; fails if real Kafka or a program was skipped
	$(PYTEST) -n $(PROCESSES) -m "" --require-kafka --require-registry --require-tools --durations=10

clean:  ## remove the virtual environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
