"""The programs of a control plane as processes: started on loopback, ended by their ids."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 60.0
"""Seconds that a program may take to end."""


class Process:
    """One program, which can be ended and started again; what it says is added to one file."""

    def __init__(self, command: Sequence[object], log: Path) -> None:
        self._command = [str(part) for part in command]
        self._log = log
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its id while it runs."""
        return self._running.pid if self.runs() and self._running else None

    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._running is not None and self._running.poll() is None

    def start(self, *more: object) -> None:
        """Start it, with these arguments too. Raises RuntimeError where it runs."""
        if self.runs():
            raise RuntimeError(f"{self._command[0]} runs already")
        with self._log.open("ab") as log:
            self._running = subprocess.Popen([*self._command, *map(str, more)], stdout=log, stderr=log)

    def stop(self) -> None:
        """End it in order, and wait; one that does not run stays so."""
        if self._running is None:
            return
        self._running.terminate()
        try:
            self._running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once: nothing is closed in order."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()


def etcd_command(program: Path, folder: Path, *, store: str, peer: str) -> list[object]:
    """etcd with everything in `folder`, for clients at `store`."""
    return [
        *(program, "--data-dir", folder / "etcd", "--unsafe-no-fsync"),
        *("--listen-client-urls", store, "--advertise-client-urls", store),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"),
    ]


def api_command(program: Path, folder: Path, *, port: int, store: str, key: Path) -> list[object]:
    """kube-apiserver on loopback, with RBAC, and `key` for the tokens of ServiceAccounts."""
    return [
        *(program, "--etcd-servers", store, "--cert-dir", folder / "cert"),
        *("--bind-address", "127.0.0.1", "--secure-port", port, "--authorization-mode", "RBAC"),
        "--allow-privileged=true",  # as kubeadm has it
        *("--token-auth-file", folder / "tokens.csv", "--service-cluster-ip-range", "10.96.0.0/16"),
        *("--service-account-issuer", "https://kubernetes.default.svc"),
        *("--service-account-key-file", key, "--service-account-signing-key-file", key),
    ]


def free_ports(number: int) -> list[int]:
    """Ports on loopback that nobody listens to."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
