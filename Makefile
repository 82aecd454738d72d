# `make example` and `make test` need only Python >= 3.11 and make; they create what they need.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: example test lint docs references clean

example: $(VENV)/.installed
	@if [ ! -f example/series.toml ]; then $(BIN)/xorder example example; fi
	$(BIN)/xorder run example/series.toml --out example/results
	@echo "The figures are in $(CURDIR)/example/results/figures"

test: $(VENV)/.test
	$(BIN)/python -m pytest

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy

# The gallery is the packaged example, which the build runs where `make example` has not.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build/html
	@echo "The documentation is in $(CURDIR)/docs/_build/html/index.html"

references: $(VENV)/.installed
	$(BIN)/xorder references make reference_spectra/spectra

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Xorder needs Python 3.11 or newer; set PYTHON=...')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[lint]'
	@touch $@

$(VENV)/.docs: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) build dist example docs/_build docs/generated
