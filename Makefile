# Two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The newest Python that the project supports, unless PYTHON names one.
PYTHON ?= $(shell for candidate in python3.11 python3.12 python3.13 python3; do \
	"$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo "$$candidate"; break; }; done)
VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
TEMPLATE ?= support-intents
DEMO_DIR ?= demo-$(TEMPLATE)

.PHONY: help demo test lint bench clean

help:
	@echo "make demo    set up, then run the whole loop on sample data (TEMPLATE=finance-sentiment for another)"
	@echo "make test    set up, then lint and run every test (COVERAGE=1 says what no test reaches)"
	@echo "make lint    format check, lint, types, import rules"
	@echo "make bench   every published figure (hours; make bench QUICK=1 for minutes)"
	@echo "make clean   remove what these commands made"

$(READY): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "fsl needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or name it: make demo PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@echo "Setting up $(VENV) with $(PYTHON). This takes a few minutes, once."
	@$(PYTHON) -m venv $(VENV) || { echo "The virtual environment could not be made. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --constraint constraints.txt pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[embedded,dev]'
	@touch $(READY)

demo: $(READY)
	@$(BIN)/fsl demo --template $(TEMPLATE) --dir $(DEMO_DIR) --fresh

test: $(READY) lint
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -q $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

lint: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY)
	@$(BIN)/python -m bench $(if $(QUICK),--quick)

clean:
	rm -rf $(VENV) demo-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
