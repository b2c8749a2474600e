"""Probes: connections as users write them, by name, and what they are in a cluster.

    [{"from": "shop/web-0", "to": "shop/db-0", "protocol": "TCP", "port": 5432, "ip": 6}, ...]

An end is "namespace/pod", "node/NAME" or an IP address. Only "node/NAME" and a host-network pod stand for a node's
own processes (NP-50); a node's address written as an address is what the node forwards for somebody else.

Trap: pods of a namespace named "node" cannot be written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ryu_netpol.model.names import PORT_PROTOCOLS, NodeName, PodKey, Protocol
from ryu_netpol.model.net import VERSIONS, Address, Version
from ryu_netpol.model.objects import Cluster, Pod
from ryu_netpol.model.packet import Connection

T = TypeVar("T")

DEFAULT_PORTS = ((Protocol.TCP, 80),)
"""What is probed at a pod that declares no port."""

_FIELDS = ("from", "to", "protocol", "port", "ip")
_ANSWERS = ("allowed", "reason")
"""Fields of an answer, which may be asked again as it is."""


@dataclass(frozen=True, slots=True, order=True)
class NodeEnd:
    """A node's own processes."""

    name: NodeName

    def __str__(self) -> str:
        return f"node/{self.name}"


End = PodKey | NodeEnd | Address
"""One end of a probe; `str` of it is what users write."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A question: can the source open a connection to the destination?"""

    source: End
    destination: End
    protocol: Protocol = Protocol.TCP
    port: int | None = None
    """Destination port; ignored for protocols that have none."""
    ip: Version | None = None
    """The family; None: IPv4 where both ends have it, else IPv6."""

    def __str__(self) -> str:
        port = "" if self.port is None else f"/{self.port}"
        family = "" if self.ip is None else f" (IPv{self.ip})"
        return f"{self.source} to {self.destination} {self.protocol.name}{port}{family}"


def parse_end(text: str) -> End:
    """Read an end. Raises ValueError with a sentence for people."""
    if "/" not in text:
        try:
            return Address.parse(text)
        except ValueError:
            raise ValueError(f'{text!r} is neither "namespace/pod" nor "node/NAME" nor an IP address') from None
    space, _, name = text.partition("/")
    if not space or not name or "/" in name:
        raise ValueError(f'{text!r} is neither "namespace/pod" nor "node/NAME" nor an IP address')
    return NodeEnd(NodeName(name)) if space == "node" else PodKey(space, name)


def parse_protocol(text: str) -> Protocol:
    """Read a protocol's name. Raises ValueError with a sentence for people."""
    if text not in Protocol.__members__:
        raise ValueError(f"{text!r} is not one of {', '.join(Protocol.__members__)}")
    return Protocol[text]


def decode_probes(document: str | bytes) -> tuple[Probe, ...]:
    """Read a JSON list of probes. Raises ValueError that names the entry, counted from 0, and its field."""
    try:
        entries = json.loads(document)
    except ValueError as error:
        raise ValueError(f"probes: not JSON: {error}") from None
    except RecursionError:
        raise ValueError("probes: nested too deeply") from None
    if not isinstance(entries, list):
        raise ValueError(f"probes: a list is expected, not {_kind(entries)}")
    return tuple(decode_probe(entry, where=f"probes[{index}]") for index, entry in enumerate(entries))


def decode_probe(entry: object, *, where: str = "probe") -> Probe:
    """Read one decoded entry. Raises ValueError that begins with `where` and names the field."""
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: an object is expected, not {_kind(entry)}")
    for name in entry:
        if name not in _FIELDS + _ANSWERS:
            raise ValueError(f"{where}.{name}: unknown field: there are {', '.join(_FIELDS)}")
    return Probe(
        source=_parsed(entry, "from", parse_end, where=where),
        destination=_parsed(entry, "to", parse_end, where=where),
        protocol=_parsed(entry, "protocol", parse_protocol, where=where),
        port=_port(entry, where=where),
        ip=_version(entry, where=where),
    )


def encode_probe(probe: Probe) -> dict[str, str | int]:
    """Write one probe as decode_probe reads it."""
    fields = {
        "from": str(probe.source),
        "to": str(probe.destination),
        "protocol": probe.protocol.name,
        "port": probe.port,
        "ip": probe.ip,
    }
    return {name: value for name, value in fields.items() if value is not None}


