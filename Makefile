# Everything a checkout needs. Each target does its own set-up, so any of them may come first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TESTED := $(VENV)/.test-installed

.PHONY: install serve demo test lint bench soak clean

install: $(INSTALLED)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Ovation needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

serve: $(INSTALLED)
	$(BIN)/ovation serve

demo: $(INSTALLED)
	$(BIN)/ovation demo

$(TESTED): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group test --group lint
	touch $(INSTALLED) $@

test: $(TESTED)
	PYTHON=$(BIN)/python .ci/test

lint: $(TESTED)
	PYTHON=$(BIN)/python .ci/lint

bench: $(INSTALLED)
	@for name in relay join ledger gifts bus; do $(BIN)/ovation bench $$name --json || exit 1; done

soak: $(TESTED)
	PYTHONASYNCIODEBUG=0 $(BIN)/python -m pytest -m soak

clean:
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis
