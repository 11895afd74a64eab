# make run: everything, on this machine. make test: all tests. Both set up what they need.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help setup run test browser fuzz faults bench check audit licences password backup restore lock htmx clean

help: ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …'; exit 1; }
	@echo 'making .venv'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: requirements.txt .venv/.python
	@echo 'installing what the hub needs'
	@$(PIP) -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	@echo 'installing what tests and checks need'
	@$(PIP) -r requirements-dev.txt
	@touch $@

.venv/.bench: requirements-bench.txt .venv/.dev
	@echo 'installing what the benchmark needs'
	@$(PIP) -r requirements-bench.txt
	@touch $@

.venv/.browser: tests/common/browser.py .venv/.dev
	@echo 'looking for a browser for the tests'
	@$(BIN)/python -m tests.common.browser
	@touch $@

setup: .venv/.browser ## make .venv and install everything

run: .venv/.run ## start the hub on this machine; Ctrl-C ends it
	@$(BIN)/python -m hub.ops.local run

# Two processes, each with a Redis of its own; one Redis that was given serves one process only.
test: .venv/.browser ## all tests, on a real Postgres, a real Redis, real workers and a real browser
	@$(BIN)/python -m pytest $(if $(REDIS_URL),,--numprocesses=2 --dist=loadfile --no-loadscope-reorder)

browser: .venv/.browser ## the tests in the browser alone; pictures go to tests/output
	@$(BIN)/python -m pytest tests/browser

faults: .venv/.dev ## break every part more than 300 times, about 19 minutes; the table goes to docs/faults.md
	@$(BIN)/python -m tests.faults $(FAULTS)

bench: .venv/.bench ## how fast, as ratios side by side, about 27 minutes; BENCH=--quick takes 3; needs wrk
	@$(BIN)/python -m bench $(BENCH)

fuzz: .venv/.dev ## 10,000 odd requests to a real web server; FUZZ_SEED=… repeats them
	@FUZZ_REQUESTS="$${FUZZ_REQUESTS:-10000}" FUZZ_SEED="$${FUZZ_SEED:-$$(date +%s)}" \
	  $(BIN)/python -m pytest tests/fuzz -q -s

# Secrets in the tree; tests hold made-up ones, and other people's contents what they like. The
# settings' page shows how an address with a password looks, and so do tests of addresses; a commit
# that figures are of is named by a hash.
SECRETS = xargs -0 $(BIN)/detect-secrets-hook \
  --exclude-lines 'user:password@host|name:secret@|"commit": "[0-9a-f]{12}"'

# Settings demand secrets; these are made for the check alone, and no server is asked.
CHECK_ENV = SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))')" \
  FIELD_ENCRYPTION_KEY=check DATABASE_URL=postgres://check@127.0.0.1:1/check \
  REDIS_URL=redis://127.0.0.1:1/0 HUB_DATA_DIR=/nonexistent HUB_HTTPS=true

check: .venv/.dev ## lint, format, imports, types, migrations, deployment settings, image, licences, documents, secrets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	@$(CHECK_ENV) && export SECRET_KEY FIELD_ENCRYPTION_KEY DATABASE_URL REDIS_URL HUB_DATA_DIR HUB_HTTPS && \
	set -x && \
	$(BIN)/mypy && \
	$(BIN)/python -W ignore manage.py makemigrations --check --dry-run && \
	$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/python -m tests.dependencies.licences --check
	$(BIN)/python -m tests.checks
	git ls-files -z -- . ':!tests' ':!bench' ':!hub/demo/sample' | $(SECRETS)
	git ls-files -z -- tests bench ':!tests/data' | $(SECRETS) --disable-plugin KeywordDetector

audit: .venv/.dev ## known vulnerabilities of the pinned packages; asks pypi.org
	@$(BIN)/python -m tests.dependencies.audit

licences: .venv/.dev ## render docs/licences.md from the installed packages
	$(BIN)/python -m tests.dependencies.licences

password: .venv/.run ## set the admin's password anew
	@$(BIN)/python manage.py changepassword admin

backup: .venv/.run ## all that the hub keeps, in one file: make backup [FILE=…] [FORCE=1]
	@$(BIN)/python -m hub.ops.local manage backup $(if $(FILE),"$(FILE)") $(if $(FORCE),--force)

restore: .venv/.run ## the hub as a backup holds it: make restore FILE=… [FORCE=1]
	@$(if $(FILE),,echo 'Name the backup: make restore FILE=data/backups/…'; exit 1)
	@$(BIN)/python -m hub.ops.local manage restore "$(FILE)" $(if $(FORCE),--force)

lock: .venv/.dev ## render requirements*.txt from requirements*.in (needs uv on the PATH)
	uv pip compile --universal --python-version 3.11 --no-annotate --no-header -o requirements.txt requirements.in
	uv pip compile --universal --python-version 3.11 --no-annotate --no-header -o requirements-dev.txt requirements-dev.in
	uv pip compile --universal --python-version 3.11 --no-annotate --no-header -c requirements-dev.txt -o requirements-bench.txt requirements-bench.in

htmx: .venv/.run ## put the installed package's htmx into hub.js
	@$(BIN)/python -m hub.web.pages.script

clean: ## remove what was installed and cached; the data folder stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache staticfiles
