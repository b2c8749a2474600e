"""API documents into values: the one place where absent, null and empty are told apart (R10).

A document is what a JSON or YAML parser made of one object. `decode` never raises and reports every problem at once.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

from ryu_netpol.model.decode import core, legacy, v1, workloads
from ryu_netpol.model.decode.fields import Field, Report, Unread
from ryu_netpol.model.decode.meta import Meta, metadata
from ryu_netpol.model.decode.problem import Path, Problem, Severity, plain, quote, show_path
from ryu_netpol.model.names import Api
from ryu_netpol.model.objects import Object

__all__ = ["Decoded", "Path", "Problem", "Severity", "Unread", "decode", "show_path"]

_CORE = frozenset({"Pod", "Namespace", "Node"})
_POLICY_GROUPS = frozenset({"", "networking.k8s.io", "extensions"})


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a document means."""

    object: Object | None = None
    """None for a kind that means nothing here, and for what cannot even be identified."""
    problems: tuple[Problem, ...] = ()
    clean: bool = True
    """False with any error, reported here or by whoever read the text (`Unread`)."""
    title: str = ""
    """`kind namespace/name`, as far as these could be read."""
    stand_in: bool = False
    """The object is the pod that a workload stands for."""
    controller: str = ""
    """`kind namespace/name` of the workload that made it; empty where nothing did."""


def decode(document: object, *, suffix: str = "") -> Decoded:
    """Read one object. The suffix completes the name of an object that has only a generateName."""
    report = Report()
    doc = Field(document, report)
    if not doc.mapping() or not doc.present:
        return _finish(report, None, "") if doc.present else Decoded()
    if not isinstance(doc["kind"].value, str) or not doc["kind"].value:
        doc["kind"].text()
        if doc["kind"].value in (None, ""):
            doc["kind"].error("is required")
        return _finish(report, None, "")
    kind, api = doc["kind"].text(), doc["apiVersion"].text()
    if not _is_ours(kind, api):
        if _is_mistyped(kind, api):
            doc["kind"].error("unknown kind; did you mean NetworkPolicy?")
        return Decoded() if report.clean(0) else _finish(report, None, plain(kind))
    meta = metadata(doc["metadata"], kind=kind, suffix=suffix)
    found = _read(doc, meta, kind=kind, api=api)
    if not meta.identified(kind):
        found = None
    return _finish(report, found, meta.title(kind), stand_in=kind in workloads.GROUPS, controller=meta.controller)


def _is_ours(kind: str, api: str) -> bool:
    """Tell whether this is one of the kinds that we read; other groups may have kinds of the same name."""
    group, slash, _ = api.rpartition("/")
    group = group if slash else ""
    if kind in _CORE:
        return not group
    if kind in workloads.GROUPS:
        return group in (workloads.GROUPS[kind], "", "extensions")
    return kind == "NetworkPolicy"


def _is_mistyped(kind: str, api: str) -> bool:
    """Tell whether somebody meant a NetworkPolicy, which would be passed over in silence otherwise."""
    if api.rpartition("/")[0] not in _POLICY_GROUPS:
        return False
    return bool(difflib.get_close_matches(kind.lower()[:64], ["networkpolicy"], cutoff=0.8))


def _read(doc: Field, meta: Meta, *, kind: str, api: str) -> Object | None:
    if kind == "NetworkPolicy":
        return _policy(doc, meta, api=api)
    if kind in workloads.GROUPS:
        if not api:
            _wrong_version(doc["apiVersion"], "apps/v1 or batch/v1")
        return workloads.pod(doc, meta, kind=kind)
    doc.only("apiVersion", "kind", "metadata", "spec", "status")
    if api != "v1":
        _wrong_version(doc["apiVersion"], "v1")
    if kind == "Pod":
        return core.pod(doc, meta)
    return core.namespace(doc, meta) if kind == "Namespace" else core.node(doc, meta)


def _policy(doc: Field, meta: Meta, *, api: str) -> Object | None:
    """Read a policy by its API version. A newer one isolates what it selects, and its rules cannot be read (UR-2)."""
    if api == Api.LEGACY:
        return legacy.policy(doc, meta)
    if api == Api.V1:
        return v1.policy(doc, meta)
    known = f"{Api.V1} or {Api.LEGACY}"
    _wrong_version(doc["apiVersion"], known)
    if api.rpartition("/")[0] not in _POLICY_GROUPS:
        return None
    return replace(v1.policy(doc, meta), ingress=(), egress=())


def _wrong_version(field: Field, known: str) -> None:
    if not field.present:
        field.error(f"is required: {known}")
    elif isinstance(field.value, str):
        field.error(f"must be {known}, not {quote(field.value)}")


def _finish(
    report: Report, found: Object | None, title: str, *, stand_in: bool = False, controller: str = ""
) -> Decoded:
    problems = tuple(Problem(path, reason, severity, title) for path, reason, severity in report.found)
    return Decoded(found, problems, report.clean(0), title, stand_in, controller)
