# One word per chore. Everything happens in .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := src tests examples benchmarks

.PHONY: demo test check format clean
.NOTPARALLEL:

# Restore the shipped example photos and show before and after.
demo: $(VENV)/.base
	$(BIN)/python examples/demo.py

# Everything that guards the house: style, types, import contracts, tests.
test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q

check: $(VENV)/.dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml | $(VENV)/bin/python
	@echo "installing unblur into $(VENV) ..."
	$(PIP) install -e .
	@touch $@

# PyTorch first and pinned: its CPU build is a tenth of the size of the default one on Linux.
$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "installing unblur and everything its tests need into $(VENV) ..."
	$(PIP) install torch==2.13.0
	$(PIP) install -e '.[dev,train]'
	@touch $@ $(VENV)/.base

clean:
	rm -rf $(VENV) build dist demo-out .pytest_cache .mypy_cache .ruff_cache
