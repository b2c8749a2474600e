"""Following the addresses of a network namespace."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ryu_netpol.adapters.gateway import Gateway
from ryu_netpol.adapters.hostaddr import HostAddresses
from ryu_netpol.agent.events import Event, HostAddressesSeen
from ryu_netpol.lab.namespace import inside
from ryu_netpol.lab.process import run
from ryu_netpol.model.net import Address, Cidr

PATIENT = 5.0


class Follower:
    """A running HostAddresses in a namespace, and what it told."""

    def __init__(self, netns: str) -> None:
        self.netns = netns
        self.told: list[frozenset[Address]] = []
        self.reports: list[str] = []
        self._changed = threading.Condition()
        self.on_change: Callable[[], None] = lambda: None
        self.follower = HostAddresses(
            deliver=self._deliver,
            report=lambda what, message: self.reports.append(message),
            changed=lambda: self.on_change(),
        )

    def start(self) -> None:
        """Start it in the namespace, which its thread inherits."""
        with inside(self.netns):
            self.follower.start()

    def _deliver(self, event: Event) -> None:
        assert isinstance(event, HostAddressesSeen)
        with self._changed:
            self.told.append(event.addresses)
            self._changed.notify_all()

    def wait(self, *addresses: str) -> None:
        """Wait until exactly these were told last."""
        expected = frozenset(Address.parse(text) for text in addresses)
        with self._changed:
            assert self._changed.wait_for(lambda: self.told[-1:] == [expected], PATIENT), (self.told, self.reports)

    def ip(self, words: str) -> None:
        """Change something in the namespace."""
        run(["ip", "-n", self.netns, *words.split()])


@pytest.fixture
def follower(make_netns: Callable[[str], str]) -> Iterator[Follower]:
    """One that runs in a namespace with a pair of devices; its start is up to the test."""
    follower = Follower(make_netns("host"))
    follower.ip("link add np-gw0 type veth peer name other")
    yield follower
    follower.follower.stop()


def test_addresses_are_told_as_they_change(follower: Follower) -> None:
    """At the start and at every change, both families; loopback and link-local ones never."""
    follower.ip("address add 10.0.0.1/24 dev np-gw0")
    follower.start()
    follower.wait("10.0.0.1")

    follower.ip("address add fd00::1/64 dev other nodad")
    follower.wait("10.0.0.1", "fd00::1")
    follower.ip("address add 192.0.2.7/32 dev lo")
    follower.wait("10.0.0.1", "fd00::1", "192.0.2.7")
    follower.ip("link del other")
    follower.wait("192.0.2.7")


def test_equal_sets_are_told_once(follower: Follower) -> None:
    """A link that goes up changes no address: nothing is told again."""
    follower.ip("address add 10.0.0.1/24 dev np-gw0")
    follower.start()
    follower.wait("10.0.0.1")

    follower.ip("link set np-gw0 up")
    follower.ip("address add 10.0.0.2/24 dev np-gw0")
    follower.wait("10.0.0.1", "10.0.0.2")

    assert len(follower.told) == 2


def test_the_gateway_is_repaired_when_somebody_changes_it(follower: Follower) -> None:
    """Wired as the runtime does it: an address that is removed is back, and was hardly missed."""
    gateway = Gateway("np-gw0", [Cidr.parse("10.1.2.0/24")], report=lambda what, message: None)
    follower.on_change = gateway.repair
    follower.start()
    follower.wait("10.1.2.1", "10.1.2.2")

    follower.ip("address del 10.1.2.2/32 dev np-gw0")
    follower.ip("address add 10.9.9.9/32 dev other")

    follower.wait("10.1.2.1", "10.1.2.2", "10.9.9.9")


def test_a_missing_tool_is_reported_once(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is told then: no addresses known is not the same as none."""
    with monkeypatch.context() as patched:
        patched.setenv("PATH", "/nonexistent")
        follower.start()
        end = time.monotonic() + PATIENT
        while not follower.reports and time.monotonic() < end:
            time.sleep(0.01)
    follower.ip("address add 10.0.0.1/24 dev np-gw0")

    follower.wait("10.0.0.1")
    assert len(follower.reports) == 1
    assert "ip -j address" in follower.reports[0]
    assert len(follower.told) == 1


def test_stop_is_quick(make_netns: Callable[[str], str]) -> None:
    """Whether it was started or not."""
    for start in (True, False):
        follower = HostAddresses(deliver=lambda event: None, report=lambda what, message: None)
        if start:
            follower.start()
        begin = time.monotonic()
        follower.stop()
        assert time.monotonic() - begin < 1.0
    assert socket.has_ipv6
