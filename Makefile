# What CI runs is what is here. Every target does its own set-up; tests from `test-ovs` on need root.
PYTEST = .venv/bin/python -m pytest
CLUSTERS = 100000
TRACED = 2000
PACKETS = 50
.DEFAULT_GOAL = help
.PHONY: help setup check fmt demo test test-unit test-sim test-ovs test-net test-e2e test-deep test-streams fuzz corpus golden docs clean

help: ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: ## install what is missing: Debian packages, .venv
	@scripts/setup

demo: setup ## the main job on real packets, in a minute (as root)
	@.venv/bin/ryu-netpol demo

test: setup ## every test (as root)
	$(PYTEST) tests

test-unit: setup ## levels 0 and 2: units, golden flows, a few seconds of fuzzing
	$(PYTEST) tests/unit tests/golden tests/fuzz

test-sim: setup ## level 1: the core against the oracle
	$(PYTEST) tests/sim

test-ovs: setup ## level 3: real Open vSwitch, ofproto/trace
	$(PYTEST) tests/ovs

test-net: setup ## level 4: real packets in namespaces
	$(PYTEST) tests/net tests/cni

test-e2e: setup ## level 6: the Mininet lab
	$(PYTEST) tests/e2e

test-deep: setup ## hours of random clusters: CLUSTERS by flows, TRACED by trace, PACKETS by packets (as root)
	.venv/bin/python -W error -m tests.deep --flows $(CLUSTERS) --trace $(TRACED) --packets $(PACKETS) $(DEEP)

test-streams: setup ## 200 policy changes under 50 running streams, three times (as root)
	for seed in 1 2 3; do STREAM_SEED=$$seed STREAM_CHANGES=200 STREAM_COUNT=50 \
		$(PYTEST) tests/e2e/test_streams.py -k 'not checker' || exit 1; done

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

fuzz: setup ## damaged manifests for FUZZ_SECONDS (600) from the chance FUZZ_SEED
	.venv/bin/python -W error -m tests.fuzz

corpus: setup ## ask a real API server again: $$KUBEBUILDER_ASSETS has etcd and kube-apiserver
	.venv/bin/python -W error -m tests.corpus.record

golden: setup ## rewrite the golden flows; review the difference
	.venv/bin/python -m tests.golden

clean: ## remove what set-up and tests made in this folder
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
