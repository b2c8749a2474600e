"""Probes that nobody gets by default: the node, the outside, oneself, every protocol, ports that nobody mentions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ryu_netpol.model.names import Protocol
from ryu_netpol.model.net import VERSIONS, Address, Version
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import End, NodeEnd, Probe

OUTSIDERS: dict[Version, Address] = {4: Address.parse("203.0.113.7"), 6: Address.parse("2001:db8::7")}
UNMENTIONED = 9999


def odd_probes(cluster: Cluster) -> list[Probe]:
    """For every pod and family: itself, every node and an outsider, both ways; and pairs of pods by odd protocols."""
    return [probe for version in VERSIONS for probe in _probes(cluster, version)]


def _probes(cluster: Cluster, version: Version) -> Iterator[Probe]:
    pods = [pod for _, pod in sorted(cluster.pods.items()) if pod.address(version) and pod.visible]
    others: list[End] = [OUTSIDERS[version], *(NodeEnd(name) for name in sorted(cluster.nodes))]
    for pod in pods:
        ports = [port for protocol, port in pod.container_ports if protocol is Protocol.TCP] or [80]
        for other in others:
            yield from _every_protocol(other, pod.key, version, ports)
            yield from _every_protocol(pod.key, other, version, ())
        yield from _every_protocol(pod.key, pod.key, version, ports)
        for another in pods:
            if another is not pod:
                yield from _every_protocol(pod.key, another.key, version, ())


def _every_protocol(source: End, to: End, version: Version, ports: Iterable[int]) -> Iterator[Probe]:
    ip = None if isinstance(source, Address) or isinstance(to, Address) else version
    yield Probe(source, to, Protocol.ICMP, ip=ip)
    for protocol in (Protocol.TCP, Protocol.UDP, Protocol.SCTP):
        yield Probe(source, to, protocol, UNMENTIONED, ip)
    for port in ports:
        yield Probe(source, to, Protocol.TCP, port, ip)
