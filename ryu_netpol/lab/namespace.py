"""Network namespaces of the lab: made, wired, and removed by name.

All names start with the lab's own prefix ("npl" and four digits), and all interfaces are made inside these namespaces,
never in the machine's own: nothing of the machine's network is touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.process import ProcessRef, in_netns, run
from ryu_netpol.lab.state import LabState

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
# Between leaving our own namespace and coming back nothing else may run in this thread; other threads are not affected.
_entering = threading.Lock()


def make(state: LabState, name: str) -> str:
    """Make a namespace with its loopback up; return its full name."""
    full = state.netns(name)
    run(["ip", "netns", "add", full])
    run(["ip", "-n", full, "link", "set", "lo", "up"])
    return full


def remove(state: LabState, full: str) -> None:
    """End what still runs in a namespace of ours, then remove it; no error when it is gone.

    Whatever runs in there was started by the lab or by somebody at its prompt, and would keep the namespace and its
    interfaces alive without a name. Little patience: an interactive shell, the usual case, ignores the polite signal.
    """
    path = Path("/run/netns", full)
    try:
        if path.exists():
            for pid in run(["ip", "netns", "pids", full]).split():
                with contextlib.suppress(LabError):
                    ProcessRef.of(int(pid)).end(patience=0.2)
            run(["ip", "netns", "del", full])
    except LabError:
        # Two commands may find the same crashed lab and both remove it.
        if path.exists():
            raise
    state.forget_netns(full)


def ip(netns: str, lines: Iterable[str]) -> None:
    """Run several `ip` commands in a namespace, in one process; the first that fails is a LabError."""
    run(["ip", "-n", netns, "-batch", "-"], stdin="\n".join(lines) + "\n")


def sysctl(netns: str, values: Mapping[str, object]) -> None:
    """Set kernel parameters of a namespace."""
    run(["sysctl", "-q", "-w", *(f"{key}={value}" for key, value in values.items())], netns=netns)


@contextlib.contextmanager
def inside(netns: str) -> Iterator[None]:
    """Be in a namespace, this thread only, for as long as it takes to make a socket."""
    with _entering:
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            try:
                there = os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise LabError(f"There is no network namespace {netns}: is the lab still up?") from error
            try:
                _setns(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(home)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise LabError(f"Cannot enter a network namespace: {os.strerror(ctypes.get_errno())} (the lab needs root).")


def open_socket(netns: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket of this process that lives in another namespace.

    A socket belongs for ever to the namespace in which it was made, whoever uses it. So probes need no helper process
    in every pod, and a test can speak from any pod with an ordinary socket.
    """
    with inside(netns):
        return socket.socket(family, kind, protocol)


def spawn(
    state: LabState, netns: str, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
) -> ProcessRef:
    """Start a process in a namespace that goes on after us, its output in a file; remembered for removal."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*in_netns(netns), *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={**os.environ, **(env or {})},
            # Ctrl-C at the prompt is for the command that runs there, not for the node's agent.
            start_new_session=True,
        )
    # The lab ends processes by ProcessRef, which does not need (or want) Popen's own book-keeping: a Popen that is
    # collected while its process runs would warn.
    process.returncode = 0
    reference = ProcessRef.of(process.pid)
    state.remember(reference)
    return reference
