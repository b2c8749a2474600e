"""A server with a feed on it, and what the feed told."""

from __future__ import annotations

import json
from pathlib import Path

from ryu_netpol.adapters.kube import access
from ryu_netpol.adapters.kube.feed import KubeFeed
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.objects import Pod
from tests.support.recorder import Recorder
from tests.unit.adapters.kube.server import Server, wait, write_kubeconfig

WEB = PodKey("shop", "web")


class Followed(Recorder):
    """A server with a feed on it, and what the feed told."""

    def __init__(self, server: Server, folder: Path, *, user: dict[str, object] | None = None) -> None:
        """`user` as the kubeconfig has it, instead of a token."""
        super().__init__()
        self.server, self.world = server, server.world
        config = write_kubeconfig(folder / "kubeconfig", server.url)
        if user is not None:
            written = json.loads(config.read_text())
            written["users"][0]["user"] = user
            config.write_text(json.dumps(written))
        self.feed = KubeFeed(access.kubeconfig(config), deliver=self.deliver, report=self.report, chance=lambda: 0.1)

    def wait_pod(self, key: PodKey, version: str | None) -> bool:
        """Whether the agent hears of a pod of this version, or that there is none."""
        return wait(lambda: self.version(key) == version)

    def version(self, key: PodKey) -> str | None:
        found = self.store.pods.get(key)
        return found.labels["version"] if isinstance(found, Pod) else None


def asked(followed: Followed, path: str) -> int:
    """How often something was asked for."""
    return sum(one == path for one, _, _ in followed.server.asked)
