"""Ordinary pods, decoded the short way: a tenth of the time of the decoder of manifests, and the same values.

Everything is checked as there, only once for equal parts: ten thousand pods have a few hundred different labels and
ports. What is not quite ordinary, right or wrong, is left to the decoder (tests/unit/adapters/kube/test_pods.py).
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
from msgspec import Raw, Struct, field

from ryu_netpol.model.decode import checks
from ryu_netpol.model.decode.core import CONFIG_HASH
from ryu_netpol.model.labels import Labels
from ryu_netpol.model.names import NodeName, PodKey, Protocol
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import NamedPort, Pod

REMEMBERED = 16_384
"""Different sets of labels, and of ports, that are remembered."""
_FINISHED = frozenset({"Succeeded", "Failed"})
_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP, "SCTP": Protocol.SCTP}


class _Annotations(Struct, gc=False, frozen=True):
    config_hash: str = field(name=CONFIG_HASH, default="")


class _Meta(Struct, gc=False):
    name: str
    namespace: str
    uid: str = ""
    labels: dict[str, str] = {}
    annotations: _Annotations = _Annotations()
    deletionTimestamp: str | None = None


class _Port(Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    containerPort: int
    name: str = ""
    protocol: str = "TCP"
    hostPort: int = 0
    hostIP: str = ""


class _Container(Struct, gc=False):
    ports: tuple[_Port, ...] = ()


class _InitContainer(_Container, gc=False):
    restartPolicy: str = ""


class _Spec(Struct, gc=False):
    containers: list[_Container]
    initContainers: tuple[_InitContainer, ...] = ()
    nodeName: str = ""
    hostNetwork: bool = False


class _Ip(Struct, gc=False):
    ip: str


class _Status(Struct, gc=False, frozen=True):
    podIPs: tuple[_Ip, ...] = ()
    podIP: str = ""
    phase: str = ""
    startTime: str = ""


class _Pod(Struct, gc=False):
    metadata: _Meta
    spec: _Spec
    status: _Status = _Status()


_decoder = msgspec.json.Decoder(_Pod)


def ordinary(raw: Raw | bytes) -> Pod | None:
    """The pod, if it is an ordinary one."""
    try:
        found = _decoder.decode(raw)
    except msgspec.ValidationError:
        return None
    meta, spec, status = found.metadata, found.spec, found.status
    if meta.deletionTimestamp is not None or any(container.ports for container in spec.initContainers):
        return None
    labels = _labels(tuple(meta.labels.items()))
    ports = _ports(tuple([container.ports for container in spec.containers]))
    addresses = _addresses(status)
    known = labels is not None and ports is not None and addresses is not None
    if not known or not _is_named(meta.name, meta.namespace, spec.nodeName):
        return None
    return Pod(
        key=PodKey(meta.namespace, meta.name),
        uid=meta.uid,
        labels=labels or Labels(),
        node=_node(spec.nodeName),
        addresses=addresses or (),
        ports=ports[0] if ports else (),
        container_ports=ports[1] if ports else (),
        host_network=spec.hostNetwork,
        finished=status.phase in _FINISHED,
        started=status.startTime,
        config_hash=meta.annotations.config_hash,
    )


def _is_named(name: str, namespace: str, node: str) -> bool:
    return checks.is_dns_subdomain(name) and _is_namespace(namespace) and (not node or _is_node(node))


_is_namespace = lru_cache(REMEMBERED)(checks.is_dns_label)
_is_node = lru_cache(REMEMBERED)(checks.is_dns_subdomain)


@lru_cache(REMEMBERED)
def _node(name: str) -> NodeName | None:
    return NodeName(name) if name else None


@lru_cache(REMEMBERED)
def _labels(pairs: tuple[tuple[str, str], ...]) -> Labels | None:
    good = all(checks.is_label_key(key) and checks.is_label_value(value) for key, value in pairs)
    return Labels(dict(pairs)) if good else None


@lru_cache(REMEMBERED)
def _ports(
    containers: tuple[tuple[_Port, ...], ...],
) -> tuple[tuple[NamedPort, ...], tuple[tuple[Protocol, int], ...]] | None:
    """The named ports, and all of them."""
    found = []
    for ports in containers:
        names = [port.name for port in ports if port.name]
        if len(names) != len(set(names)) or not all(map(_is_good, ports)):
            return None
        found += [NamedPort(port.name, _PROTOCOLS[port.protocol], port.containerPort) for port in ports]
    named = tuple(sorted({port for port in found if port.name}))
    return named, tuple(sorted({(port.protocol, port.number) for port in found}))


def _is_good(port: _Port) -> bool:
    named = not port.name or checks.is_port_name(port.name)
    return named and port.protocol in _PROTOCOLS and 1 <= port.containerPort <= 0xFFFF


def _addresses(status: _Status) -> tuple[Address, ...] | None:
    texts = [ip.ip for ip in status.podIPs if ip.ip] if status.podIPs else [status.podIP] if status.podIP else []
    try:
        found = tuple(sorted({Address.parse(text) for text in texts}))
    except ValueError:
        return None
    return found if len({address.version for address in found}) == len(found) else None
