"""NetworkPolicy documents of networking.k8s.io/v1 for the decoder's tests."""

from __future__ import annotations

from typing import Any

from ryu_netpol.model.decode import Severity, decode
from ryu_netpol.model.labels import Selector
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import Policy, Rule

IN, OUT, BOTH = {Direction.INGRESS}, {Direction.EGRESS}, set(Direction)
DB = Selector.of(role="db")
ANY = Rule()
TCP80 = {"ports": [{"port": 80}]}


def document(spec: Any = None, **extra: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": spec,
        **extra,
    }


def read(doc: object) -> tuple[Policy, list[str]]:
    """The policy, and the fields with errors."""
    decoded = decode(doc)
    assert isinstance(decoded.object, Policy)
    errors = [p.field for p in decoded.problems if p.severity is Severity.ERROR]
    assert decoded.clean is (not errors)
    return decoded.object, errors
