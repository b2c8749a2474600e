"""Objects as the API server writes them, to model values: by the decoder that reads manifests, with the same meaning.

Only what means something here is read from the bytes; the rest never becomes a Python value. Ordinary pods take a
shorter way (`pods`), of which there are many and which change all the time. What msgspec refuses takes a longer one
(`lenient`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from ryu_netpol.adapters.kube import lenient, pods
from ryu_netpol.agent.events import Kind
from ryu_netpol.model.decode import Problem, Unread, decode
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
    version: str = ""
    """metadata.resourceVersion; not of ordinary pods, of which nobody asks for it."""
    generation: int = 0
    """metadata.generation"""


class _Annotations(Struct, omit_defaults=True):
    isolation: Any = field(name=ANNOTATION, default=None)
    config_hash: Any = field(name=CONFIG_HASH, default=None)


class _Meta(Struct, omit_defaults=True):
    name: Any = None
    namespace: Any = None
    uid: Any = None
    resourceVersion: Any = None
    generation: Any = None
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
    """Decode an object, whatever it is. The kind and the API version are those of the list that it is in."""
    try:
        if kind is Kind.POD and (pod := pods.ordinary(raw)) is not None:
            return Entry(pod.key, pod.uid, pod)
        document = _document(raw, kind)
    except lenient.REFUSED:
        document = torn(raw, kind)
    decoded = decode({**document, "apiVersion": api, "kind": str(kind)})
    unread = [Problem(path, reason, object=decoded.title) for path, reason in lenient.unread(document)]
    found = document.get("metadata")
    metadata = found if isinstance(found, dict) else {}
    uid, version, generation = (metadata.get(name) for name in ("uid", "resourceVersion", "generation"))
    return Entry(
        _key(metadata, kind, api),
        uid if isinstance(uid, str) else "",
        decoded.object,
        decoded.clean and not unread,
        (*decoded.problems, *unread),
        version if isinstance(version, str) else "",
        generation if isinstance(generation, int) else 0,
    )


def torn(raw: Raw | bytes, kind: Kind) -> dict[str, Any]:
    """What means something in an object that msgspec refuses, as far as it can be read; the rest is `Unread`."""
    try:
        return lenient.read(raw, _decoders[kind].type)
    except lenient.REFUSED as error:
        return {"metadata": Unread(f"cannot be read: {error}")}


def key(raw: Raw | bytes, kind: Kind, api: str) -> Any:
    """Which object this is; None where nobody can say."""
    try:
        metadata = lenient.decode(_identities, raw).metadata
    except lenient.REFUSED:
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
