"""A scene that comes from one state to another, again and again, each time watched by packets from before to after."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.node import LabNode
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import default_probes
from tests.kube.client import Client
from tests.kube.prober import EVERY, End, Knock, Pair, Prober
from tests.kube.scene import NODE, Json, Scene, deploy, following, plugged
from tests.kube.server import Server
from tests.kube.state import flows_differ, judged, of_server, packets_differ
from tests.kube.verdicts import Allowed, allowed, faults, unlike
from tests.kube.world import BLUE, NOTHING, PORT, RED, World, become

PATIENCE = 60.0
"""Seconds until the agent has caught up: it may wait for some, and does so after each failure."""
LISTEN = 12 * EVERY
"""Seconds in which each pair is tried six times in each family."""


def wait_for_flows(node: LabNode, cluster: Cluster, *, within: float = PATIENCE) -> None:
    """Wait until the switch has what a cluster wants. Fails where it does not come to that."""
    limit = time.monotonic() + within
    while differences := flows_differ(node, cluster):
        assert time.monotonic() < limit, "\n".join([*differences[:20], node.agent_words()])


@dataclass
class Episode:
    """One state of the server, another one, and what packets did meanwhile."""

    before: Cluster
    pairs: frozenset[Pair]
    after: Cluster = field(init=False)
    knocks: Sequence[Knock] = ()
    settled: float = 0.0
    """Since when packets feel the second state (monotonic)."""

    def faults(self, *others: Cluster) -> list[str]:
        """Pairs that were open although both states (and these others) deny them, or lost although all allow them."""
        return faults(self.knocks, [self._allowed(state) for state in (self.before, *others, self.after)])

    def unlike(self) -> list[str]:
        """Pairs that do not do in the end what the second state says."""
        return unlike((k for k in self.knocks if k.sent > self.settled), self._allowed(self.after))

    def _allowed(self, cluster: Cluster) -> Allowed:
        return allowed(cluster, self.pairs, PORT)


class Story:
    """A scene in one of two states, and how it comes to the other."""

    def __init__(self, scene: Scene, world: World, ends: Sequence[End], prober: Prober) -> None:
        self.scene, self.world = scene, world
        self._pairs, self._prober = _pairs(ends), prober
        self._watched = False
        self._kubelet = ThreadPoolExecutor(1)
        self._attaching: list[Future[None]] = []

    @property
    def admin(self) -> Client:
        """Who may do everything."""
        return self.scene.server.admin

    @property
    def lab(self) -> Lab:
        """The lab."""
        return self.scene.lab

    @property
    def _there(self) -> list[str]:
        return [f"node/{NODE.name}", *self.lab.pods]

    @property
    def other(self) -> World:
        """The state that comes next."""
        return BLUE if self.world is RED else RED

    def change(self, new: World | None = None) -> None:
        """Make it the other state, as somebody does who applies it; a kubelet detaches and attaches pods."""
        old, self.world = self.world, new or self.other
        self.detach(old, self.world)
        self.attach(become(self.admin, old, self.world, policies_first=self.world is RED))

    def detach(self, old: World, new: World) -> None:
        """End the pods that will not be there any more."""
        gone = {f"{space}/{name}" for _, space, name in old.kind("Pod").keys() - new.kind("Pod").keys()}
        if self._watched:
            self._prober.knock({*self._there} - gone)
        self.lab.detach(*gone)

    def attach(self, items: Iterator[Json]) -> None:
        """Start pods of the server; each is ready some time later."""
        for item in items:
            self._attaching.append(self._kubelet.submit(self.lab.attach, [plugged(item)], ready_timeout=PATIENCE))

    def settle(self, cluster: Cluster) -> None:
        """Wait until the switch has what a cluster wants, and all pods are ready."""
        wait_for_flows(self.scene.node, cluster)
        for one in self._attaching:
            one.result()
        self._attaching.clear()
        wait_for_flows(self.scene.node, cluster)
        if self._watched:
            self._prober.knock(self._there)

    @contextlib.contextmanager
    def episode(self) -> Iterator[Episode]:
        """Watch packets from before the block to the moment in which the switch has what the server has after it.

        Fails where that does not happen, and where packets do not do what the oracle says then.
        """
        episode = Episode(of_server(self.admin), self._pairs)
        self._prober.knock(self._there)
        self._watched = True
        try:
            # Not luck: in this time packets show what is so before.
            time.sleep(LISTEN)
            yield episode
            episode.after = of_server(self.admin)
            self.settle(episode.after)
            self.scene.node.ovs.appctl("revalidator/purge")
            episode.settled = time.monotonic()
            time.sleep(LISTEN)
        finally:
            self._watched = False
            episode.knocks = self._prober.end()
        found = episode.unlike() or packets_differ(self.lab, judged(episode.after, default_probes(episode.after)))
        assert not found, "\n".join(found)

    def close(self) -> None:
        """Wait for what has begun."""
        self._kubelet.shutdown()


def _ends(lab: Lab) -> list[End]:
    pods = {f"{space}/{name}": value for world in (RED, BLUE) for (_, space, name), value in world.kind("Pod").items()}
    found = [End(f"node/{NODE.name}", lab.node(NODE.name).netns, {})]
    for key, value in sorted(pods.items()):
        space, _, name = key.partition("/")
        addresses = {6 if ":" in entry["ip"] else 4: entry["ip"] for entry in value["status"]["podIPs"]}
        found.append(End(key, lab.state.netns(f"pod.{name}.{space}"), addresses))
    return found


def _pairs(ends: Sequence[End]) -> frozenset[Pair]:
    return frozenset(
        Pair(source.name, destination.name, version)
        for source in ends
        for destination in ends
        if source is not destination
        for version in destination.addresses
    )


@contextlib.contextmanager
def told(server: Server) -> Iterator[Story]:
    """A scene in its first state, on a server that has nothing yet."""
    deploy(server)
    pods = list(become(server.admin, NOTHING, RED, policies_first=False))
    with contextlib.ExitStack() as stack:
        scene = stack.enter_context(following(server, pods))
        ends = _ends(scene.lab)
        prober = stack.enter_context(Prober(ends, PORT))
        yield stack.enter_context(contextlib.closing(Story(scene, RED, ends, prober)))
