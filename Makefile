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

# Python 3.10 and the lowest versions have an environment of their own, without PyTorch. The wheels
# of those versions end with Python 3.11.
LOWEST := .venv-lowest
LOWEST_PYTHON ?= $(firstword $(foreach version,3.10 3.11,$(shell \
    for found in python$(version) "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(version).*/bin/python; do \
        "$$found" -c 'import ensurepip, venv' 2>/dev/null && echo "$$found" && break; done)))
LOWEST_TESTS := tests/io/test_names.py tests/io/test_sources.py tests/io/test_folders.py \
    tests/io/test_writing.py tests/cli/test_cli.py tests/cli/test_detect.py tests/video/test_pipes.py \
    tests/video/test_steady.py tests/pipeline/test_pipeline.py tests/web/test_parts.py tests/zoo

# Processes that share the tests (tests/conftest.py says how); 0 for one process. One more than two
# cores: the tests of the page often wait for clocks and for processes of their own.
JOBS ?= 3

# Seconds and seed for make fuzz.
FUZZ ?= 600 0

.PHONY: demo test test-lowest test-federated check docs fuzz format train clean
.NOTPARALLEL:

# Restore the shipped example photos and show before and after.
demo: $(VENV)/.base
	$(BIN)/python examples/demo.py

# Everything that guards the house: style, types, import contracts, tests.
test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup --no-loadscope-reorder

# Federations in one process and over real connections; see docs/federated.md.
test-federated: $(FEDERATED)/.ready
	OMP_NUM_THREADS=1 $(FEDERATED)/bin/python -m pytest -q tests/training/test_flower.py tests/training/test_flower_net.py

# The core of the suite on the lowest versions that pyproject.toml allows, on Python 3.10 if there is
# one (else 3.11), in the PATH or among pyenv's; where there is neither, that is said and no failure.
test-lowest:
	@found='$(LOWEST_PYTHON)'; if test -z "$$found"; then \
	    echo 'no Python 3.10 or 3.11 here: the lowest versions are not tried' >&2; else \
	    echo "lowest versions on $$($$found --version)" && \
	    $(MAKE) --no-print-directory LOWEST_PYTHON="$$found" $(LOWEST)/.ready && \
	    OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -q -p no:cacheprovider $(LOWEST_TESTS); fi

check: $(VENV)/.dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

# Damaged files for every reader; see SECURITY.md. As in: make fuzz FUZZ="60 7"
fuzz: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/fuzz.py $(FUZZ)

# The site, English and Chinese, into site/; a warning is an error. Open site/index.html.
docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

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

$(LOWEST)/.ready: pyproject.toml tests/constraints-lowest.txt
	@echo "installing the lowest versions into $(LOWEST) ..."
	@$(LOWEST_PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip --disable-pip-version-check --quiet install \
	    -c tests/constraints-lowest.txt -e '.[classical,heif,raw,stores,tiff,web]' pytest hypothesis
	@touch $@

clean:
	rm -rf $(VENV) $(FEDERATED) $(LOWEST) build dist demo-out course-out site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
