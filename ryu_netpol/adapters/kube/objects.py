"""Objects as the API server writes them, to model values: by the decoder that reads manifests, with the same meaning.

Only what means something here is read from the bytes; the rest never becomes a Python value. Ordinary pods take a
shorter way (`pods`), of which there are many and which change all the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from ryu_netpol.adapters.kube import pods
from ryu_netpol.agent.events import Kind
from ryu_netpol.model.decode import Problem, decode
from ryu_netpol.model.decode.core import ANNOTATION, CONFIG_HASH
from ryu_netpol.model.names import Api, NodeName, PodKey, PolicyKey
from ryu_netpol.model.objects import Object


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of the server."""

    key: Any
    """Within its kind, as `agent.store.key_of`; None where nobody can say which object this is."""
    uid: str = ""
    object: Object | None = None
    """None where what it says cannot be used at all."""
    clean: bool = True
    problems: tuple[Problem, ...] = ()


class _Annotations(Struct, omit_defaults=True):
    isolation: Any = field(name=ANNOTATION, default=None)
    config_hash: Any = field(name=CONFIG_HASH, default=None)


class _Meta(Struct, omit_defaults=True):
    name: Any = None
    namespace: Any = None
    uid: Any = None
    labels: Any = None
    annotations: _Annotations | None = None
    deletionTimestamp: Any = None


class _NodeSpec(Struct, omit_defaults=True):
    podCIDR: Any = None
    podCIDRs: Any = None


class _NodeStatus(Struct, omit_defaults=True):
    addresses: Any = None


class _Pod(Struct, omit_defaults=True):
    metadata: _Meta
    spec: Any = None
    status: Any = None


class _Namespace(Struct, omit_defaults=True):
    metadata: _Meta


class _Node(Struct, omit_defaults=True):
    metadata: _Meta
    spec: _NodeSpec | None = None
    status: _NodeStatus | None = None


class _Policy(Struct, omit_defaults=True):
    metadata: _Meta
    spec: Any = None


class _Identity(Struct):
    metadata: _Meta


_decoders: dict[Kind, msgspec.json.Decoder[Any]] = {
    Kind.POD: msgspec.json.Decoder(_Pod),
    Kind.NAMESPACE: msgspec.json.Decoder(_Namespace),
    Kind.NODE: msgspec.json.Decoder(_Node),
    Kind.POLICY: msgspec.json.Decoder(_Policy),
}
_identities = msgspec.json.Decoder(_Identity)


def entry(raw: Raw | bytes, kind: Kind, api: str) -> Entry:
    """Decode an object. The kind and the API version are those of the list that it is in."""
    if kind is Kind.POD and (pod := pods.ordinary(raw)) is not None:
        return Entry(pod.key, pod.uid, pod)
    document = _document(raw, kind)
    decoded = decode({"apiVersion": api, "kind": str(kind), **document})
    metadata = document.get("metadata")
    uid = metadata.get("uid") if isinstance(metadata, dict) else None
    return Entry(
        _key(metadata, kind, api), uid if isinstance(uid, str) else "", decoded.object, decoded.clean, decoded.problems
    )


def key(raw: Raw | bytes, kind: Kind, api: str) -> Any:
    """Which object this is; None where nobody can say."""
    try:
        metadata = _identities.decode(raw).metadata
    except msgspec.ValidationError:
        return None
    return _key({"name": metadata.name, "namespace": metadata.namespace}, kind, api)


def _document(raw: Raw | bytes, kind: Kind) -> dict[str, Any]:
    """The parts that mean something; everything that is there where the server is not one that we know."""
    try:
        found: dict[str, Any] = msgspec.to_builtins(_decoders[kind].decode(raw))
        return found
    except msgspec.ValidationError:
        found = msgspec.json.decode(raw)
        return found if isinstance(found, dict) else {}


def _key(metadata: Any, kind: Kind, api: str) -> Any:
    if not isinstance(metadata, dict):
        return None
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not isinstance(name, str) or not name:
        return None
    match kind:
        case Kind.NAMESPACE:
            return name
        case Kind.NODE:
            return NodeName(name)
        case Kind.POD | Kind.POLICY if not isinstance(namespace, str) or not namespace:
            return None
        case Kind.POD:
            return PodKey(namespace, name)
        case Kind.POLICY:
            return PolicyKey(namespace, name, Api(api))
