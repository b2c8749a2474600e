"""Processes as the lab starts and ends them: by a pid that cannot be mistaken, never by name.

Everything in the lab that runs a program goes through `run` (short commands) or remembers a `ProcessRef` (daemons).
A pid alone may belong to somebody else tomorrow; a pid with the start time from /proc cannot. A reference can be
written to a file, so that another process (`ryu-netpol lab down`) ends exactly what was started, also after a crash.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ryu_netpol.lab.errors import LabError

# Which Debian package has the tool: people who meet the message want to type one command.
PACKAGES: Mapping[str, str] = {
    "ovs-vswitchd": "openvswitch-switch",
    "ovsdb-server": "openvswitch-switch",
    "ovsdb-tool": "openvswitch-switch",
    "ovs-vsctl": "openvswitch-switch",
    "ovs-ofctl": "openvswitch-switch",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "ethtool": "ethtool",
    "nft": "nftables",
    "mnexec": "mininet",
    "sysctl": "procps",
}
# Daemons live in sbin, which is not in an ordinary user's PATH.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def tool(name: str) -> str:
    """The absolute path of a program, or a sentence that says which Debian package brings it."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        package = PACKAGES.get(name)
        hint = f" (Debian package {package})" if package else ""
        raise LabError(f"The program {name} is not installed{hint}.")
    return found


def need_root(what: str) -> None:
    """Refuse in one sentence where network namespaces could not be made anyway."""
    if os.geteuid() != 0:
        raise LabError(f"{what} needs root: run it with sudo.")


def in_netns(netns: str | int | None) -> list[str]:
    """The words before a command that make it run in a network namespace, given by name or by the pid of a member.

    Only the network namespace changes (nsenter, not `ip netns exec`, which also makes a mount namespace of its own):
    namespaces that are named later must stay visible under /run/netns to what was started here.
    """
    if netns is None:
        return []
    path = f"/proc/{netns}/ns/net" if isinstance(netns, int) else f"/run/netns/{netns}"
    return [tool("nsenter"), f"--net={path}", "--"]


def run(
    argv: Sequence[str],
    *,
    netns: str | int | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout: float = 30.0,
) -> str:
    """Run a command to its end and return what it printed; a failure is a LabError with the command's own words."""
    command = [*in_netns(netns), tool(argv[0]), *argv[1:]]
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **(env or {})},
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"'{' '.join(argv)}' did not end within {timeout:.0f} s.") from error
    except OSError as error:
        raise LabError(f"'{' '.join(argv)}' could not be started: {error.strerror}.") from error
    if done.returncode != 0:
        words = " / ".join((done.stderr or done.stdout).strip().splitlines())
        raise LabError(f"'{' '.join(argv)}' failed: {words or f'exit code {done.returncode}'}")
    return done.stdout


def _stat(pid: int) -> tuple[str, int] | None:
    """State letter and start time (clock ticks since boot) of a process; None if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the name in parentheses and may contain anything, also spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def pid_namespace() -> str:
    """What our pids are counted in: a pid that was written down in another one means nothing here."""
    return os.readlink("/proc/self/ns/pid")


@dataclass(frozen=True, slots=True)
class ProcessRef:
    """A process that somebody started: pid and start time, so that it cannot be mistaken for a later one."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessRef:
        """Remember a process that is running now."""
        stat = _stat(pid)
        if stat is None:
            raise LabError(f"Process {pid} ended right after its start.")
        return cls(pid=pid, started=stat[1])

    def alive(self) -> bool:
        """Whether it still runs; a zombie that nobody has waited for counts as ended."""
        stat = _stat(self.pid)
        return stat is not None and stat[0] not in "ZX" and stat[1] == self.started

    def end(self, *, patience: float = 5.0) -> None:
        """Ask it to end, insist after `patience` seconds; no error when it is gone already.

        Works for processes that are not our children (daemons, or those of a `lab up` that has exited).
        """
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # Only now, with the handle held, is the pid pinned: compare, then signal through the handle.
            if not self.alive():
                return
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
                if select.select([handle], [], [], patience)[0]:
                    break
        finally:
            os.close(handle)
        # Reap it where it is our own child, so that no zombie stays.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
