# All commands for development; `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENGINE ?=
CLUSTER ?= mlops
# For ENGINE=existing: a context of your kubeconfig, and a registry or a command that loads an image archive into the nodes.
CONTEXT ?=
REGISTRY ?=
LOAD_IMAGES ?=
EXISTING := $(if $(filter existing,$(ENGINE)),--context '$(CONTEXT)' $(if $(REGISTRY),--registry '$(REGISTRY)') $(if $(LOAD_IMAGES),--load-images '$(LOAD_IMAGES)'))
DEMO := $(BIN)/python -m demo --cluster $(CLUSTER) $(if $(ENGINE),--engine $(ENGINE)) $(EXISTING)
export PYTHONPATH := operator:.

.DEFAULT_GOAL := help
.PHONY: help venv hooks tools demo cluster clean-cluster test test-deep test-long deep-kind deep-others lint docs docs-serve unit tools images integration e2e faults flux mutants generate release lock bench decisions clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

# The stamp holds the lock file's hash, so that a changed lock is installed and an unchanged one costs nothing.
STAMP := $(VENV)/.stamp-$(shell sha256sum requirements/dev.lock.txt 2>/dev/null | cut -c1-16)
$(STAMP):
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, this is $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock.txt
	@touch $@
venv: $(STAMP) ## make the Python environment from the locked, hashed requirements

