"""Reading `ip -j address`."""

from __future__ import annotations

import json

import pytest

from ryu_netpol.adapters.hostaddr import parse_addresses
from ryu_netpol.model.net import Address


def listing(*entries: tuple[str, str]) -> str:
    """What ip prints for one link with these addresses."""
    infos = [{"family": family, "local": local, "prefixlen": 8} for family, local in entries]
    return json.dumps([{"ifname": "lo", "addr_info": infos}, {}])


def test_all_addresses_but_loopback_and_link_local() -> None:
    """Both families; also what somebody put on the loopback device."""
    text = listing(
        ("inet", "127.0.0.1"),
        ("inet", "127.3.0.1"),
        ("inet", "10.0.0.1"),
        ("inet6", "::1"),
        ("inet6", "fe80::1"),
        ("inet6", "fd00::2"),
        ("mpls", "17"),
    )

    assert parse_addresses(text) == {Address.parse("10.0.0.1"), Address.parse("fd00::2")}


@pytest.mark.parametrize("text", ["", "[]", "[{}]"])
def test_no_addresses(text: str) -> None:
    """A namespace without any."""
    assert parse_addresses(text) == frozenset()
