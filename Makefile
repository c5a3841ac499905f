# make demo: train, test and predict on the bundled data.   make test: run the test suite.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := $(VENV)/.demo
ENGINES := .venv-engines

.PHONY: demo setup test test-nojit test-bounds test-engines lint format messages bench bench-chinese build clean

demo: $(DEMO)
	$(BIN)/fasttext-lite demo --data zh_topics --output demo
	$(BIN)/fasttext-lite demo --data en_topics --output demo

setup: $(READY)

test: $(READY)
	$(BIN)/python -m pytest

# Tests are found by their marker: those of compiled code (pytest.mark.kernels) without compilation,
# where every line runs as plain Python ...
test-nojit: $(READY)
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -m kernels tests

# ... and, with some more (pytest.mark.bounds), compiled with a check of every index.
test-bounds: $(READY)
	NUMBA_BOUNDSCHECK=1 $(BIN)/python -m pytest -m "kernels or bounds" tests

# The recipes of docs/engines.md, with all engines in an environment of their own; Spark needs Java.
test-engines: $(ENGINES)/.ready
	$(ENGINES)/bin/python -m pytest tests/engines

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# docs/messages.md, from the source.
messages: $(READY)
	$(BIN)/python -m tools.make_messages

# The data sets of FASTTEXT_LITE_DATA, or the bundled ones.
bench: $(READY)
	$(BIN)/python -m bench.compare

# The Chinese sets of FASTTEXT_LITE_DATA, or those that `fasttext-lite datasets fetch` brought.
bench-chinese: $(READY)
	$(BIN)/python -m bench.chinese

build: $(READY)
	$(BIN)/python -m build

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "fasttext-lite needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)

$(DEMO): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[plot]'
	touch $@

$(READY): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(DEMO)

$(ENGINES)/.ready: pyproject.toml
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[engines]' 'pytest>=8'
	touch $@

clean:
	rm -rf $(VENV) $(ENGINES) build dist demo .pytest_cache .mypy_cache .ruff_cache
