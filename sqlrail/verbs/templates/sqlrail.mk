# Migrations; in the Makefile: include sqlrail.mk
# DATABASE_URL and SQLRAIL_ENV (development, test, staging, production) come from the environment, or from .env.

SQLRAIL ?= sqlrail
export SQLRAIL_MIGRATIONS ?= @MIGRATIONS@

.PHONY: db-status db-plan db-migrate db-rollback db-new db-cleanup db-check
db-status: ## what is applied, and what is pending
	@$(SQLRAIL) status $(ARGS)

db-plan: ## what a migrate would lock, break and lose; changes nothing
	@$(SQLRAIL) plan $(ARGS)

db-migrate: ## apply what is pending
	@$(SQLRAIL) migrate $(ARGS)

db-rollback: ## take back the newest migration
	@$(SQLRAIL) rollback $(ARGS)

db-new: ## make the next migration and its rollback (NAME='add users')
	@$(SQLRAIL) new "$(if $(findstring command,$(origin NAME)),$$NAME)" $(ARGS)

db-cleanup: ## archive and delete rows that have lost their parent (ARGS=--dry-run: only count them)
	@$(SQLRAIL) cleanup $(ARGS)

db-check: ## what has to hold before a merge, beside a database like production's
	@$(SQLRAIL) lint --check
	@$(SQLRAIL) plan --check
