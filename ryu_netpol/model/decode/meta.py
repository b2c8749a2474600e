"""The metadata that every object has: who it is, its labels, its annotations."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ryu_netpol.model.decode import checks
from ryu_netpol.model.decode.fields import Field
from ryu_netpol.model.decode.problem import plain, quote
from ryu_netpol.model.labels import Labels

_KNOWN = (
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)

_TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_ANNOTATIONS = 262144
"""Bytes that the annotations of one object may have (Kubernetes, TotalAnnotationSizeLimitB)."""
_GENERATED = 58
"""Characters of a generateName that become part of the name (Kubernetes, maxGeneratedNameLength)."""

CLUSTER_SCOPED = frozenset({"Namespace", "Node"})
"""The kinds among those we read that live in no namespace."""


@dataclass(frozen=True, slots=True)
class Meta:
    """The metadata of one object."""

    name: str = ""
    """Empty where it has none that can be read: then nobody can say which object this is."""
    namespace: str | None = "default"
    """None where it cannot be read, and for what lives in none."""
    labels: Labels = Labels()  # noqa: RUF009 - immutable
    labels_readable: bool = True
    uid: str = ""
    terminating: bool = False
    controller: str = ""
    """The title of the object that made it and looks after it; empty where nothing does."""

    def identified(self, kind: str) -> bool:
        """Whether it is known which object this is."""
        return bool(self.name) and (kind in CLUSTER_SCOPED or self.namespace is not None)

    def title(self, kind: str) -> str:
        """`kind namespace/name`, as far as known."""
        name = plain(self.name) if self.name else "?"
        if kind in CLUSTER_SCOPED:
            return f"{plain(kind)} {name}"
        return f"{plain(kind)} {plain(self.namespace) if self.namespace is not None else '?'}/{name}"


def metadata(field: Field, *, kind: str, suffix: str) -> Meta:
    """Read the metadata of an object (VA-9, NP-10). The suffix completes a generateName."""
    if not field.only(*_KNOWN) and not isinstance(field.value, dict):
        return Meta(namespace=None)
    mark = field.report.mark()
    labels = checks.labels(field["labels"])
    readable = field.report.clean(mark)
    _annotations(field["annotations"])
    _unused(field)
    name = _name(field, kind=kind, suffix=suffix)
    namespace = None if kind in CLUSTER_SCOPED else _namespace(field["namespace"])
    return Meta(
        name=name,
        namespace=namespace,
        labels=labels,
        labels_readable=readable,
        uid=field["uid"].text(),
        terminating=field["deletionTimestamp"].present,
        controller=_controller(field["ownerReferences"].value, namespace=namespace),
    )


def _controller(owners: object, *, namespace: str | None) -> str:
    """Name the controller among the owners. What cannot be read is none: nothing but a stand-in depends on it."""
    for owner in owners if isinstance(owners, list) else ():
        if isinstance(owner, dict) and owner.get("controller") is True:
            kind, name = owner.get("kind"), owner.get("name")
            if isinstance(kind, str) and isinstance(name, str):
                return Meta(name, namespace).title(kind)
    return ""


def _unused(field: Field) -> None:
    """Check what means nothing here, as far as it can be wrong in a file that a person wrote."""
    for text in field.those("selfLink", "resourceVersion"):
        text.text()
    for number in field.those("generation", "deletionGracePeriodSeconds"):
        number.integer()
    for items in field.those("finalizers", "managedFields", "ownerReferences"):
        items.items()
    for time in field.those("creationTimestamp", "deletionTimestamp"):
        if isinstance(time.value, str) and not _TIME.fullmatch(time.value):
            time.error(f"{quote(time.value)} is not a time as in 2016-01-01T00:00:00Z")
        time.text()


def _annotations(field: Field) -> None:
    """Check the annotations of an object. Servers look at them in lower case."""
    text_values(field)
    size = 0
    for key in field.keys():  # noqa: SIM118 - Field is no mapping
        if not checks.is_label_key(key.lower()):
            field[key].error("is not the key of an annotation: a name after an optional DNS prefix and '/'")
        size += sum(
            len(text.encode("utf-8", "surrogatepass")) for text in (key, field[key].value) if isinstance(text, str)
        )
    if size > _ANNOTATIONS:
        field.error(f"is larger than {_ANNOTATIONS} bytes")


def text_values(field: Field) -> None:
    """Check that the values of annotations are text. Each kind reads those that mean something for it."""
    field.mapping()
    for key in field.keys():  # noqa: SIM118 - Field is no mapping
        if key != "net.beta.kubernetes.io/network-policy":
            field[key].text()


def _name(field: Field, *, kind: str, suffix: str) -> str:
    name, prefix = field["name"], field["generateName"]
    text, begin = name.text(), prefix.text()
    if begin and not (checks.is_dns_subdomain(_masked(begin)) and checks.is_dns_subdomain(f"{begin[:_GENERATED]}x")):
        prefix.error(f"{quote(begin)} cannot begin a name")
    if not text and begin:
        return begin[:_GENERATED] + suffix
    if not text:
        if not name.present or name.value == "":
            name.error("is required")
        return ""
    if not (checks.is_dns_label(text) if kind == "Namespace" else checks.is_dns_subdomain(text)):
        name.error(f"{quote(text)} is not a valid name: lower case letters, digits, '-' and '.' inside")
    return text


def _masked(prefix: str) -> str:
    """What servers check of a prefix: it may end in a dash (Kubernetes, maskTrailingDash)."""
    return f"{prefix[:-2]}a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def _namespace(field: Field) -> str | None:
    text = field.text()
    if field.present and not isinstance(field.value, str):
        return None
    if text and not checks.is_dns_label(text):
        field.error(f"{quote(text)} is not the name of a namespace")
    return text or "default"
