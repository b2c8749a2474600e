"""Model = packets (tests/deep/packets.py) on a few random clusters, each in a lab of its own."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from ryu_netpol.model.objects import Object, Policy
from tests.deep import packets
from tests.deep.runner import check_chunk
from tests.support import manifests

SEEDS = range(2_000_000, 2_000_003)


def test_packets_do_what_the_oracle_says() -> None:
    """Two nodes, both families, TCP, UDP, SCTP and ICMP, outsiders and the nodes themselves; no probe is left open."""
    tally = check_chunk(packets.LEVEL, SEEDS)

    assert tally.differences == ()
    assert tally.allowed + tally.denied > packets.PROBES * len(SEEDS) * 0.8
    assert min(tally.allowed, tally.denied) > 20


def test_finds_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: agents that were given no policies let everything through, and what they should deny is told."""
    write = manifests.write

    def forgetful(objects: Iterable[Object], folder: Path, *, rng: random.Random) -> Path:
        return write([value for value in objects if not isinstance(value, Policy)], folder, rng=rng)

    monkeypatch.setattr(manifests, "write", forgetful)
    found = check_chunk(packets.LEVEL, SEEDS[:1]).differences

    assert found
    assert all("packets say allowed" in line for line in found)
