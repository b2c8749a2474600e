"""What somebody applies to a real API server, packets feel; and what the server is silent about, they do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kube.packets import SPACE, Called, called
from tests.kube.server import Server


@pytest.fixture(scope="module")
def shown(deployed: Server) -> Iterator[Called]:
    """The lab, whose agent follows the server as the account of deploy/."""
    with called(deployed) as made:
        yield made


def test_a_policy_becomes_packets_that_are_dropped(shown: Called) -> None:
    """Applied, nobody is answered any more; deleted, everybody is again; three times."""
    for _ in range(3):
        assert shown.line.knock()

        shown.apply()  # raises where the connection stays open

        assert not shown.line.knock()

        shown.delete()


def test_the_annotation_of_1_3_isolates(shown: Called) -> None:
    """`kubectl annotate ns` works on a server of today (LG-1)."""
    isolation = '{"ingress": {"isolation": "DefaultDeny"}}'
    name = "net.beta.kubernetes.io/network-policy"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    shown.admin.patch(namespace, {"metadata": {"annotations": {name: isolation}}})
    shown.line.until_silent()
    assert not shown.line.knock()

    shown.admin.patch(namespace, {"metadata": {"annotations": {name: None}}})
    shown.line.until_answered()

    assert shown.line.knock()
