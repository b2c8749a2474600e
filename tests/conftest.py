"""Says once, before the first test runs, what the selected tests need and this machine lacks.

A missing tool is a failure of the whole session, never a skip: a test that was skipped proves nothing, and nobody reads
the list of skips. Tests of levels that need nothing (unit, sim) run anywhere, without root.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.kube import binaries

HERE = Path(__file__).parent

SWITCH = ("ovsdb-server", "ovs-vswitchd", "ovsdb-tool", "ovs-vsctl", "ovs-ofctl")
NETWORK = ("ip", "nft", "nsenter", "sysctl")
ENVIRONMENTS = (".venv", ".venv-classic")
LEVELS: dict[str, tuple[str, ...]] = {
    "ovs": SWITCH,
    "net": ("root", *NETWORK, *SWITCH),
    "cni": ("root", *NETWORK, "ethtool", *SWITCH, "host-local"),
    "kube": (*binaries.BUILT, "openssl"),
    "e2e": ("root", *NETWORK, "ethtool", *SWITCH, "host-local", "ping", "mn", "mininet", *ENVIRONMENTS),
}
"""What the tests in each folder need, beside Python packages. Folders that are not named need nothing."""

SOURCES = {
    **dict.fromkeys(SWITCH, "Debian package openvswitch-switch"),
    "ip": "Debian package iproute2",
    "nft": "Debian package nftables",
    "nsenter": "Debian package util-linux",
    "sysctl": "Debian package procps",
    "ethtool": "Debian package ethtool",
    "host-local": "Debian package containernetworking-plugins",
    "ping": "Debian package iputils-ping",
    **dict.fromkeys(binaries.BUILT, "`make test-kube` builds it where there is Go"),
    "openssl": "Debian package openssl",
    "mn": "Debian package mininet",
    "mininet": "Debian package mininet, shown to the virtual environment by `make setup`",
    ".venv": "`make setup` makes it",
    ".venv-classic": "`make setup STACK=classic` makes it",
}
"""Where each of them comes from."""

# Daemons live in sbin, which is not in everybody's PATH; plugins are in no PATH at all.
FOLDERS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", "/usr/lib/cni"])


def is_there(need: str) -> bool:
    """Whether this machine has what is needed."""
    if need == "root":
        return os.geteuid() == 0
    if need == "mininet":
        # The checkout's own folder mininet/ has no `net` in it.
        try:
            return importlib.util.find_spec("mininet.net") is not None
        except ImportError:
            return False
    if need == "etcd":
        return binaries.streaming_etcd() is not None
    if need in binaries.BUILT:
        return binaries.program(need) is not None
    if need in ENVIRONMENTS:
        return (HERE.parent / need / "bin" / "ryu-netpol").exists()
    return shutil.which(need, path=FOLDERS) is not None


def complaint(levels: Iterable[str], is_there: Callable[[str], bool] = is_there) -> str:
    """One sentence on what the tests of these levels lack; empty if nothing."""
    levels = sorted(set(levels) & set(LEVELS))
    needs = {need for level in levels for need in LEVELS[level] if not is_there(need)}
    if not needs:
        return ""
    wanted = [f"{need} ({SOURCES[need]})" for need in sorted(needs - {"root"})]
    lacking = ", ".join((["root"] if "root" in needs else []) + wanted)
    where = ", ".join(f"tests/{level}" for level in levels if needs & set(LEVELS[level]))
    return f"{where} cannot run here, they lack {lacking}: run `make setup` and the tests as root, or `make test-unit`."


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to start where something is missing."""
    if session.config.option.collectonly:
        return
    paths = (item.path for item in session.items)
    levels = {path.relative_to(HERE).parts[0] for path in paths if path.is_relative_to(HERE)}
    if sentence := complaint(levels):
        raise pytest.UsageError(sentence)
