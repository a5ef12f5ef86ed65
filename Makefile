# Two commands do all on a fresh machine: `make demo` and `make test`. Both install what is missing and say so.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
# When this make began: the table of `make test` counts what is built and fetched first as a part.
export STEELYARD_BEGAN := $(shell date +%s)
# Bytecode is kept, whatever the shell says: tests start a hundred processes that import the same packages.
export PYTHONDONTWRITEBYTECODE :=
RUN := PYTHONPATH=operator:runtime:tests:docs $(VENV)/bin/python
# What needs no packages, and comes before there are any.
FIRST = command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or later is needed, and $(PYTHON) is not on PATH: set PYTHON=..." >&2; exit 2; }; \
	PYTHONPATH=tests $(PYTHON) -m

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-integrations test-servers test-versions bench sbom check verify generate format clean

help: ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

# The environment of development, exactly as locked. uv comes from the same index as everything else.
$(VENV)/.installed: locks/dev.txt locks/build.txt pyproject.toml
	@$(FIRST) cluster.preflight
	@echo "installing the locked Python packages into $(VENV) (about 1.2 GB; two minutes the first time)"
	@$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r locks/build.txt
	@$(VENV)/bin/uv pip install $(if $(MAKE_TERMOUT),,--quiet) --python $(VENV)/bin/python --require-hashes --no-deps -r locks/dev.txt
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation -e .
	@touch $@

demo: ## The whole loop on a real cluster of its own: compile, place, measure, try, move (SWAP=1, CLAIM=true, TEXT=1, TRIAL=1)
	@$(FIRST) cluster.prepare $(if $(TEXT),text,demo)
	@$(RUN) -m cluster run --name demo --nodes demo --images $(if $(TEXT),text,all) --with s3,helm -- \
		env PYTHONPATH=operator:runtime:tests $(VENV)/bin/python -m demo $(if $(TEXT),--text) $(if $(SWAP),--swap) $(if $(filter true,$(CLAIM)),--claim-true) $(if $(TRIAL),--trial) $(DEMO)

test: ## Everything: checks, then all tests, with a table of the parts
	@$(FIRST) cluster.prepare test
	@$(RUN) -m parts

test-long: SEED ?= $(shell date +%s)
test-long: $(VENV)/.installed ## All property tests and fuzzers at length, and a real vLLM and number formats on the cluster: some hours (a run again: SEED=N)
	@echo "seed $(SEED): make test-long SEED=$(SEED) runs the same again"
	@STEELYARD_THOROUGH=1 $(RUN) -m pytest -v -s --durations=10 -p no:cacheprovider --hypothesis-seed=$(SEED) tests/property
	@STEELYARD_THOROUGH=1 $(RUN) -m pytest -v -s -p no:cacheprovider tests/fault/test_hostile_pods.py
	@for folder in text e2e fault; do $(RUN) -m pytest -v -s -p no:cacheprovider -m long tests/$$folder || exit; done

test-integrations: $(VENV)/.installed ## What others' controllers make of our objects: routes by Contour and Envoy, the same by Envoy Gateway, HPA by prometheus-adapter, quota by Kueue, nodes by Karpenter, built and fetched once (SHORT=1, BUILT=1: only what is built; KEDA=1: with KEDA)
	@STEELYARD_BUILT=$(BUILT) $(RUN) -m pytest -v -s -p no:cacheprovider -m $(if $(SHORT),short,integrations) $(if $(KEDA),,--ignore=tests/integrations/test_keda.py) tests/integrations

test-servers: $(VENV)/.installed ## Other model servers, each out of its own package: what is read of them, and that they answer what ours answers (2.5 GB, once); MLServer in a cluster
	@$(RUN) -m pytest -v -p no:cacheprovider -m "not nodes" tests/servers
	@$(RUN) -m pytest -v -p no:cacheprovider -m nodes tests/servers

test-versions: $(VENV)/.installed ## The older versions of Kubernetes that the chart allows: what depends on the API server (V=1.35)
	@$(RUN) -m cluster.versions $(V)

bench: $(VENV)/.installed ## Benchmarks, each with its table (all of them take hours; one: B=planner)
	@$(RUN) -m bench $(B)

sbom: $(VENV)/.installed ## A bill of materials of each image, in build/sbom (CycloneDX)
	@$(RUN) -m cluster.bill_of_materials

check: $(VENV)/.installed ## ruff, mypy, the house rules, and drift of generated files; at the end, figures of the code's shape
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@PYTHONPATH=operator:runtime $(VENV)/bin/lint-imports
	@$(MAKE) --no-print-directory verify
	@$(RUN) -m figures

verify: $(VENV)/.installed ## Generated files say what their sources say
	@$(RUN) -m generate --check

generate: $(VENV)/.installed ## Write all generated files anew
	@$(RUN) -m generate

format: $(VENV)/.installed ## Write the code as ruff does
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

clean: ## Remove the environment and caches of this folder (tools and images stay in the user's cache)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
