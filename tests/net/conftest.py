"""Fixtures of the tests with network namespaces and packets. Missing root or tools are a failure, never a skip."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest

from ryu_netpol.lab.process import need_root, run, tool

_numbers = itertools.count()


@pytest.fixture
def make_netns() -> Iterator[Callable[[str], str]]:
    """Makes namespaces with their loopback up, under names that nobody else has; removed after the test."""
    need_root("A network namespace")
    for name in ("ip", "nft", "sysctl", "nsenter"):
        tool(name)
    made: list[str] = []

    def make(name: str) -> str:
        full = f"npt{os.getpid()}-{next(_numbers)}-{name}"
        run(["ip", "netns", "add", full])
        made.append(full)
        run(["ip", "-n", full, "link", "set", "lo", "up"])
        return full

    yield make
    for full in reversed(made):
        run(["ip", "netns", "del", full])
