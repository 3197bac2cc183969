# One word per chore. Everything happens in .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := src tests examples benchmarks

# For make train, as in: make train PHOTOS=sharp/ RUN=runs/mine ARGS="--steps 500 --threads 2"
CONFIG ?= configs/kernel_net.toml
RUN ?= runs/$(basename $(notdir $(CONFIG)))

# Flower wants older versions of some packages than the rest uses, so it has an environment apart.
FEDERATED := .venv-federated

.PHONY: demo test test-federated check format train clean
.NOTPARALLEL:

# Restore the shipped example photos and show before and after.
demo: $(VENV)/.base
	$(BIN)/python examples/demo.py

# Everything that guards the house: style, types, import contracts, tests.
test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q

# Federations in one process and over real connections; see docs/federated.md.
test-federated: $(FEDERATED)/.ready
	OMP_NUM_THREADS=1 $(FEDERATED)/bin/python -m pytest -q tests/training/test_flower.py tests/training/test_flower_net.py

check: $(VENV)/.dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# Train on the photos of a folder; the same command goes on with a stopped run. See docs/training.md.
train: $(VENV)/.dev
	@test -n "$(PHOTOS)" || { echo 'say where the sharp photos are: make train PHOTOS=folder' >&2; exit 2; }
	$(BIN)/unblur train $(CONFIG) --photos "$(PHOTOS)" --run "$(RUN)" $(ARGS)

# A stamp, not bin/python, says that it is whole: that file is there even when making it failed.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo 'unblur needs Python 3.10 or later; name one: make PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	    { echo 'python3 cannot make environments; install its venv package' >&2; exit 1; }
	@touch $@

$(VENV)/.base: pyproject.toml | $(VENV)/.made
	@echo "installing unblur into $(VENV) ..."
	$(PIP) install -e .
	@touch $@

# PyTorch first and pinned, so that nothing else chooses its version.
$(VENV)/.dev: pyproject.toml | $(VENV)/.made
	@echo "installing unblur and everything its tests need into $(VENV) ..."
	$(PIP) install torch==2.13.0
	$(PIP) install -e '.[dev,train]'
	$(PIP) install --no-deps spandrel spandrel-extra-arches
	@touch $@ $(VENV)/.base

$(FEDERATED)/.ready: pyproject.toml
	@echo "installing unblur and Flower into $(FEDERATED) ..."
	$(PYTHON) -m venv $(FEDERATED)
	$(FEDERATED)/bin/python -m pip install --quiet torch==2.13.0
	$(FEDERATED)/bin/python -m pip install --quiet -e '.[federated]' pytest hypothesis
	@touch $@

clean:
	rm -rf $(VENV) $(FEDERATED) build dist demo-out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
