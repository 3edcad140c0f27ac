# One entry point for everything; `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= var
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help up test check mutate bench docs fmt lock clean

help:  ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/stamp-portal  ## Start everything on this machine, with demo data; Ctrl-C stops it (ARGS=--no-demo starts empty)
	@$(BIN)/python manage.py up --data "$(DATA)" $(ARGS)

test: $(VENV)/stamp-dev  ## Run all tests (brings its own database, broker and browser)
	@$(BIN)/python -m tests.provide_browser
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term:skip-covered $(ARGS)

check: $(VENV)/stamp-dev  ## Run the static checks: format, lint, types, imports, migrations, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python -m tests.check_django
	$(BIN)/mkdocs build --strict --quiet --site-dir build/site

mutate: $(VENV)/stamp-dev  ## Change the code that decides in small ways; at least nine in ten must fail a test (ARGS names some of them)
	@nice -n 19 $(BIN)/python -m tests.mutation $(ARGS)

bench: $(VENV)/stamp-dev  ## Measure, each figure beside its baseline from the same run (ARGS=--quick for a short one)
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/stamp-dev  ## Serve the documentation on http://127.0.0.1:8010
	$(BIN)/mkdocs serve --dev-addr 127.0.0.1:8010

fmt: $(VENV)/stamp-dev  ## Format the code and apply safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## Pin the dependencies again, with hashes (needs uv)
	@cd requirements && for name in agent portal dev; do \
	  uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
	    --no-emit-index-url --no-emit-find-links --no-header --no-annotate $$name.in -o $$name.lock; done

clean:  ## Remove the data folder, the environment and all build products
	@test ! -e "$(DATA)" || $(PYTHON) portal/runtime/remove.py "$(DATA)"
	@rm -rf $(VENV) build site staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*

$(VENV)/stamp-portal: requirements/portal.lock
	@$(PYTHON) portal/runtime/install.py $(VENV) requirements/portal.lock
	@touch $@

$(VENV)/stamp-dev: requirements/dev.lock
	@$(PYTHON) portal/runtime/install.py $(VENV) requirements/dev.lock
	@touch $@ $(VENV)/stamp-portal
