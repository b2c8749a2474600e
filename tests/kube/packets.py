"""The lab, its agent on a real API server: how long it takes from a policy that somebody applies to its first packet.

`python -m tests.kube.packets [CHANGES]` (200) prints the figures of docs/performance.md, as root.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ryu_netpol.bench.results import percentile
from ryu_netpol.lab.measure import Line
from tests.kube.binaries import find
from tests.kube.client import Client
from tests.kube.scene import deploy, following, namespace, node, pod, policy, put
from tests.kube.server import Server, started

SPACE = "packets"
PORT = 5432
DENY = policy(SPACE, "deny", podSelector={"matchLabels": {"app": "db"}})
"""Nobody reaches the database."""


@dataclass(frozen=True, slots=True)
class Called:
    """Two pods in the lab, one of which calls the other; the agent follows the server."""

    admin: Client
    line: Line

    def apply(self) -> float:
        """Seconds from the moment in which the policy is sent to the first connection that it denies."""
        began = time.monotonic()
        self.admin.apply(DENY)
        return self.line.until_silent() - began

    def delete(self) -> float:
        """Seconds from the moment in which its end is sent to the first connection that is let through."""
        began = time.monotonic()
        self.admin.delete(DENY)
        return self.line.until_answered() - began


@contextlib.contextmanager
def called(server: Server) -> Iterator[Called]:
    """Make the objects on the server, and the lab of what it has."""
    admin = server.admin
    for value in (namespace(SPACE), node()):
        put(admin, value)
    pods = (("web", "10.244.1.20"), ("db", "10.244.1.21"))
    made = [put(admin, pod(SPACE, name, address, port=PORT, app=name)) for name, address in pods]
    with following(server, made) as scene, Line(scene.lab, f"{SPACE}/web", f"{SPACE}/db", PORT) as line:
        yield Called(admin, line)


def main(changes: int) -> None:
    """Apply and delete a policy so often."""
    with tempfile.TemporaryDirectory(prefix="npkube-") as folder, started(Path(folder), find()) as server:
        deploy(server)
        with called(server) as shown:
            denied, allowed = [], []
            for _ in range(changes // 2):
                denied.append(1000 * shown.apply())
                allowed.append(1000 * shown.delete())
    for what, found in (("applied, denied", denied), ("deleted, allowed", allowed), ("both", denied + allowed)):
        print(f"{what}: p50 {percentile(found, 50):.1f} ms, p99 {percentile(found, 99):.1f} ms, {len(found)} changes")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
