"""Selectors that select nothing: always, or among the pods and namespaces of the manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ryu_netpol.model.decode import Path
from ryu_netpol.model.decode.problem import plain
from ryu_netpol.model.labels import Labels, Operator, Requirement, Selector
from ryu_netpol.model.lint.case import Case, Finding, Name
from ryu_netpol.model.objects import Pod, PodPeer

_SHOWN = 5


def impossible(case: Case) -> Iterator[Finding]:
    """Requirements that no labels can meet together (NP-20 to NP-23)."""
    selectors: list[tuple[Path, Selector | None]] = [(("spec", "podSelector"), case.policy.subject)]
    for written in case.rules():
        for path, peer in written.pod_peers():
            selectors += [((*path, "podSelector"), peer.pods), ((*path, "namespaceSelector"), peer.namespaces)]
    for path, selector in selectors:
        if selector is not None and (key := _contradiction(selector)):
            yield Finding(
                Name.IMPOSSIBLE_SELECTOR, path, f"matches nothing: its requirements of {key} exclude each other"
            )


def _contradiction(selector: Selector) -> str | None:
    """The first key about which the requirements contradict each other."""
    for key in sorted(selector.keys()):
        wanted = [r for r in selector.requirements if r.key == key]
        listed = [value for r in wanted if r.operator is Operator.IN for value in r.values]
        # An absent key, a value that nobody lists, and those listed: one of them will do, or nothing does.
        tries: list[Labels] = [Labels(), Labels({key: _other(wanted)}), *(Labels({key: value}) for value in listed)]
        if not any(all(r.matches(labels) for r in wanted) for labels in tries):
            return key
    return None


def _other(requirements: Iterable[Requirement]) -> str:
    """A value that none of them lists."""
    return "-".join(("", *(value for r in requirements for value in r.values), ""))


def subject_matches_nothing(case: Case) -> Iterator[Finding]:
    """The policy selects no pod, though its namespace has some."""
    subject = case.policy.subject
    pods = case.scene.pods.get(case.namespace, ())
    reason = _nothing(subject, pods, where=f"of namespace {plain(case.namespace)}")
    if reason and not _contradiction(subject):
        yield Finding(Name.SUBJECT_MATCHES_NOTHING, ("spec", "podSelector"), reason)


def peer_matches_nothing(case: Case) -> Iterator[Finding]:
    """A peer selects no namespace, or no pod though its namespaces have some."""
    for written in case.rules():
        for path, peer in written.pod_peers():
            if peer.namespaces is not None and not case.scene.namespaces(peer.namespaces, case.namespace):
                yield from _no_namespace(case, path, peer.namespaces)
            elif peer.pods is not None:
                yield from _no_pod(case, path, peer, peer.pods)


def _no_namespace(case: Case, path: Path, selector: Selector) -> Iterator[Finding]:
    if case.scene.describes_others(case.namespace) and not _contradiction(selector):
        why = _why_not(selector, [namespace.labels for namespace in case.scene.listed.values()])
        reason = f"{selector} matches no namespace of the manifests{why}"
        yield Finding(Name.PEER_MATCHES_NOTHING, (*path, "namespaceSelector"), reason)


def _no_pod(case: Case, path: Path, peer: PodPeer, selector: Selector) -> Iterator[Finding]:
    where = f"of namespace {plain(case.namespace)}" if peer.namespaces is None else "of the namespaces chosen beside it"
    reason = _nothing(selector, case.scene.candidates(peer, case.namespace), where=where)
    if reason and not _contradiction(selector):
        yield Finding(Name.PEER_MATCHES_NOTHING, (*path, "podSelector"), reason)


def _nothing(selector: Selector, pods: Iterable[Pod], *, where: str) -> str:
    """Say why the selector matches none of these pods that a policy can see; empty if it does, or if there are none."""
    pods = tuple(pods)
    if not pods or any(selector.matches(pod.labels) for pod in pods if not pod.host_network):
        return ""
    for pod in pods:
        if selector.matches(pod.labels):
            return f"{selector} matches only pods on the host network, such as {pod.key}: policies do not see them"
    return f"{selector} matches no pod {where}{_why_not(selector, [pod.labels for pod in pods])}"


def _why_not(selector: Selector, there: list[Labels]) -> str:
    """Name the first requirement that nobody meets, if there is one."""
    for requirement in selector.requirements:
        if any(requirement.matches(labels) for labels in there):
            continue
        values = sorted({labels[requirement.key] for labels in there if requirement.key in labels})
        if not values:
            return f": nobody has the label {requirement.key}"
        more = ", ..." if len(values) > _SHOWN else ""
        return f": {requirement.key} is {', '.join(value or repr('') for value in values[:_SHOWN])}{more}"
    return ""
