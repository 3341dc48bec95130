PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: help setup test sandbox lint format schema constraints

help: ## What there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## Install what is pinned into .venv

$(READY): requirements.txt requirements-dev.txt constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed; name one with PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(READY)

test: $(READY) ## Unit tests on mocks, and the real Pulumi engine in the sandbox
	$(VENV)/bin/python -m toolchain
	$(VENV)/bin/python -m pytest

sandbox: $(READY) ## The guide's environment up and down again, with no cloud account
	$(VENV)/bin/python -m sandbox demo

lint: $(READY) ## Formatting, lint and types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

format: $(READY) ## Rewrite the sources as `make lint` wants them
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

schema: $(READY) ## Rewrite docs/config.schema.json and the tables of docs/configuration.md from the models
	$(VENV)/bin/python -m federation.config_schema > docs/config.schema.json
	$(VENV)/bin/python -m federation.config_reference

constraints: ## Rewrite constraints.txt after a change of requirements*.txt
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	grep -hE '^[A-Za-z]' requirements.txt requirements-dev.txt | xargs $(VENV)/bin/python -m pip install --quiet
	{ echo '# Every package that requirements*.txt bring, pinned. Rewritten by `make constraints`.'; \
	  $(VENV)/bin/python -m pip freeze --exclude pip --exclude setuptools; } > constraints.txt
