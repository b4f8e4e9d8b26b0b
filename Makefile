# The machine's Node only installs; everything runs on the one in node_modules.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-unit test-integration test-sentinel test-cluster test-docker prove mutants check check-production sbom format schema up down logs bench bench-backlog bench-observing bench-outage bench-overload bench-table-sizes bench-timing bench-two-providers soak soak-events fuzz screenshots lighthouse

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | sort | while IFS=$$'\t' read -r name text; do printf '  make %-18s %s\n' "$$name" "$$text"; done

node_modules/.installed: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error --no-update-notifier
	@touch $@

run: node_modules/.installed ## run everything here: PostgreSQL, api, worker and a mail sandbox; Ctrl-C stops it
	@exec node dev/run.ts

test: node_modules/.installed ## all tests; starts its own PostgreSQL, and Redis when there is a redis-server
	@exec vitest run

test-unit: node_modules/.installed ## the tests that need no server
	@exec vitest run --project unit

test-integration: node_modules/.installed ## the tests on PostgreSQL and Redis
	@exec vitest run --project integration

test-sentinel: node_modules/.installed ## the tests on PostgreSQL and a Redis behind Sentinels
	@REDIS_KIND=sentinel exec vitest run --project integration

test-cluster: node_modules/.installed ## the tests on PostgreSQL and a Redis Cluster
	@REDIS_KIND=cluster exec vitest run --project integration

prove: node_modules/.installed ## try every order of statements of use cases that meet, every point at which a process may die, and hundreds of histories
	@PROVE=whole exec vitest run --project integration tests/proof

ROOMS ?= codes credentials passwords writing routing settings process http pipelining http-parts telemetry refusals requests mailers resend postmark sendgrid mailgun ses aws sns brevo mailpit sign-in accounts events guessing code-length registering limits answers routes pages assembly connection housekeeping outbox deliveries transactions migrations tables
mutants: node_modules/.installed ## change the decisions one by one: a test has to fail each time (ROOMS="codes routing" for some; tests/mutants/rooms.ts)
	@for room in $(ROOMS); do MUTANTS=$$room nice -n 15 stryker run || failed="$$failed $$room"; done; test -z "$$failed" || { echo "below the threshold:$$failed"; exit 1; }

test-docker: node_modules/.installed ## build the images, bring the containers up, register, break and kill (needs Docker)
	@exec vitest run --config tests/docker/vitest.config.ts

check: node_modules/.installed ## format, lint, types, unused code, drift of db/schema.sql, packages
	@exec npm run --silent check

check-production: node_modules/.installed ## install as production does, without scripts, in a temporary folder, and send a mail from there
	node dev/check-production.ts

# Tools are marked as such. Not --omit=dev: npm then leaves out what any package also names for its own development, such as pg.
SBOM ?= sbom.cdx.json
sbom: ## write a bill of materials (CycloneDX) from the lock file
	npm sbom --sbom-format cyclonedx --sbom-type application --package-lock-only > $(SBOM)

format: node_modules/.installed ## format the code, and fix what can be fixed automatically
	biome check --write

schema: node_modules/.installed ## write db/schema.sql anew from the migrations
	node db/schema.ts

bench: node_modules/.installed ## measure: what a registration costs, against bare bcrypt, bare BullMQ and a floor (ARGS="saturation --rounds 3")
	@exec node bench/cost.ts $(ARGS)

MAILS ?= 1000000
bench-backlog: node_modules/.installed ## measure: what relay and metrics ask of PostgreSQL while MAILS (a million) wait
	@exec node bench/backlog.ts $(MAILS)

bench-observing: node_modules/.installed ## measure: what logs, metrics and traces cost
	@exec node bench/observing.ts

bench-outage: node_modules/.installed ## measure: 10,000 mails behind a dead provider, and the recovery
	@exec node bench/outage.ts

bench-overload: node_modules/.installed ## measure: ten times as many registrations as can be hashed
	@exec node bench/overload.ts

bench-table-sizes: node_modules/.installed ## measure: what tables and indexes grow by at RATE (100) registrations a second for MINUTES (10)
	@exec node bench/table-sizes.ts $(MINUTES) $(RATE)

bench-timing: node_modules/.installed ## measure: whether the time of an answer tells who has an account
	@exec node bench/timing.ts

bench-two-providers: node_modules/.installed ## measure: how soon mails reach the second provider when the first is down, slow, silent, revoked or flapping
	@exec node bench/two-providers.ts $(ARGS)

MINUTES ?= 10
soak: node_modules/.installed ## kill, flush, stop and break everything for MINUTES (10); the books must balance (SEED repeats a run)
	@exec node bench/soak.ts $(MINUTES) $(SEED)

soak-events: node_modules/.installed ## the same for events to other systems, and how late mails are beside a dead receiver (ARGS="500 postgresql")
	@exec node bench/events.ts $(ARGS)

fuzz: node_modules/.installed ## send valid and malformed requests to the started service for MINUTES (10) (SEED repeats a run)
	@exec node bench/fuzz.ts $(MINUTES) $(SEED)

screenshots: node_modules/.installed ## take the pictures of the docs anew, from a real run (needs Chromium)
	@exec node dev/screenshots.ts

lighthouse: node_modules/.installed ## measure: the accessibility of our pages, by a Lighthouse that npm fetches (needs Chromium)
	@exec node dev/lighthouse.ts

up: ## run everything in containers (needs Docker)
	docker compose up --build --detach --wait

down: ## stop the containers
	docker compose down

logs: ## follow the containers' logs
	docker compose logs --follow
