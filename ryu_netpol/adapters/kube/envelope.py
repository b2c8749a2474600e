"""What surrounds objects on the wire: lists, watch events, the Status of an error. Raw bytes to small typed values.

Objects stay bytes here (`msgspec.Raw`, a view): `objects` decodes them one by one, so that one bad object is one; what
is around one that is no JSON to the decoder is read all the same (`lenient`).
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct, field

from ryu_netpol.adapters.kube import answers, lenient

Unreadable = lenient.REFUSED
"""Raised by everything here: what came is not JSON, or not what was asked for."""


class _ListMeta(Struct):
    resourceVersion: str = ""
    more: str | None = field(name="continue", default=None)


class _List(Struct):
    metadata: _ListMeta
    items: list[Raw] | None


class _End(Struct):
    end: str = field(name="k8s.io/initial-events-end", default="")


class _BookmarkMeta(Struct):
    resourceVersion: str
    annotations: _End | None = None


class _Bookmark(Struct):
    metadata: _BookmarkMeta


class _VersionMeta(Struct):
    resourceVersion: str


class _Versioned(Struct):
    metadata: _VersionMeta


class _Event(Struct):
    type: str
    object: Raw


class _Cause(Struct):
    reason: str | None = None
    message: str | None = None


class _Details(Struct):
    retryAfterSeconds: float | None = None
    causes: list[_Cause] | None = None


class _Status(Struct):
    code: int = 500
    message: str | None = None
    reason: str | None = None
    details: _Details | None = None


class _Version(Struct):
    groupVersion: str


class _Group(Struct):
    name: str
    versions: list[_Version]


class _Groups(Struct):
    groups: list[_Group]


class _Resource(Struct):
    name: str


class _Resources(Struct):
    resources: list[_Resource]


_lists = msgspec.json.Decoder(_List)
_events = msgspec.json.Decoder(_Event)
_bookmarks = msgspec.json.Decoder(_Bookmark)
_versions = msgspec.json.Decoder(_Versioned)
_statuses = msgspec.json.Decoder(_Status)
_groups = msgspec.json.Decoder(_Groups)
_resources = msgspec.json.Decoder(_Resources)


def page(body: bytes | memoryview) -> tuple[answers.Page, list[Raw]]:
    """A list: its version, and its objects."""
    found = lenient.decode(_lists, body)
    return answers.Page(found.metadata.resourceVersion, found.metadata.more or ""), found.items or []


def event(line: bytes) -> tuple[str, answers.Seen | answers.Refused, Raw]:
    """An event of a watch: its type, what it is, and its object."""
    found = lenient.decode(_events, line)
    match found.type:
        case "BOOKMARK":
            meta = _bookmarks.decode(found.object).metadata
            end = meta.annotations is not None and meta.annotations.end == "true"
            return found.type, answers.Seen(meta.resourceVersion, bookmark=True, end=end), found.object
        case "ERROR":
            return found.type, refused(_statuses.decode(found.object)), found.object
        case "ADDED" | "MODIFIED" | "DELETED":
            version = lenient.decode(_versions, found.object).metadata.resourceVersion
            return found.type, answers.Seen(version), found.object
        case unknown:
            raise msgspec.ValidationError(f"a watch event of unknown type {unknown[:80]!r}")


def status(code: int, body: bytes | memoryview, *, retry_after: float = 0.0) -> answers.Refused:
    """The answer to a request that was refused. A proxy need not answer with a Status."""
    try:
        found = _statuses.decode(body)
    except Unreadable:
        found = _Status()
    found.code = code
    answer = refused(found)
    return answers.Refused(answer.code, answer.reason, max(answer.retry_after, retry_after), answer.too_new)


def refused(found: _Status) -> answers.Refused:
    """The error in a Status. Servers before 1.19 say in words alone that a version is too large."""
    details = found.details or _Details()
    causes = [cause.reason for cause in details.causes or ()]
    message = found.message or ""
    too_new = found.code == 504 and ("ResourceVersionTooLarge" in causes or "Too large resource version" in message)
    text = f"{found.code} {message or found.reason or 'without a reason'}"
    return answers.Refused(found.code, text[:300], details.retryAfterSeconds or 0.0, too_new)


def group_versions(body: bytes | memoryview) -> frozenset[str]:
    """Discovery: the API versions of all groups."""
    groups = _groups.decode(body).groups
    return frozenset(version.groupVersion for group in groups for version in group.versions)


def resource_names(body: bytes | memoryview) -> frozenset[str]:
    """Discovery: what one API version has."""
    return frozenset(resource.name for resource in _resources.decode(body).resources)
