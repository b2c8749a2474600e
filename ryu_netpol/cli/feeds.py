"""What an agent follows, a folder or an API server, and what it tells in return; how a folder becomes events."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Protocol

from ryu_netpol.adapters.folder import FolderFeed, FolderState
from ryu_netpol.adapters.health.health import Health
from ryu_netpol.agent.events import Kind, Replaced
from ryu_netpol.config import Settings, SettingsError
from ryu_netpol.model.load import LocatedProblem
from ryu_netpol.model.objects import Namespace, Object, Pod, Policy
from ryu_netpol.runtime import Runtime


class Adapter(Protocol):
    """Has a thread of its own."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""


class Feed(Adapter, Protocol):
    """Follows the state of a cluster, and tells the runtime of it."""

    def late(self) -> frozenset[Kind]:
        """The kinds of which something may have happened that is not known."""


def make_feed(settings: Settings, runtime: Runtime, health: Health) -> tuple[Feed, list[Adapter]]:
    """What follows the cluster's state, and what tells the cluster what is in force.

    Raises SettingsError where the credentials cannot be read.
    """
    if settings.manifests is not None:
        return FolderFeed(settings.manifests, FeedToEvents(runtime)), []
    # The kubernetes package takes 0.3 s and 35 MB: only who follows an API server pays for it.
    from ryu_netpol.adapters.kube import access
    from ryu_netpol.adapters.kube.feed import KubeFeed
    from ryu_netpol.adapters.kube.tell.teller import Teller

    name = "--in-cluster" if settings.kubeconfig is None else f"--kubeconfig {settings.kubeconfig}"
    try:
        if settings.kubeconfig is None:
            found = access.in_cluster()
        else:
            found = access.kubeconfig(settings.kubeconfig, settings.context)
    except access.AccessError as error:
        raise SettingsError(f"{name}: {error}") from error
    teller = Teller(
        found,
        node=settings.node,
        agent=health.agent,
        standing=partial(runtime.ask, health.proven.standing),
        report=runtime.report,
        counted=health.record.told,
    )
    health.proven.subscribe(teller.wake)
    return KubeFeed(found, deliver=runtime.deliver, report=runtime.report, back=teller.reached), [teller]


class FeedToEvents:
    """What the folder says, as events: everything at once each time, and what is wrong with the files."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._told: frozenset[LocatedProblem] = frozenset()
        self._mentioned: frozenset[str] = frozenset()

    def __call__(self, state: FolderState) -> None:
        """Take in what the folder says now."""
        problems = frozenset(state.problems)
        for problem in sorted(problems - self._told, key=str):
            self._runtime.report("manifest_error" if problem.is_error else "manifest_warning", str(problem))
        self._told = problems
        if not any(problem.is_error for problem in problems):
            self._mentioned = mentioned(state.objects)
        if state.known:
            everything = (*state.objects, *namespaces(self._mentioned, state.objects))
            self._runtime.deliver(Replaced(frozenset(everything)))


def mentioned(objects: Iterable[Object]) -> frozenset[str]:
    """Namespaces that pods and policies name: in a folder, unlike in a cluster, nobody need describe them.

    Taken from a folder without errors only: what cannot be read may be the Namespace that isolates its pods (LG-1).
    """
    return frozenset(item.key.namespace for item in objects if isinstance(item, Pod | Policy))


def namespaces(names: frozenset[str], objects: Iterable[Object]) -> list[Namespace]:
    """Those of these namespaces that no object describes."""
    described = {item.name for item in objects if isinstance(item, Namespace)}
    return [Namespace(name) for name in sorted(names - described)]
