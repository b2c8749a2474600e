"""Names of ports that lead nowhere (NP-46 to NP-48)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ryu_netpol.model.lint.case import Case, Finding, Name, WrittenRule
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import BlockPeer, Pod, PortSpec


def undeclared(case: Case) -> Iterator[Finding]:
    """No pod at which the name is resolved declares it: the subjects for ingress, the peers for egress."""
    for written in case.rules():
        pods = _destinations(case, written)
        for path, spec, name in written.named_ports():
            if pods and not any(port.name == name and port.protocol is spec.protocol for p in pods for port in p.ports):
                ends = "pod that the policy selects" if written.direction is Direction.INGRESS else "pod of the peers"
                reason = f"no {ends} declares a {spec.protocol.name} port {name}{_instead(spec, name, pods)}"
                yield Finding(Name.UNDECLARED_PORT, path, reason)


def _instead(spec: PortSpec, name: str, pods: Iterable[Pod]) -> str:
    """Say what they declare: the name for another protocol, or other names for this one."""
    declared = sorted({port for pod in pods for port in pod.ports})
    if others := {port.protocol.name for port in declared if port.name == name}:
        return f", it is {' and '.join(sorted(others))} there"
    names = sorted({port.name for port in declared if port.protocol is spec.protocol})
    return f": they have {', '.join(names)}" if names else ""


def _destinations(case: Case, written: WrittenRule) -> tuple[Pod, ...]:
    """The pods at which names are resolved; none if some of them may not be described."""
    if written.direction is Direction.INGRESS:
        candidates = case.scene.pods.get(case.namespace, ())
        return tuple(pod for pod in candidates if not pod.host_network and case.policy.subject.matches(pod.labels))
    peers = written.rule.peers
    if peers is not None and any(isinstance(peer, BlockPeer) for peer in peers):
        return ()
    found: list[Pod] = []
    for peer in (None,) if peers is None else (peer for _, peer in written.pod_peers()):
        candidates = case.scene.candidates(peer, case.namespace)
        if not candidates:
            return ()
        wanted = None if peer is None else peer.pods
        found += [pod for pod in candidates if not pod.host_network and (wanted is None or wanted.matches(pod.labels))]
    return tuple(found)


def name_at_block(case: Case) -> Iterator[Finding]:
    """A name to nothing but addresses: outside of the cluster there are no names (NP-47)."""
    for written in case.rules():
        peers = written.rule.peers or ()
        if written.direction is Direction.INGRESS or not peers or not all(isinstance(p, BlockPeer) for p in peers):
            continue
        for path, _, name in written.named_ports():
            reason = f"{name} is known only of pods: at other addresses of the ipBlock the rule allows nothing"
            yield Finding(Name.PORT_NAME_AT_BLOCK, path, reason)
