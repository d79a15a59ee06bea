# Every command of the project, for people and for CI alike. GNU make 3.81 is enough.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
ENV ?= local

.PHONY: help setup lock lint format types test engine smoke faults chaos alerts load load-ui load-compare honesty soak verdict verify up down status report bench sabotage crash clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / {printf "  \033[36m%-10s\033[0m %s\n", $$1, $$2}' Makefile

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

lock: ## Compile every lock anew: Python, Go's wheel, Maven
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes --no-emit-find-links --no-header --quiet -o requirements.lock
	$(BIN)/uv pip compile tools/go/requirements.in --universal --generate-hashes --no-header --quiet -o tools/go/requirements.lock
	$(BIN)/uv pip compile tools/python/load.in --constraints requirements.lock --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet -o tools/python/load.lock
	$(BIN)/uv pip compile tools/checkov/requirements.in --universal --python-version 3.11 --generate-hashes --no-header --quiet -o tools/checkov/requirements.lock
	$(BIN)/python -m groundwork.artifacts.maven tools/maven/*.in
	rm -rf tools/python/hello-world && $(BIN)/cookiecutter --no-input -o tools/python templates/service
	$(BIN)/uv pip compile tools/python/hello-world/pyproject.toml --constraints requirements.lock --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet -o tools/python/service.lock
	rm -rf tools/python/hello-world

lint: setup $(VENV)/checkov/.installed ## Style, layers, types, docstrings, tests that assert nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m suites.support.assertions
	$(BIN)/python -m suites.support.rendered $(VENV)/rendered
	$(VENV)/checkov/bin/checkov --config-file tools/checkov/checkov.yaml -d $(VENV)/rendered

format: setup ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint ## The project's own tests: lint and selftests
	$(BIN)/python -m pytest suites/selftest -q -n auto

engine: setup ## See to a container engine: found, installed (root, apt), or told what to install
	$(BIN)/groundwork engine

smoke: setup ## Provision, verify, report, remove: the whole job
	@$(BIN)/python -m pytest suites/smoke --env $(ENV) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

faults: setup ## Break each resource in each way that it bears: does it land, does it heal
	@$(BIN)/python -m pytest suites/faults --env $(ENV) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

# The last line repeats it, whatever it has come to; make says "Error" behind it where that is bad.
chaos: setup ## Break the broker under load (EXPERIMENT=, SEED=): is all that was acknowledged there
	@seed=$(SEED); test -n "$$seed" || seed=$$($(BIN)/python -c 'import secrets; print(secrets.randbelow(1000000))'); \
	  $(BIN)/python -m pytest suites/resilience --env $(ENV) --seed $$seed $(if $(EXPERIMENT),--experiment $(EXPERIMENT)) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; \
	  test $$code = 4 || echo 'make chaos SEED='$$seed$(if $(EXPERIMENT), EXPERIMENT=$(EXPERIMENT))$(if $(filter-out local,$(ENV)), ENV=$(ENV))$(if $(ARGS), 'ARGS="$(ARGS)"'); exit $$code

alerts: setup ## Cause alerts for real: is whoever is woken told in time, and told when it is over
	@$(BIN)/python -m pytest suites/alerting --env $(ENV) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

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

# Where a machine is busy, too: what makes messages late there isn't what is looked at.
honesty: setup ## Loads that are hindered on purpose: does each of them say so (ENV=kind: from inside, too)
	@$(BIN)/python -m pytest suites/load --deselect suites/load/test_load.py --env $(ENV) $(if $(filter-out local,$(ENV)),--generators 2) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; exit $$code

soak: setup ## Ten thousand simulated histories: is the checker of delivery right about each
	$(BIN)/python -m suites.support.soak $(ARGS)

verdict: setup ## Judge the histories of a run again (RUN=; by default the latest)
	$(BIN)/python -m reports.verdict $(RUN)

verify: setup ## All that is verified of a platform: smoke, connectivity, faults, alerting, rebuild, guard, guide
	@$(BIN)/python -m pytest suites/smoke suites/connectivity suites/faults suites/alerting --env $(ENV) $(ARGS); code=$$?; \
	  test $$code = 4 || $(BIN)/python -m reports; test $$code = 0
	$(BIN)/python -m pytest suites/rebuild suites/guard suites/guide --env $(ENV) $(ARGS)

up: setup ## Start the environment and keep it
	$(BIN)/groundwork up --env $(ENV) $(ARGS)

down: setup ## End whatever is running
	$(BIN)/groundwork down

status: setup ## Show what is running
	$(BIN)/groundwork status

report: setup ## Build the HTML report of the latest run
	$(BIN)/python -m reports $(RUN)

bench: setup ## Measure starting times, and what the checker bears, as ratios within one session
	$(BIN)/python -m groundwork.bench --env $(ENV) $(ARGS)
	$(BIN)/python -m suites.support.scale

# Each has an environment of its own, and waits most of the time; a machine bears one cluster.
SABOTEURS_local := -n 2 --dist worksteal
sabotage: setup ## Get things wrong, one by one, and see that the suites say so
	$(BIN)/python -m pytest suites/sabotage -v --env $(ENV) $(SABOTEURS_$(ENV)) $(ARGS)

crash: setup ## Kill runs of the real environment at random moments; nothing may be left
	$(BIN)/python -m pytest suites/crash -v --env $(ENV) $(ARGS)

clean: ## End what is running; remove the virtual environment and all output
	test ! -x $(BIN)/groundwork || $(BIN)/groundwork down
	rm -rf $(VENV) reports/out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
