"""extensions/v1beta1 NetworkPolicy, the API of Kubernetes 1.3 (LG-1 to LG-13).

Its lists mean what they say: absent is any, empty is none (LG-7). It isolates nothing, the annotation of the namespace
does (LG-4), so that a policy that cannot be read just allows nothing.
"""

from __future__ import annotations

from ryu_netpol.model.decode import checks
from ryu_netpol.model.decode.fields import Field
from ryu_netpol.model.decode.meta import Meta
from ryu_netpol.model.decode.problem import quote
from ryu_netpol.model.decode.v1 import number_or_name, rules
from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.names import Api, Direction, PolicyKey, Protocol
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import Peer, PodPeer, Policy, PortSpec, Rule

_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP}


def policy(doc: Field, meta: Meta) -> Policy:
    """Read a policy of the old API (LG-6)."""
    sure = doc.only("apiVersion", "kind", "metadata", "spec") or doc["spec"].present
    spec = doc["spec"]
    sure = spec.only("podSelector", "ingress") and sure
    mark = doc.report.mark()
    subject = checks.selector(spec["podSelector"])
    selected = doc.report.clean(mark) and (sure or spec["podSelector"].present)
    ingress = rules(spec["ingress"], _rule)
    return Policy(
        key=PolicyKey(meta.namespace or "", meta.name, Api.LEGACY),
        subject=subject if selected and subject is not None else EVERYTHING,
        directions=frozenset({Direction.INGRESS}),
        ingress=ingress if selected else (),
        uid=meta.uid,
    )


def _rule(field: Field) -> Rule:
    field.only("from", "ports")
    peers, ports = field["from"], field["ports"]
    found = [_peer(item) for item in peers.items()]
    entries = tuple(_port(item) for item in ports.items())
    return Rule(
        peers=tuple(p for p in found if p is not None) if peers.present else None,
        ports=entries if ports.present else None,
    )


def _peer(field: Field) -> Peer | None:
    """Read one entry of from: exactly one of the two selectors (LG-8, VA-10)."""
    known = field.only("podSelector", "namespaceSelector")
    peer = PodPeer(checks.selector(field["podSelector"]), checks.selector(field["namespaceSelector"]))
    if peer.pods is not None and peer.namespaces is not None:
        field.error("podSelector and namespaceSelector cannot stand in one entry in this API version")
    if peer.pods is None and peer.namespaces is None:
        if known:
            field.error("needs podSelector or namespaceSelector")
        return None
    return peer


def _port(field: Field) -> PortSpec:
    field.only("protocol", "port")
    protocol, port = _protocol(field["protocol"]), number_or_name(field["port"])
    return PortSpec(protocol, PortRange(port, port) if isinstance(port, int) else port)


def _protocol(field: Field) -> Protocol:
    """Read a protocol in any case: the text that introduced this API writes `tcp` (LG-9)."""
    name = field.text() if field.present else "TCP"
    found = _PROTOCOLS.get(name.upper())
    if found is None:
        if isinstance(field.value, str):
            field.error(f"must be TCP or UDP, not {quote(name)}")
        return Protocol.TCP
    if name != found.name:
        field.warn(f"is read as {found.name}; API servers want upper case")
    return found
