# Every command of the project, for people and for CI alike. GNU make 3.81 is enough.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
ENV ?= local

.PHONY: help setup doctor dev-setup lock outdated lint checks audit format test coverage coverage-kind engine smoke faults chaos chaos-all chaos-soak alerts telemetry dashboards load load-ui \
  load-compare load-soak throughput honesty soak verdict verify nightly up down infra-up infra-down k8s-up k8s-down status report summary outcome site images \
  succeeded propose bench sabotage crash fresh picture clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  \033[36m%-13s\033[0m %s\n", $$1, $$2}' Makefile

##@ To begin

# Where there is no Python at all, nothing of ours can say so but this.
doctor: ## What this machine lacks: what, why, and the command that mends it
	@test -n "$(PYTHON)" || { echo "python: missing; everything here is written in it; install Python 3.11 or newer (Debian, Ubuntu: sudo apt-get install python3 python3-venv; Fedora: sudo dnf install python3; macOS: brew install python)"; exit 1; }
	@"$(PYTHON)" -m doctor $(ARGS)

# A repository's hooks are git's affair: where this isn't one, there is nothing to call them.
dev-setup: setup ## For whoever changes something: .venv, checks at every commit, .env
	@if git rev-parse --git-dir >/dev/null 2>&1; then $(BIN)/pre-commit install; else echo "no git repository: no hooks"; fi
	@test -e .env || { cp .env.example .env && echo "made .env from .env.example"; }
	@echo "next: make doctor (what is missing), make smoke (the whole job), make test (before a commit), CONTRIBUTING.md"

setup: $(VENV)/.installed ## Make .venv and install everything pinned in requirements.lock

# uv arrives by its own hash-pinned lock and then installs the rest in seconds.
$(VENV)/.installed: requirements.lock requirements-uv.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "groundwork: Python 3.11 or newer is needed; install it or call make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "groundwork: $(PYTHON) is older than Python 3.11; call make PYTHON=/path/to/python3.11"; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# In an environment of its own: it pins what others need in other versions.
$(VENV)/checkov/.installed: tools/checkov/requirements.lock $(VENV)/.installed
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/checkov
	$(BIN)/uv pip install --quiet --python $(VENV)/checkov/bin/python --require-hashes -r tools/checkov/requirements.lock
	@touch $@

$(VENV)/audit/.installed: tools/audit/requirements.lock $(VENV)/.installed
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/audit
	$(BIN)/uv pip install --quiet --python $(VENV)/audit/bin/python --require-hashes -r tools/audit/requirements.lock
	@touch $@

##@ The project itself

# What is pinned stays where it still fits; with UPGRADE=1 the newest that fits is taken, but of what
# has a reason to stay beside it (stays: ...). uv's own lock has the uv of the others.
lock: ## Compile every lock anew: Python, Maven, npm, Go (UPGRADE=1: the newest of all)
	$(BIN)/uv pip compile $(if $(UPGRADE),--upgrade) pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes --no-emit-find-links --no-header --quiet -o requirements.lock
	echo uv | $(BIN)/uv pip compile - --constraints requirements.lock --universal --python-version 3.11 --generate-hashes --no-emit-find-links --no-header --no-annotate --quiet -o requirements-uv.lock
	$(BIN)/uv pip compile $(if $(UPGRADE),--upgrade) tools/go/requirements.in --universal --generate-hashes --no-header --quiet -o tools/go/requirements.lock
	$(BIN)/uv pip compile $(if $(UPGRADE),--upgrade) tools/node/requirements.in --universal --generate-hashes --no-header --quiet -o tools/node/requirements.lock
	$(BIN)/uv pip compile $(if $(UPGRADE),--upgrade) tools/python/load.in --constraints requirements.lock --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet -o tools/python/load.lock
	$(BIN)/uv pip compile $(if $(UPGRADE),--upgrade) tools/checkov/requirements.in --universal --python-version 3.11 --generate-hashes --no-header --quiet -o tools/checkov/requirements.lock
	$(BIN)/uv pip compile $(if $(UPGRADE),--upgrade) tools/audit/requirements.in --universal --python-version 3.11 --generate-hashes --no-header --quiet -o tools/audit/requirements.lock
	rm -rf tools/python/hello-world && $(BIN)/cookiecutter --no-input -o tools/python templates/service
	$(BIN)/uv pip compile $(if $(UPGRADE),--upgrade) tools/python/hello-world/pyproject.toml --constraints requirements.lock --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet -o tools/python/service.lock
	rm -rf tools/python/hello-world
	$(BIN)/python -m suites.support.pins.locks $(if $(UPGRADE),--upgrade)

outdated: setup ## Every pin, what is newer, and why it stays (ARGS=--newer: only those with something newer)
	@$(BIN)/python -m suites.support.pins $(ARGS)

lint: setup $(VENV)/checkov/.installed ## Style, layers, types, docstrings, tests that assert nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m suites.support.assertions
	$(BIN)/python -m suites.support.rendered $(VENV)/rendered
	$(VENV)/checkov/bin/checkov --config-file tools/checkov/checkov.yaml -d $(VENV)/rendered
	$(BIN)/python -m suites.support.checks

checks: setup ## What lint finds in workflows, Dockerfiles and secrets; offline
	$(BIN)/python -m suites.support.checks

# Trivy is written with a package that Go 1.26 has as an experiment.
audit: setup $(VENV)/audit/.installed ## Known vulnerabilities in what is pinned; asks the network, and says so where it can't
	GOEXPERIMENT=jsonv2 $(BIN)/python -m suites.support.audit

format: setup ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint ## The project's own tests: lint and selftests
	$(BIN)/python -m pytest suites/selftest -q -n auto

coverage: setup ## The selftests, and how much of the engine they reach: less than 85 % fails
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest suites/selftest -q -n auto $(ARGS)
	$(BIN)/python -m suites.support.lines

# What only a cluster reaches is left out of make coverage where this hasn't run.
coverage-kind: setup ## Smoke, connectivity and rebuild on kind: what they reach, make coverage counts, too
	rm -rf $(VENV)/coverage-kind
	COVERAGE_FILE=$(VENV)/coverage-kind/data $(BIN)/coverage run -m pytest suites/smoke suites/connectivity suites/rebuild --env kind $(ARGS)

##@ Verify (ENV=local|kind|k3d|context, ARGS= for pytest)

engine: setup ## See to a container engine: found, installed (root, apt), or told what to install
	$(BIN)/groundwork engine

smoke: setup ## Provision, verify, report, remove: the whole job
	@$(BIN)/python -m pytest suites/smoke --env $(ENV) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

faults: setup ## Break each resource in each way that it bears: does it land, does it heal
	@$(BIN)/python -m pytest suites/faults --env $(ENV) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

# The last line repeats it, whatever it has come to; make says "Error" behind it where that is bad.
experiments = seed=$(SEED); test -n "$$seed" || seed=$$($(BIN)/python -c 'import secrets; print(secrets.randbelow(1000000))'); \
  $(BIN)/python -m pytest suites/resilience --env $(ENV) --seed $$seed $(if $(EXPERIMENT),--experiment $(EXPERIMENT),$(1)) $(ARGS); code=$$?; \
  test $$code = 4 || $(BIN)/python -m reports; \
  test $$code = 4 || echo 'make $@ SEED='$$seed$(if $(DURATION), DURATION=$(DURATION))$(if $(EXPERIMENT), EXPERIMENT=$(EXPERIMENT))$(if $(filter-out local,$(ENV)), ENV=$(ENV))$(if $(ARGS), 'ARGS="$(ARGS)"'); exit $$code
chaos: setup ## Break things under load, the short way (EXPERIMENT=, SEED=): is all that was acknowledged there
	@$(call experiments,--short)

chaos-all: setup ## The same with every experiment, and who was told of which (ARGS="--brokers 3": of three nodes)
	@$(call experiments)

chaos-soak: setup ## Faults one after another and beside each other, as the seed draws them (DURATION=20m, SEED=)
	@$(call experiments,--experiment combined --duration $(or $(DURATION),20m))

alerts: setup ## Cause alerts for real: is whoever is woken told in time, and told when it is over
	@$(BIN)/python -m pytest suites/alerting --env $(ENV) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

telemetry: setup ## Follow one request through metric, trace and log; each dashboard's panels move
	@$(BIN)/python -m pytest suites/observability --env $(ENV) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

dashboards: setup ## Write the dashboards (manifests/dashboards) as fixtures/dashboards declares them
	$(BIN)/python -m fixtures.dashboards

# Each setting of a load is a variable: make load RATE=20000 DURATION=60 ARRIVALS=poisson WORKERS=2
load_option = $(if $($(1)),--load-$(2) $($(1)))
LOAD_OPTIONS = $(call load_option,RATE,rate-per-s) $(call load_option,DURATION,duration-s) \
  $(call load_option,TO_RATE,to-rate-per-s) $(call load_option,STEPS,steps) $(call load_option,BURST,burst) \
  $(call load_option,OPERATION,operation) $(call load_option,ARRIVALS,arrivals) $(call load_option,RECORDS,records) $(call load_option,SIZE,size-bytes) \
  $(call load_option,PARTITIONS,partitions) $(call load_option,WORKERS,workers) $(call load_option,ACKS,acks) \
  $(call load_option,IDEMPOTENT,idempotent) $(call load_option,COMPRESSION,compression) \
  $(call load_option,LINGER,linger-ms) $(call load_option,SEED,seed) $(call load_option,TOPIC,topic)
load: setup ## Offer the broker a load (RATE=, DURATION=, OPERATION=end-to-end, TOPIC=, ...): what does it take, how long
	@$(BIN)/python -m pytest suites/load/test_load.py --env $(ENV) $(LOAD_OPTIONS) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

load-ui: setup ## The same load in Locust's own web UI (kept environment; ARGS="--rate-per-s 5000")
	$(BIN)/groundwork up --env $(ENV)
	mkdir -p reports/out/load-ui && cd reports/out/load-ui && "$(CURDIR)/$(BIN)/python" -m load --ui $(ARGS)

load-compare: setup ## Two loads of the same machine beside each other (A=, B=: runs)
	$(BIN)/python -m suites.support.loadcompare $(A) $(B)

throughput: setup ## How much is borne, against native tools, and what each resource takes for it (PAIRS=5)
	@$(BIN)/python -m pytest suites/throughput --env $(ENV) $(if $(PAIRS),--pairs $(PAIRS)) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

load-soak: setup ## Minutes at half of what is borne: does anybody's memory grow (DURATION=10m, RATE=)
	@$(BIN)/python -m pytest suites/throughput --env $(ENV) --soak $(or $(DURATION),10m) $(if $(RATE),--soak-rate $(RATE)) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

# Where a machine is busy, too: what makes messages late there isn't what is looked at.
honesty: setup ## Loads that are hindered on purpose: does each of them say so (ENV=kind: from inside, too)
	@$(BIN)/python -m pytest suites/load --deselect suites/load/test_load.py --env $(ENV) $(if $(filter-out local,$(ENV)),--generators 2) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

soak: setup ## Ten thousand simulated histories: is the checker of delivery right about each
	$(BIN)/python -m suites.support.soak $(ARGS)

verdict: setup ## Judge the histories of a run again (RUN=; by default the latest)
	$(BIN)/python -m reports.verdict $(RUN)

# What Kubernetes takes minutes to notice, and what is done thirty times: make faults has it.
UNHURRIED = $(addprefix --deselect suites/faults/test_cluster_faults.py::test_,\
  thirty_crashes_leave_nothing_hopeless what_was_on_a_frozen_node_goes_elsewhere)
verify: setup ## All that is verified of a platform: smoke, connectivity, faults, alerting, rebuild, guard, guide
	@$(BIN)/python -m pytest suites/smoke suites/connectivity suites/faults suites/alerting $(UNHURRIED) --env $(ENV) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; test $$code = 0
	$(BIN)/python -m pytest suites/rebuild suites/guard suites/guide --env $(ENV) $(ARGS)

# Each suite, on this machine; on GitHub each of these is a job of its own.
nightly: setup ## Every suite, one after the other (ENV=): hours
	$(MAKE) test
	$(MAKE) verify
	$(MAKE) telemetry
	$(MAKE) chaos-all
	$(MAKE) chaos-all ARGS="--brokers 3"
	$(MAKE) chaos-all ARGS="--broker-volume small --experiment broker-volume-full"
	$(MAKE) chaos-all ARGS="--brokers 3 --links relayed --experiment leader-cut-off"
	$(MAKE) load
	$(MAKE) throughput
	$(MAKE) sabotage
	$(MAKE) crash
	$(MAKE) fresh

##@ Keep an environment

infra-up: up ## The same as up

infra-down: down ## The same as down

k8s-up: ## The same as up ENV=kind
	$(MAKE) up ENV=kind

k8s-down: down ## The same as down

up: setup ## Start the environment and keep it
	$(BIN)/groundwork up --env $(ENV) $(ARGS)

down: setup ## End whatever is running
	$(BIN)/groundwork down

status: setup ## Show what is running
	$(BIN)/groundwork status

##@ Reports

report: setup ## Build the HTML report of the latest run
	$(BIN)/python -m reports $(RUN)

summary: setup ## The latest run in a few lines of Markdown; on GitHub, in the page of its job
	@$(BIN)/python -m reports.summary $(RUN)

outcome: ## Write down what a job came to (OUTCOME=), beside its reports (CI)
	@mkdir -p reports/out && echo "$$OUTCOME" > reports/out/outcome

site: setup ## What several jobs have left (FROM=) as a site: dist/site
	$(BIN)/python -m reports.site $(FROM)

##@ What CI calls, and the rest

# A builder of its own: the one that Docker comes with can neither keep a cache in a registry nor list
# what an image is made of.
images: setup ## Build our images and push them (REPOSITORY=, TAGS=; docker buildx)
	@test -z "$$REGISTRY" || printf %s "$$REGISTRY_PASSWORD" | docker login "$$REGISTRY" --username "$$REGISTRY_USER" --password-stdin
	docker buildx inspect groundwork >/dev/null 2>&1 || docker buildx create --name groundwork
	BUILDX_BUILDER=groundwork $(BIN)/python -m suites.support.publish $(REPOSITORY) $(TAGS)

# What GitHub lets a change in by: one name, whatever jobs there are.
succeeded: ## Whether every result in RESULTS is a success (CI)
	@for each in $$RESULTS; do test "$$each" = success || { echo "not all jobs have succeeded: $$RESULTS"; exit 1; }; done; test -n "$$RESULTS"

propose: ## Propose what the locks have become, as a pull request (CI: GH_TOKEN)
	@if git diff --quiet; then echo "nothing is newer"; else \
	  gh auth setup-git && git config user.name groundwork && git config user.email groundwork@users.noreply.github.com && \
	  git switch --create "dependencies-$$(date +%Y%m%d)" && git commit --all --message "Dependencies of the week" && \
	  git push --set-upstream origin HEAD && \
	  gh pr create --fill --base "$${BASE:-main}"; fi

bench: setup ## Measure starting times, and what the checker bears, as ratios within one session
	$(BIN)/python -m groundwork.bench --env $(ENV) $(ARGS)
	$(BIN)/python -m suites.support.scale

# Each has an environment of its own, and waits most of the time; a machine bears one cluster.
SABOTEURS_local := -n 2 --dist worksteal
sabotage: setup ## Get things wrong, one by one, and see that the suites say so
	$(BIN)/python -m pytest suites/sabotage -v --env $(ENV) $(SABOTEURS_$(ENV)) $(ARGS)

crash: setup ## Kill runs of the real environment at random moments; nothing may be left
	$(BIN)/python -m pytest suites/crash -v --env $(ENV) $(ARGS)

# A root file system is made by root; whose caches and ledgers that are is root's own affair.
AS_ROOT = $(if $(filter-out 0,$(shell id -u)),sudo --preserve-env --set-home)
fresh: setup ## Paste the README on a machine that has git, Python and make alone (root, else sudo)
	$(AS_ROOT) $(BIN)/python -B -m pytest suites/fresh -v -p no:cacheprovider $(ARGS); code=$$?; \
	  $(if $(AS_ROOT),$(AS_ROOT) chown -R "$$(id -u):$$(id -g)" reports/out;) exit $$code

picture: setup ## The README's picture, of the latest run's first page (RUN=)
	$(BIN)/python -m suites.support.picture $(RUN)

clean: ## End what is running; remove the virtual environment and all output
	test ! -x $(BIN)/groundwork || $(BIN)/groundwork down
	rm -rf $(VENV) reports/out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
