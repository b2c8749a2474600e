"""networking.k8s.io/v1 NetworkPolicy (NP-10 to NP-48, VA-1 to VA-9).

A policy with errors still isolates, and only the rules that cannot be read are lost (UR-2):

* its podSelector cannot be read: it isolates its whole namespace, in both directions unless its policyTypes are there,
  and has no rules, since they were written for some pods and would now speak for all;
* its policyTypes cannot be read: it isolates in both directions;
* it has an unknown field: that may be any of the missing ones, mistyped, so that these cannot be read either.
"""

from __future__ import annotations

from collections.abc import Callable

from ryu_netpol.model.decode import blocks, checks
from ryu_netpol.model.decode.fields import Field
from ryu_netpol.model.decode.meta import Meta
from ryu_netpol.model.decode.problem import quote
from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.names import Api, Direction, PolicyKey
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import Peer, PodPeer, Policy, PortSpec, Rule

_BOTH = frozenset(Direction)
_DIRECTIONS = {str(direction): direction for direction in Direction}


def policy(doc: Field, meta: Meta) -> Policy:
    """Read a policy, closed where it cannot be read."""
    sure = doc.only("apiVersion", "kind", "metadata", "spec", "status") or doc["spec"].present
    spec = doc["spec"]
    sure = spec.only("podSelector", "policyTypes", "ingress", "egress") and sure

    mark = doc.report.mark()
    subject = checks.selector(spec["podSelector"])
    selected = doc.report.clean(mark) and (sure or spec["podSelector"].present)
    ingress = rules(spec["ingress"], lambda item: _rule(item, peers="from"))
    egress = rules(spec["egress"], lambda item: _rule(item, peers="to"))
    directions = _directions(spec, sure=sure and selected)
    for direction, name in ((Direction.INGRESS, "ingress"), (Direction.EGRESS, "egress")):
        if direction not in directions and spec[name].value:
            spec[name].warn(f"has no effect: policyTypes does not list {direction}")
    return Policy(
        key=PolicyKey(meta.namespace or "", meta.name, Api.V1),
        subject=subject if selected and subject is not None else EVERYTHING,
        directions=directions,
        ingress=ingress if selected else (),
        egress=egress if selected else (),
        uid=meta.uid,
    )


def rules(field: Field, read: Callable[[Field], Rule]) -> tuple[Rule, ...]:
    """Read a list of rules without those that cannot be read."""
    found = []
    for item in field.items():
        mark = item.report.mark()
        rule = read(item)
        if item.report.clean(mark):
            found.append(rule)
    return tuple(found)


def _directions(spec: Field, *, sure: bool) -> frozenset[Direction]:
    """Apply the defaults of policyTypes (NP-11, NP-12, VA-8)."""
    field, mark = spec["policyTypes"], spec.report.mark()
    items = field.items()
    types = [item.text() for item in items]
    for item, name in zip(items, types, strict=True):
        if name not in _DIRECTIONS and (isinstance(item.value, str) or not item.present):
            item.error(f"must be Ingress or Egress, not {quote(item.value)}")
    readable = spec.report.clean(mark)
    if len(items) > 2:
        field.error("has more than two entries")
    if not readable or not (sure or items):
        return _BOTH
    if types:
        return frozenset(_DIRECTIONS[name] for name in types)
    return _BOTH if spec["egress"].value not in (None, []) else frozenset({Direction.INGRESS})


def _rule(field: Field, *, peers: str) -> Rule:
    """Read one rule; absent, null and empty lists restrict nothing (NP-15, NP-30, NP-41)."""
    field.only(peers, "ports")
    found = [_peer(item) for item in field[peers].items()]
    ports = tuple(_port(item) for item in field["ports"].items())
    return Rule(peers=tuple(p for p in found if p is not None) or None, ports=ports or None)


def _peer(field: Field) -> Peer | None:
    """Read one entry of from or to (NP-31 to NP-38, VA-4)."""
    known = field.only("podSelector", "namespaceSelector", "ipBlock")
    pods, namespaces, block = field["podSelector"], field["namespaceSelector"], field["ipBlock"]
    peer = PodPeer(checks.selector(pods), checks.selector(namespaces))
    if block.present:
        if pods.present or namespaces.present:
            field.error("ipBlock cannot stand beside podSelector or namespaceSelector in one entry")
        return blocks.block(block)
    if peer.pods is None and peer.namespaces is None:
        if known:
            field.error("needs podSelector, namespaceSelector or ipBlock")
        return None
    return peer


def _port(field: Field) -> PortSpec:
    """Read one entry of ports (NP-42 to NP-48, VA-1 to VA-3)."""
    field.only("protocol", "port", "endPort")
    protocol, end = checks.protocol(field["protocol"]), field["endPort"]
    port = number_or_name(field["port"])
    last = checks.port_number(end)
    if end.present and not field["port"].present:
        end.error("needs a port to begin with")
    elif end.present and isinstance(field["port"].value, str):
        end.error("cannot stand beside the name of a port")
    elif end.whole is not None and field["port"].whole is not None and end.whole < field["port"].whole:
        end.error(f"must not be below port, {field['port'].whole}")
    elif isinstance(port, int):
        return PortSpec(protocol, PortRange(port, last or port))
    return PortSpec(protocol, port if isinstance(port, str) else None)


def number_or_name(field: Field) -> int | str | None:
    """Read a port that may be a number or a name; None where it is absent or wrong."""
    if isinstance(field.value, str):
        return checks.port_name(field)
    if field.present and (isinstance(field.value, bool) or not isinstance(field.value, int)):
        field.integer()
        return None
    return checks.port_number(field)
