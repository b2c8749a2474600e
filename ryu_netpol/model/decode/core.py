"""Core v1: pods, namespaces with the annotation of Kubernetes 1.3, nodes.

An API server has checked what it serves, a file nobody: a pod with an error is no pod here (a port whose pod nobody
knows stays closed), a namespace with errors keeps its annotation (without it, it would be open), a node keeps what can
be read. Below spec and status, fields that mean nothing to policies are not looked at.
"""

from __future__ import annotations

import json

from ryu_netpol.model.decode import checks
from ryu_netpol.model.decode.fields import Field, Unread
from ryu_netpol.model.decode.meta import Meta
from ryu_netpol.model.decode.problem import quote
from ryu_netpol.model.labels import Labels
from ryu_netpol.model.names import NodeName, PodKey, Protocol
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.model.objects import METADATA_NAME, NamedPort, Namespace, Node, Pod

ANNOTATION = "net.beta.kubernetes.io/network-policy"
CONFIG_HASH = "kubernetes.io/config.hash"
_FINISHED = frozenset({"Succeeded", "Failed"})
_NODE_ADDRESSES = frozenset({"InternalIP", "ExternalIP"})


def pod(doc: Field, meta: Meta) -> Pod | None:
    """Read a pod; None where anything about it cannot be read."""
    spec, status = doc["spec"], doc["status"]
    spec.mapping()
    status.mapping()
    ports = container_ports(spec)
    node, started = spec["nodeName"].text(), status["startTime"].text()
    if node and not checks.is_dns_subdomain(node):
        spec["nodeName"].error(f"{quote(node)} is not the name of a node")
    value = Pod(
        key=PodKey(meta.namespace or "", meta.name),
        uid=meta.uid,
        labels=meta.labels,
        node=NodeName(node) if node else None,
        addresses=_pod_addresses(status),
        ports=tuple(sorted({p for p in ports if p.name})),
        container_ports=tuple(sorted({(p.protocol, p.number) for p in ports})),
        host_network=spec["hostNetwork"].flag(),
        finished=status["phase"].text() in _FINISHED,
        terminating=meta.terminating,
        started=started,
        config_hash=doc["metadata"]["annotations"][CONFIG_HASH].text(),
    )
    return value if doc.report.clean(0) else None


def container_ports(spec: Field) -> tuple[NamedPort, ...]:
    """Read the ports of the containers and of the init containers that keep running; no name is "" (NP-46)."""
    found = [port for container in spec["containers"].items() for port in _ports(container)]
    for container in spec["initContainers"].items():
        ports = _ports(container)
        if container["restartPolicy"].text() == "Always":
            found += ports
    return tuple(found)


def _ports(container: Field) -> list[NamedPort]:
    container.mapping()
    found: list[NamedPort] = []
    for item in container["ports"].items():
        port = _container_port(item)
        if port is None:
            continue
        if port.name and any(port.name == other.name for other in found):
            item["name"].error(f"{quote(port.name)} is the name of another port of this container")
        found.append(port)
    return found


def _container_port(field: Field) -> NamedPort | None:
    mark = field.report.mark()
    field.only("containerPort", "hostIP", "hostPort", "name", "protocol")
    number, name, protocol = field["containerPort"], field["name"], field["protocol"]
    if not number.present:
        number.error("is required")
    value = NamedPort(
        name=(checks.port_name(name) or "") if name.value != "" else "",
        protocol=checks.protocol(protocol) if protocol.value != "" else Protocol.TCP,
        number=checks.port_number(number) or 0,
    )
    return value if field.report.clean(mark) else None


def _pod_addresses(status: Field) -> tuple[Address, ...]:
    fields = [item["ip"] for item in status["podIPs"].items() if item.mapping()]
    found: dict[int, Address] = {}
    for field in fields or [status["podIP"]]:
        address = _address(field)
        if address is None:
            continue
        if found.setdefault(address.version, address) != address:
            field.error(f"a second IPv{address.version} address")
    return tuple(found[version] for version in sorted(found))


def _address(field: Field) -> Address | None:
    text = field.text()
    if not text:
        return None
    try:
        return Address.parse(text)
    except ValueError:
        field.error(f"{quote(text)} is not an IP address")
        return None


def namespace(doc: Field, meta: Meta) -> Namespace:
    """Read a namespace; without its labels where one of them cannot be read."""
    named = doc["metadata"]["labels"][METADATA_NAME]
    if named.present and named.value != meta.name:
        named.warn(f"is always the name of the namespace, {quote(meta.name)}")
    return Namespace(
        name=meta.name,
        labels=meta.labels if meta.labels_readable else Labels(),
        default_deny=_default_deny(doc["metadata"]["annotations"][ANNOTATION]),
    )


def _default_deny(field: Field) -> bool:
    """Read the isolation annotation: exactly DefaultDeny counts, whatever else is there means nothing (LG-2, LG-3)."""
    if not field.present:
        return False
    reason = _why_not(field.value)
    if reason:
        field.warn(f"counts as absent, the namespace is not isolated: {reason}")
    return not reason


def _why_not(value: object) -> str:
    if isinstance(value, Unread):
        return value.reason or "it cannot be read"
    if not isinstance(value, str):
        return f"must be JSON in quotes or after '|', not {quote(value)}"
    try:
        data = json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "it is not JSON"
    for key in ("ingress", "isolation"):
        if not isinstance(data, dict) or key not in data:
            return f"it has no {key}" if isinstance(data, dict) else "it is not the JSON that belongs there"
        data = data[key]
    return "" if data == "DefaultDeny" else f"isolation is {quote(data)}, only DefaultDeny is known"


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def node(doc: Field, meta: Meta) -> Node:
    """Read a node with the addresses that its status names, and those that its spec has for pods."""
    doc["spec"].mapping()
    doc["status"].mapping()
    addresses = []
    for item in doc["status"]["addresses"].items():
        if item.mapping() and item["type"].text() in _NODE_ADDRESSES:
            address = _address(item["address"])
            if address is not None and address not in addresses:
                addresses.append(address)
    labels = meta.labels if meta.labels_readable else Labels()
    return Node(NodeName(meta.name), labels, tuple(addresses), _pod_cidrs(doc["spec"]))


def _pod_cidrs(spec: Field) -> tuple[Cidr, ...]:
    found = []
    for item in spec["podCIDRs"].items() or (spec["podCIDR"],):
        text = item.text()
        try:
            found += [Cidr.parse(text)] if text else []
        except ValueError:
            item.error(f"{quote(text)} is not a CIDR: write ADDRESS/PREFIX-LENGTH")
    return tuple(found)
