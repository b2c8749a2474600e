"""NP-84 on real packets: datagrams that are too long for one packet."""

from __future__ import annotations

import contextlib
import socket

import pytest

from ryu_netpol.lab.lab import Lab

LONG = 4000
"""Bytes: three fragments with the lab's MTU of 1500."""
PATIENCE = 1.0


def arrives(lab: Lab, source: str, port: int, version: int) -> bool:
    """Whether a long datagram comes to shop/db as it was sent; three are sent, a lost one must not look denied."""
    place = lab.pod("shop/db").place(version)
    there = (place.address, port)
    with contextlib.ExitStack() as stack:
        hearing, speaking = (
            stack.enter_context(lab.socket(end, place.family, socket.SOCK_DGRAM)) for end in ("shop/db", source)
        )
        hearing.bind(there)
        hearing.settimeout(PATIENCE)
        said = bytes(number % 251 for number in range(LONG))
        for _ in range(3):
            speaking.sendto(said, there)
        with contextlib.suppress(TimeoutError):
            return hearing.recv(2 * LONG) == said
    return False


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_fragments_share_the_verdict_of_their_datagram(shop: Lab, version: int) -> None:
    """UDP 53 of shop/db is open for lab/probe, 54 is not, and the node reaches both: the control."""
    assert int(shop.pod("lab/probe").run("cat", "/sys/class/net/eth0/mtu")) < LONG
    assert arrives(shop, "node/node1", 54, version)
    assert arrives(shop, "lab/probe", 53, version)
    assert not arrives(shop, "lab/probe", 54, version)
    assert arrives(shop, "node/node1", 54, version)
