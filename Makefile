# Everything starts from nothing: python3 and make are all a machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test lint prove bench locale sample-data lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         the main job, on sample data, in a throw-away home"
	@echo "make test         lint, format, types, import rules and all tests, on SQLite and Postgres"
	@echo "make prove        the heavy proofs: races, kills, a million rows"
	@echo "make bench        the figures at three sizes"
	@echo "make lint         the static half of make test"
	@echo "make locale       collect the texts and build the Chinese catalogue"
	@echo "make sample-data  write sample_data/ anew"
	@echo "make lock         write requirements.lock anew (needs uv)"

# A second run finds the stamp and does nothing.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "cardctl needs Python 3.11 or later: make PYTHON=python3.11 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments:" \
		"install its venv package (on Debian: apt install python3-venv)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

demo: $(STAMP)
	$(BIN)/cardctl demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest -n 2

prove: $(STAMP)
	$(BIN)/pytest -s -p no:xdist -m prove

bench: $(STAMP)
	$(BIN)/pytest -s -p no:xdist -m bench

locale: $(STAMP)
	$(BIN)/python -m cardctl.locale

sample-data: $(STAMP)
	$(BIN)/python -m sample_data.make

lock:
	uv pip compile --quiet pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate -o requirements.lock

clean:
	rm -rf $(VENV)
