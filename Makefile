# What CI runs is what is here. Every target does its own set-up; tests from `test-ovs` on need root.
PYTEST = .venv/bin/python -m pytest
.DEFAULT_GOAL = help
.PHONY: help setup check fmt demo test test-unit test-sim test-ovs test-net test-e2e golden docs clean

help: ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: ## install what is missing: Debian packages, .venv
	@scripts/setup

demo: setup ## the main job on real packets, in a minute (as root)
	@.venv/bin/ryu-netpol demo

test: setup ## every test (as root)
	$(PYTEST) tests

test-unit: setup ## levels 0 and 2: units, golden flows
	$(PYTEST) tests/unit tests/golden

test-sim: setup ## level 1: the core against the oracle
	$(PYTEST) tests/sim

test-ovs: setup ## level 3: real Open vSwitch, ofproto/trace
	$(PYTEST) tests/ovs

test-net: setup ## level 4: real packets in namespaces
	$(PYTEST) tests/net tests/cni

test-e2e: setup ## level 6: the Mininet lab
	$(PYTEST) tests/e2e

check: setup ## lint, types, import contracts, generated documents
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m ryu_netpol.flows.document | diff -u docs/pipeline.md -

fmt: setup ## format
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

docs: setup ## write the generated documents
	.venv/bin/python -m ryu_netpol.flows.document > docs/pipeline.md

golden: setup ## rewrite the golden flows; review the difference
	.venv/bin/python -m tests.golden

clean: ## remove what set-up and tests made in this folder
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