# The model server's own dependencies, exactly as its image has them, for the tests that start a real server.
SERVER_VENV := .venv-server
SERVER_PYTHON ?= $(PYTHON)
SERVER_STAMP := $(SERVER_VENV)/.stamp-$(shell sha256sum images/server/requirements.lock.txt 2>/dev/null | cut -c1-16)
$(SERVER_STAMP):
	$(SERVER_PYTHON) -m venv $(SERVER_VENV)
	$(SERVER_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r images/server/requirements.lock.txt
	@touch $@

hooks: venv ## check formatting, layers, generated files and the subject at each commit (needs pre-commit)
	@command -v pre-commit >/dev/null || { echo "pre-commit is missing: pipx install pre-commit"; exit 1; }
	pre-commit install

# The site generator is no part of the development environment, whose packages it would hold back.
DOCS_VENV := .venv-docs
DOCS_STAMP := $(DOCS_VENV)/.stamp-$(shell sha256sum requirements/docs.lock.txt 2>/dev/null | cut -c1-16)
$(DOCS_STAMP):
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.lock.txt
	@touch $@

demo: venv ## set everything up and run the story of examples/digits on real pods (ENGINE=native|kind|existing)
	@$(DEMO)

cluster: venv ## a local cluster with the operator in it, and nothing else
	@$(DEMO) --no-story

clean-cluster: venv ## end the local cluster and remove all it left
	@$(if $(EXISTING),$(DEMO) --down,$(BIN)/python -m localcluster down --name $(CLUSTER) $(if $(ENGINE),--engine $(ENGINE)))

test: venv lint unit integration e2e ## all checks and all tests

docs: $(DOCS_STAMP) ## build the documentation site into build/docs/site; broken links and unlisted pages fail
	$(DOCS_VENV)/bin/python -m tools.docs build

docs-serve: $(DOCS_STAMP) ## serve the documentation site on localhost:8000
	$(DOCS_VENV)/bin/python -m tools.docs serve

lint: venv docs ## formatting, lints, types, layers, generated files, the documentation site
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m mlops_operator.codegen.crd --check
	$(BIN)/python -m mlops_operator.codegen.rbac --check
	$(BIN)/python -m mlops_operator.codegen.docs --check

unit: venv $(SERVER_STAMP) ## tests without a cluster
	MLOPS_SERVER_PYTHON=$(CURDIR)/$(SERVER_VENV)/bin/python $(BIN)/pytest -n auto --dist worksteal tests/unit

tools: venv # the programs of a control plane; a cold build takes longer than any test may
	@$(BIN)/python -m localcluster tools >/dev/null
	@$(BIN)/python -m localcluster tools actionlint >/dev/null

integration: venv tools ## tests against a real API server on loopback, no root needed, some with faults
	$(BIN)/pytest -n auto --dist loadfile tests/integration
	$(BIN)/pytest -n auto --dist loadfile tests/faults

images: venv # the project's images, built before any test so that no test's time counts it
	@$(BIN)/python -m localcluster images >/dev/null

# Tests on real pods mostly wait: two nodes side by side take little more than half the time of one.
NODES ?= 2
e2e: venv tools images ## tests on real pods (nodes of their own; root or sudo); ENGINE=kind for those that kind can run; NODES=1
	$(if $(ENGINE),MLOPS_E2E_ENGINE=$(ENGINE)) $(BIN)/pytest -n $(NODES) --dist loadfile tests/e2e

# The revision since which code counts as changed: the last release, or everything.
SINCE ?= $(shell git describe --tags --abbrev=0 2>/dev/null || git rev-list --max-parents=0 HEAD)
SEED ?= 1
flux: venv # Flux for the tests of GitOps (some minutes, once)
	@$(BIN)/python -m localcluster tools flux >/dev/null

test-deep: venv tools images flux ## a sample of the fault plans, more of changed paths, deep tests (60 min); SINCE=revision SEED=1
	$(BIN)/python -m tests.faults --sample 1 --seed $(SEED) --changed-since $(SINCE) --output faults-output
	$(MAKE) --no-print-directory --jobs=2 --output-sync=line deep-kind deep-others

# Tests on kind mostly wait: the others run beside them.
deep-kind: venv
	$(BIN)/pytest -m "deep and not long" tests/kind

deep-others: venv
	$(BIN)/pytest -n auto --dist loadfile -m "deep and not long" tests/integration tests/faults
	$(BIN)/pytest -m "deep and not long" tests/e2e

test-long: venv tools images ## the tests on kind that take minutes each: 200 trainings, long cuts, each step of a rollout, default clocks (2 h)
	$(BIN)/pytest -m "deep and long" tests/kind

faults: venv tools ## all fault plans, spec campaigns and long runs, with a report in faults-output/ (some 8,000 plans: three hours)
	$(BIN)/python -m tests.faults --output faults-output
	$(BIN)/pytest -m deep tests/faults

generate: venv ## write the generated files: CRDs, RBAC, charts' CRDs, reference
	$(BIN)/python -m mlops_operator.codegen.crd
	$(BIN)/python -m mlops_operator.codegen.rbac
	$(BIN)/python -m mlops_operator.codegen.docs
	$(BIN)/python helm/render.py
	$(BIN)/python -m tools.docs.diagrams

release: venv ## wheels, chart packages, image archives, bills of materials and SHA256SUMS in dist/, reproducibly
	rm -rf dist
	$(BIN)/python -m release --output dist --images build/images

lock: venv ## resolve the requirements, with hashes and without index addresses
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras --allow-unsafe -o requirements/dev.lock.txt requirements/dev.in
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras --allow-unsafe -o requirements/docs.lock.txt requirements/docs.in
	$(BIN)/python -m images.lock

MUTANTS ?=
MODULES ?= *
mutants: venv ## change one decision at a time; list the changes that no unit test notices (hours); MUTANTS=100 MODULES='*/promotion/*'
	$(BIN)/python -m tests.mutants --module '$(MODULES)' --seed $(SEED) $(if $(MUTANTS),--sample $(MUTANTS))

BENCH ?=
bench: venv ## all benchmarks, on a quiet machine (25 min); BENCH="B1 --quick", BENCH="--repeats 5", BENCH=--help
	$(BIN)/python -m bench $(BENCH)

decisions: venv ## simulate the decision rules: the tables of bench/results/decisions (10 min)
	$(BIN)/python -m bench.decisions

clean: ## remove the Python environment and caches of this folder
	rm -rf $(VENV) $(SERVER_VENV) $(DOCS_VENV) build/docs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo-output
