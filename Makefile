# Every chore is one word. `make run` is all a newcomer needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help run venv test test-all check format bench requirements clean

help:            ## what each word does
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/: .*##/\t/' | expand -t 16

run: $(VENV)/.ready            ## seed a sample shop if there is none, train, serve on 127.0.0.1:5000
	@$(BIN)/selera run

venv: $(VENV)/.ready           ## set up .venv with what the service needs

test: $(VENV)/.ready-dev       ## the tests, at most 5 minutes on 2 cores
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-all: $(VENV)/.ready-dev   ## the tests with the slow ones: servers, faults, large data
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/.ready-dev      ## lint, format, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.ready-dev     ## let ruff format and mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.ready-dev      ## repeat the measured tables (see benchmarks/README.md)
	@$(BIN)/python -m benchmarks

requirements:                  ## pin requirements.txt and requirements-dev.txt anew (needs uv)
	@uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --python-version 3.11 --extra postgresql --extra mysql --extra tune --extra report -o requirements.txt
	@uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --python-version 3.11 --extra postgresql --extra mysql --extra tune --extra report --group dev -o requirements-dev.txt

clean:                         ## remove the environment and the tools' caches, never your data
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Selera needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "Python could not make a virtual environment. On Debian or Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/.ready: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Selera into $(VENV) (once, about a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.ready-dev: requirements-dev.txt $(VENV)/.ready
	@echo "Installing the test tools into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
