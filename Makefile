# What CI runs is what is here. Every target does its own set-up; tests from `test-ovs` on need root.
# STACK=classic runs demo and tests on Ryu and eventlet, from an environment of their own.
STACK = os-ken
VENV = $(if $(filter classic,$(STACK)),.venv-classic,.venv)
export STACK
PYTEST = $(VENV)/bin/python -m pytest
# Tests without processes, packets or root share nothing, so that all processors may run them.
PURE = tests/unit tests/golden tests/fuzz tests/sim
PARALLEL = -n auto --dist worksteal
CLUSTERS = 100000
TRACED = 2000
PACKETS = 50
.DEFAULT_GOAL = help
.PHONY: help setup setup-both setup-kube setup-bench check fmt demo test test-unit test-sim test-ovs test-net test-kube test-e2e test-deep test-streams bench bench-quick fuzz corpus golden manifest docs clean

help: ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: ## install what is missing: Debian packages, .venv (STACK=classic: .venv-classic)
	@scripts/setup

setup-both: # what compares the two stacks needs both
	@STACK=os-ken scripts/setup
	@STACK=classic scripts/setup

setup-kube:
	@KUBE=1 scripts/setup

setup-bench:
	@OVN=1 scripts/setup

demo: setup ## the main job on real packets, in a minute (as root)
	@$(VENV)/bin/ryu-netpol demo

test: setup-both setup-kube ## every test, and from level 3 up all of them on both stacks (as root)
	without=; .venv/bin/python -m tests.kube.binaries || { [ $$? = 2 ] && without=--ignore=tests/kube; } && \
		.venv/bin/python -m pytest $(PARALLEL) $(PURE) && \
		.venv/bin/python -m pytest tests $(PURE:%=--ignore=%) $$without
	.venv-classic/bin/python -m pytest tests/unit/adapters tests/unit/flows/test_wire.py tests/ovs tests/net tests/cni tests/e2e

test-unit: setup ## levels 0 and 2: units, golden flows, a few seconds of fuzzing
	$(PYTEST) $(PARALLEL) tests/unit tests/golden tests/fuzz

test-sim: setup ## level 1: the core against the oracle
	$(PYTEST) $(PARALLEL) tests/sim

test-ovs: setup ## level 3: real Open vSwitch, ofproto/trace
	$(PYTEST) tests/ovs

test-net: setup ## level 4: real packets in namespaces
	$(PYTEST) tests/net tests/cni

test-kube: setup setup-kube ## level 5: a real kube-apiserver, which is built once where there is none
	@$(VENV)/bin/python -m tests.kube.binaries
	$(PYTEST) tests/kube

test-e2e: setup-both ## level 6: the Mininet lab
	$(PYTEST) tests/e2e

test-deep: setup ## hours of random clusters: CLUSTERS by flows, TRACED by trace, PACKETS by packets (as root)
	$(VENV)/bin/python -W error -m tests.deep --flows $(CLUSTERS) --trace $(TRACED) --packets $(PACKETS) $(DEEP)

test-streams: setup ## 200 policy changes under 50 running streams, three times (as root)
	for seed in 1 2 3; do STREAM_SEED=$$seed STREAM_CHANGES=200 STREAM_COUNT=50 \
		$(PYTEST) tests/e2e/test_streams.py -k 'not checker' || exit 1; done

bench: setup-bench ## every benchmark beside its peer, in ten minutes (as root, nothing else running)
	$(VENV)/bin/ryu-netpol bench $(BENCH)

bench-quick: setup-bench ## about a tenth of each; fails only where a ratio to a peer is missed by far
	$(VENV)/bin/ryu-netpol bench --quick $(BENCH)

check: setup ## lint, types, import contracts, generated documents
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python -m ryu_netpol.flows.document | diff -u docs/pipeline.md -

fmt: setup ## format
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

docs: setup ## write the generated documents
	$(VENV)/bin/python -m ryu_netpol.flows.document > docs/pipeline.md

fuzz: setup ## damaged manifests for FUZZ_SECONDS (600) from the chance FUZZ_SEED
	$(VENV)/bin/python -W error -m tests.fuzz

corpus: setup setup-kube ## ask a real API server again
	@$(VENV)/bin/python -m tests.kube.binaries
	$(VENV)/bin/python -W error -m tests.corpus.record

golden: setup ## rewrite the golden flows; review the difference
	$(VENV)/bin/python -m tests.golden

manifest: setup ## write deploy/ryu-netpol.yaml, of deploy/base
	$(VENV)/bin/python -m tests.support.deploy > deploy/ryu-netpol.yaml

clean: ## remove what set-up and tests made in this folder
	rm -rf .venv .venv-classic build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
