"""A server with a feed on it, and what the feed told."""

from __future__ import annotations

from pathlib import Path

from ryu_netpol.adapters.kube import access
from ryu_netpol.adapters.kube.feed import KubeFeed
from ryu_netpol.agent.events import Deleted, Event, Relisted, Together, Upserted
from ryu_netpol.agent.store import Store
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.objects import Cluster, Pod
from tests.unit.adapters.kube.server import Server, wait, write_kubeconfig

WEB = PodKey("shop", "web")


class Followed:
    """A server with a feed on it, and what the feed told."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.world = server, server.world
        self.store = Store()
        self.events: list[Event] = []
        self.reports: list[tuple[str, str]] = []
        config = write_kubeconfig(folder / "kubeconfig", server.url)
        self.feed = KubeFeed(access.kubeconfig(config), deliver=self._deliver, report=self._report, chance=lambda: 0.1)

    def _deliver(self, event: Event) -> None:
        assert isinstance(event, Upserted | Deleted | Relisted | Together)
        self.events.append(event)
        self.store.apply(event)

    def _report(self, what: str, message: str) -> None:
        self.reports.append((what, message))

    @property
    def cluster(self) -> Cluster:
        return self.store.snapshot()

    def told(self, what: str) -> list[str]:
        return [message for kind, message in self.reports if kind == what]

    def wait_pod(self, key: PodKey, version: str | None) -> bool:
        """Whether the agent hears of a pod of this version, or that there is none."""
        return wait(lambda: self.version(key) == version)

    def version(self, key: PodKey) -> str | None:
        found = self.store.pods.get(key)
        return found.labels["version"] if isinstance(found, Pod) else None


def asked(followed: Followed, path: str) -> int:
    """How often something was asked for."""
    return sum(one == path for one, _, _ in followed.server.asked)
