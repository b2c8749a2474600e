"""The addresses of the node itself, as its kernel knows them (NP-61): read at the start and followed as they change.

Callers: `ryu-netpol agent`, in the node's network namespace (that of whoever calls start()). The
kernel's notifications (rtnetlink(7), a socket that only says "something changed") trigger a new reading by `ip -j`.
A socket cannot die as an `ip monitor` process can, and leaves no process behind; what it may lose under load (ENOBUFS)
is a notification, after which everything is read anyway, as it is from time to time without any.

`changed` is called before every reading: the agent passes `Gateway.repair`, so that addresses of the gateway port
that somebody removed are back before they are missed.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import threading
from collections.abc import Callable

from ryu_netpol.agent.events import Event, HostAddressesSeen
from ryu_netpol.model.net import Address, Cidr

# linux/rtnetlink.h: RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR.
_GROUPS = 0x1 | 0x10 | 0x100
# Changes come in bursts (a link with its addresses): one reading for all of them.
SETTLE = 0.05
INTERVAL = 10.0

_LEFT_OUT = tuple(Cidr.parse(text) for text in ("127.0.0.0/8", "::1/128", "fe80::/10"))


_SERVICES = "kube-ipvs0"
"""Where kube-proxy in mode ipvs keeps the addresses of all services: they lead to pods, not to the node (NP-51)."""


def parse_addresses(text: str) -> frozenset[Address]:
    """The addresses in what `ip -j address` prints, without loopback and link-local ones, which no pod can speak to."""
    found = set()
    for link in json.loads(text or "[]"):
        if link.get("ifname") == _SERVICES:
            continue
        for info in link.get("addr_info", ()):
            if info.get("family") in ("inet", "inet6"):
                found.add(Address.parse(info["local"]))
    return frozenset(address for address in found if not any(address in block for block in _LEFT_OUT))


class HostAddresses:
    """Follows the addresses of this network namespace from start() to stop(); `deliver` is called from its thread."""

    def __init__(
        self,
        *,
        deliver: Callable[[Event], None],
        report: Callable[[str, str], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._deliver = deliver
        self._report = report
        self._changed = changed
        self._thread = threading.Thread(target=self._main, name="hostaddr", daemon=True)
        self._sleeper, self._waker = socket.socketpair()
        self._seen: frozenset[Address] | None = None
        self._trouble = ""

    def start(self) -> None:
        """Start the thread; the first HostAddressesSeen follows at once."""
        self._thread.start()

    @property
    def started(self) -> bool:
        """Whether start() was called."""
        return self._thread.ident is not None

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._waker.close()
        if self._thread.ident is not None:
            self._thread.join()
        self._sleeper.close()

    def _main(self) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        with socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE) as kernel:
            # Subscribed before the first reading: nothing falls in between.
            kernel.bind((0, _GROUPS))
            while True:
                self._read()
                if self._stopped(kernel, INTERVAL) or self._stopped(None, SETTLE):
                    return
                _drain(kernel)

    def _stopped(self, kernel: socket.socket | None, seconds: float) -> bool:
        """Wait for a notification or the time; true once stop() was called."""
        waiting = [self._sleeper] if kernel is None else [self._sleeper, kernel]
        return self._sleeper in select.select(waiting, [], [], seconds)[0]

    def _read(self) -> None:
        self._changed()
        try:
            seen = parse_addresses(_ip_addresses())
        except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._report("host-addresses", f"The node's addresses cannot be read by `ip -j address`: {error}.")
            return
        self._trouble = ""
        if seen != self._seen:
            self._seen = seen
            self._deliver(HostAddressesSeen(seen))


def _drain(kernel: socket.socket) -> None:
    """Take all notifications; what they say is read anew from the kernel."""
    # BlockingIOError: no more; another OSError (ENOBUFS): some were lost, which makes no difference.
    with contextlib.suppress(OSError):
        while kernel.recv(65536):
            pass


def _ip_addresses() -> str:
    done = subprocess.run(["ip", "-j", "address"], capture_output=True, text=True, timeout=10, check=True)
    return done.stdout
