"""The gateway port: what it must have, and the commands that lead there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ryu_netpol.adapters import gateway as gateway_module
from ryu_netpol.adapters.gateway import (
    Gateway,
    GatewayError,
    address_commands,
    port_addresses,
    ruleset,
    second_addresses,
)
from ryu_netpol.model.net import Address, Cidr

CIDRS = (Cidr.parse("10.1.2.0/24"), Cidr.parse("fd00:1::/64"))
WANTED = port_addresses(CIDRS)
FOREVER = 4294967295


def entry(local: str, prefix: int, **more: object) -> dict[str, Any]:
    """An entry of addr_info."""
    return {"local": local, "prefixlen": prefix, "scope": "global", "preferred_life_time": FOREVER, **more}


RIGHT = (
    entry("10.1.2.1", 24),
    entry("10.1.2.2", 32, scope="host"),
    entry("fd00:1::1", 64),
    entry("fd00:1::2", 128, preferred_life_time=0, deprecated=True),
)


def commands(*entries: dict[str, Any], flags: tuple[str, ...] = ("UP",)) -> tuple[str, ...]:
    """The commands for a port with these addresses."""
    return address_commands("gw", WANTED, json.dumps([{"flags": flags, "addr_info": entries}]))


def test_seconds_are_what_the_pipeline_takes_for_the_node() -> None:
    """One per family."""
    assert second_addresses(CIDRS) == {Address.parse("10.1.2.2"), Address.parse("fd00:1::2")}


def test_everything_is_set_on_a_new_port() -> None:
    """Link and addresses; SECOND in a way that no source address selection takes it."""
    assert commands(flags=()) == (
        "link set dev gw up",
        "address replace 10.1.2.1/24 scope global dev gw",
        "address replace 10.1.2.2/32 scope host dev gw",
        "address replace fd00:1::1/64 nodad dev gw",
        "address replace fd00:1::2/128 nodad valid_lft forever preferred_lft 0 dev gw",
    )


def test_nothing_is_done_when_all_is_right() -> None:
    """Other addresses on the port do not matter."""
    assert commands(*RIGHT, entry("192.0.2.1", 24)) == ()


@pytest.mark.parametrize(
    ("index", "wrong", "delete"),
    [
        pytest.param(0, entry("10.1.2.1", 32), "address del 10.1.2.1/32 dev gw", id="prefix"),
        pytest.param(1, entry("10.1.2.2", 32), "address del 10.1.2.2/32 dev gw", id="scope"),
        pytest.param(2, entry("fd00:1::1", 64, tentative=True), "address del fd00:1::1/64 dev gw", id="tentative"),
        pytest.param(3, entry("fd00:1::2", 128), "address del fd00:1::2/128 dev gw", id="preferred"),
    ],
)
def test_altered_addresses_are_set_right(index: int, wrong: dict[str, Any], delete: str) -> None:
    """The address is taken away and set again; the others stay."""
    result = commands(*RIGHT[:index], wrong, *RIGHT[index + 1 :])

    assert result == (delete, f"address replace {WANTED[index].words()} dev gw")


@pytest.mark.parametrize(
    ("cidrs", "words"),
    [
        pytest.param((), "no pod CIDR", id="none"),
        pytest.param(("10.0.0.0/24", "10.1.0.0/24"), "two IPv4 pod CIDRs", id="two"),
        pytest.param(("10.0.0.0/31",), "too small", id="small"),
        pytest.param(("fd00::/127",), "too small", id="small IPv6"),
    ],
)
def test_unusable_cidrs(cidrs: tuple[str, ...], words: str) -> None:
    """One sentence says what is wrong."""
    with pytest.raises(GatewayError, match=words):
        port_addresses(Cidr.parse(text) for text in cidrs)


def test_ruleset_has_both_families() -> None:
    """One rule to speak from SECOND and one that nobody else does, per family, in a table that is replaced whole."""
    text = ruleset("gw", WANTED)

    assert text.startswith("table inet ryu_netpol_node\ndelete table inet ryu_netpol_node\n")
    assert 'oifname "gw" meta nfproto ipv4 fib saddr type local snat ip to 10.1.2.2' in text
    assert 'oifname "gw" meta nfproto ipv6 fib saddr type local snat ip6 to fd00:1::2' in text
    assert text.count("drop") == 2


def test_a_missing_tool_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the package that brings it; repair() says it once while it lasts."""
    reports: list[tuple[str, str]] = []
    monkeypatch.setenv("PATH", "/nonexistent")
    gateway = Gateway("gw", CIDRS, report=lambda what, message: reports.append((what, message)))

    gateway.repair()
    gateway.repair()

    assert reports == [("gateway", "The program ip is not installed on the node (Debian package iproute2).")]


def test_a_missing_port_is_one_sentence() -> None:
    """The tool's own words are in it."""
    with pytest.raises(gateway_module.GatewayError, match=r"np-none0.*does not exist"):
        Gateway("np-none0", CIDRS, report=lambda what, message: None).configure()