def resolve(cluster: Cluster, probe: Probe) -> Connection:
    """Say which connection a probe asks for. Raises ValueError with a sentence where there is none."""
    source, origin = _place(cluster, probe.source)
    destination, _ = _place(cluster, probe.destination)
    version = _family(probe, source, destination)
    if probe.protocol not in PORT_PROTOCOLS:
        return Connection(source[version], destination[version], probe.protocol, origin=origin)
    if probe.port is None:
        raise ValueError(f"a {probe.protocol.name} probe needs a port")
    return Connection(source[version], destination[version], probe.protocol, probe.port, origin)


def default_probes(cluster: Cluster) -> tuple[Probe, ...]:
    """Every pair of pods that policies can see, with the container ports of the destination, in each common family."""
    pods = [pod for _, pod in sorted(cluster.pods.items()) if pod.visible]
    pairs = [(source, destination) for source in pods for destination in pods if source.key != destination.key]
    return tuple(probe for pair in pairs for probe in _probes_between(*pair))


def default_shots(pod: Pod) -> tuple[tuple[Protocol, int], ...]:
    """What is probed at a pod: its container ports."""
    return tuple(dict.fromkeys(pod.container_ports or DEFAULT_PORTS))


def _probes_between(source: Pod, destination: Pod) -> Iterator[Probe]:
    common = _versions(source.addresses) & _versions(destination.addresses)
    for protocol, port in default_shots(destination):
        for version in sorted(common):
            ip = version if len(common) > 1 else None
            yield Probe(source.key, destination.key, protocol, port, ip)


def _place(cluster: Cluster, end: End) -> tuple[Mapping[Version, Address], NodeName | None]:
    """The addresses of an end by family, and the node where its processes are the node's own."""
    if isinstance(end, Address):
        return {end.version: end}, None
    if isinstance(end, NodeEnd):
        node = cluster.nodes.get(end.name)
        if node is None:
            raise ValueError(f"there is no node {end.name}")
        return _first_by_version(node.addresses), end.name
    pod = cluster.pods.get(end)
    if pod is None:
        raise ValueError(f"there is no pod {end}")
    if pod.finished:
        raise ValueError(f"pod {end} has finished: its address is free for others")
    if not pod.host_network:
        return _first_by_version(pod.addresses), None
    if pod.node is None:
        raise ValueError(f"pod {end} uses the network of its node but has no node yet")
    node = cluster.nodes.get(pod.node)
    return _first_by_version(pod.addresses or (node.addresses if node is not None else ())), pod.node


def _family(probe: Probe, source: Mapping[Version, Address], destination: Mapping[Version, Address]) -> Version:
    for end, addresses in ((probe.source, source), (probe.destination, destination)):
        if not addresses:
            raise ValueError(f"{end} has no address")
        if probe.ip is not None and probe.ip not in addresses:
            raise ValueError(f"{end} has no IPv{probe.ip} address")
    if probe.ip is not None:
        return probe.ip
    for version in VERSIONS:
        if version in source and version in destination:
            return version
    raise ValueError(f"{probe.source} and {probe.destination} have no address family in common")


def _first_by_version(addresses: Iterable[Address]) -> Mapping[Version, Address]:
    first: dict[Version, Address] = {}
    for address in addresses:
        first.setdefault(address.version, address)
    return first


def _versions(addresses: Iterable[Address]) -> set[Version]:
    return {address.version for address in addresses}


def _parsed(entry: Mapping[str, object], name: str, parse: Callable[[str], T], *, where: str) -> T:
    value = entry.get(name)
    if value is None:
        raise ValueError(f"{where}.{name}: is missing")
    if not isinstance(value, str):
        raise ValueError(f"{where}.{name}: text is expected, not {_kind(value)}")
    try:
        return parse(value)
    except ValueError as error:
        raise ValueError(f"{where}.{name}: {error}") from None


def _port(entry: Mapping[str, object], *, where: str) -> int | None:
    value = entry.get("port")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 0xFFFF:
        raise ValueError(f"{where}.port: {json.dumps(value)} is not a number from 1 to 65535")
    return value


def _version(entry: Mapping[str, object], *, where: str) -> Version | None:
    value = entry.get("ip")
    if value is None:
        return None
    if not isinstance(value, int) or value not in VERSIONS:
        raise ValueError(f"{where}.ip: {json.dumps(value)} is neither 4 nor 6")
    return value


def _kind(value: object) -> str:
    """What JSON calls a value."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
