# One front door. Every target makes the environment that it needs; nothing has to be installed before
# Python 3.11+, a C compiler and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find src core -type f -not -path '*/__pycache__/*' 2>/dev/null) meson.build meson.options pyproject.toml

.PHONY: demo test docs prove bench lint wheel wheels pins notes clean help
help:
	@echo "make demo   the main job on real input"
	@echo "make test   all tests, and a bounded slice of each proof campaign"
	@echo "make docs   the documentation, as a site: build/docs/html/index.html"
	@echo "make prove  the full proof campaigns (about an hour)"
	@echo "make bench  the benchmarks against their peers"
	@echo "make lint   ruff and mypy"
	@echo "make wheel  an sdist and this Python's wheel, checked, and the contract suite against it (twenty minutes)"
	@echo "make wheels every wheel of a release (cibuildwheel; needs docker)"

PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# A wheel, installed; never editable: an editable extension rebuilds at import, and many processes import at once.
$(VENV)/installed: $(SOURCES) README.md
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "tocsin needs Python 3.11 or newer: make PYTHON=python3.x" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@rm -rf build/wheel
	@echo "building tocsin ..."
	@$(PIP) wheel --no-deps --wheel-dir build/wheel .
	@$(PIP) install build/wheel/*.whl
	@$(PIP) install --force-reinstall --no-deps build/wheel/*.whl
	@touch $@

# SystemEvent, a peer, brings scripts of the same names as ours: ours are installed last.
$(VENV)/tested: $(VENV)/installed
	@echo "installing what the tests use ..."
	@for wheel in build/wheel/*.whl; do $(PIP) install "$$wheel[test]"; done
	@$(PIP) install --force-reinstall --no-deps build/wheel/*.whl
	@touch $@

demo: $(VENV)/installed
	@$(BIN)/tocsin demo

# A file of tests is one worker's, of whom there are two to a processor, because many wait; each test has a place and
# children of its own. The long files come first (tests/harness/order.py). A worker that the watchdog ended ends the
# run, with its test's name: a new one in its place could leave the others waiting for ever.
test: $(VENV)/tested
	@$(BIN)/python -m pytest -n $$((2 * $$(nproc))) --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
	  --max-worker-restart 0

# Every warning, a link that leads nowhere included, is an error.
docs: $(VENV)/documented
	@$(BIN)/python -m sphinx -q -W --keep-going -E -c docs -b html -d build/docs/read . build/docs/html
	@echo "build/docs/html/index.html"

$(VENV)/documented: $(VENV)/installed
	@echo "installing what the site is made with ..."
	@for wheel in build/wheel/*.whl; do $(PIP) install "$$wheel[docs]"; done
	@touch $@

prove: $(VENV)/tested
	@TOCSIN_PROVE=full $(BIN)/python -m pytest -m prove --timeout=7200

# Figures, then tables, plots and README's ratios from them. A quick run (QUICK=1) leaves the documents alone.
BENCH_HOME = $(if $(QUICK)$(findstring --quick,$(BENCH)),build/bench,docs/benchmarks)
bench: $(VENV)/tested
	@$(BIN)/python -m benchmarks.install
	@$(BIN)/python -m benchmarks --data $(BENCH_HOME)/data $(if $(QUICK),--quick) $(BENCH); broken=$$?; \
	  $(BIN)/python -m benchmarks.report --data $(BENCH_HOME)/data $(if $(findstring build,$(BENCH_HOME)),--into build/bench) \
	  && exit $$broken

lint: $(VENV)/tested
	@$(BIN)/python -m ruff check src tests benchmarks verify packaging
	@$(BIN)/python -m mypy

# packaging/README.md. These bring their own environments, and want Python 3.11+ alone.
wheel:
	@$(PYTHON) packaging/make_wheel.py $(WHEEL)

wheels:
	@$(PYTHON) packaging/make_wheels.py $(WHEELS)

pins:
	@$(PYTHON) packaging/pin.py

notes:
	@$(PYTHON) packaging/make_notes.py $(VERSION)

clean:
	rm -rf $(VENV) build dist
