# One front door. Every target makes the environment that it needs; nothing has to be installed before
# Python 3.11+, a C compiler and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find src core -type f -not -path '*/__pycache__/*' 2>/dev/null) meson.build meson.options pyproject.toml

.PHONY: demo test prove bench lint clean help
help:
	@echo "make demo   the main job on real input"
	@echo "make test   all tests, and a bounded slice of each proof campaign"
	@echo "make prove  the full proof campaigns (about an hour)"
	@echo "make bench  the benchmarks against their peers"
	@echo "make lint   ruff and mypy"

# Installed, never editable: an editable extension rebuilds at import, and many processes import at once.
$(VENV)/installed: $(SOURCES) README.md
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "tocsin needs Python 3.11 or newer: make PYTHON=python3.x" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps .
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check .
	@touch $@

$(VENV)/tested: $(VENV)/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[test]'
	@# SystemEvent brings scripts of the names of ours: ours come last.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps .
	@touch $@

demo: $(VENV)/installed
	@$(BIN)/tocsin demo

test: $(VENV)/tested
	@$(BIN)/python -m pytest

prove: $(VENV)/tested
	@TOCSIN_PROVE=full $(BIN)/python -m pytest -m prove --timeout=7200

bench: $(VENV)/tested
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --target build/peers --upgrade -r benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.bench_event $(BENCH)

lint: $(VENV)/tested
	@$(BIN)/python -m ruff check src tests benchmarks verify
	@$(BIN)/python -m mypy

clean:
	rm -rf $(VENV) build
