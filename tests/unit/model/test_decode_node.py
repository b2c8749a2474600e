"""The address ranges of a node's pods."""

from __future__ import annotations

import pytest

from ryu_netpol.model.decode import decode
from ryu_netpol.model.objects import Node


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"podCIDRs": ["10.244.1.0/24", "fd00::/64"], "podCIDR": "10.244.1.0/24"}, ["10.244.1.0/24", "fd00::/64"]),
        ({"podCIDR": "10.244.1.0/24"}, ["10.244.1.0/24"]),
        ({"podCIDRs": [], "podCIDR": ""}, []),
        ({}, []),
    ],
    ids=["both", "the-old-field", "empty", "none"],
)
def test_pod_cidrs(spec: dict[str, object], expected: list[str]) -> None:
    """The list counts, or else the one of the field before it."""
    decoded = decode({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": spec})

    assert decoded.problems == ()
    assert isinstance(decoded.object, Node)
    assert [str(cidr) for cidr in decoded.object.pod_cidrs] == expected


def test_bad_pod_cidr() -> None:
    """What is no range is an error, and the node keeps what can be read."""
    spec = {"podCIDRs": ["10.244.1.0", 5, "fd00::/64"]}
    decoded = decode({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": spec})

    assert [problem.field for problem in decoded.problems] == ["spec.podCIDRs[0]", "spec.podCIDRs[1]"]
    assert isinstance(decoded.object, Node)
    assert [str(cidr) for cidr in decoded.object.pod_cidrs] == ["fd00::/64"]
