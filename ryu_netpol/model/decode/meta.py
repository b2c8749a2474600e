"""The metadata that every object has: who it is, its labels, its annotations."""

from __future__ import annotations

from dataclasses import dataclass

from ryu_netpol.model.decode import checks
from ryu_netpol.model.decode.fields import Field
from ryu_netpol.model.decode.problem import plain, quote
from ryu_netpol.model.labels import Labels

_KNOWN = (
    "annotations",
    "clusterName",
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
    owned: bool = False
    """It has a controller, which stands for it where it is a workload."""

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
    text_values(field["annotations"])
    owners = field["ownerReferences"].value
    return Meta(
        name=_name(field, kind=kind, suffix=suffix),
        namespace=None if kind in CLUSTER_SCOPED else _namespace(field["namespace"]),
        labels=labels,
        labels_readable=readable,
        uid=field["uid"].text(),
        terminating=field["deletionTimestamp"].present,
        owned=isinstance(owners, list) and any(isinstance(o, dict) and o.get("controller") is True for o in owners),
    )


def text_values(field: Field) -> None:
    """Check that the values of annotations are text. Each kind reads those that mean something for it."""
    field.mapping()
    for key in field.keys():  # noqa: SIM118 - Field is no mapping
        if key != "net.beta.kubernetes.io/network-policy":
            field[key].text()


def _name(field: Field, *, kind: str, suffix: str) -> str:
    name, prefix = field["name"], field["generateName"]
    text = name.text()
    if not text and prefix.text():
        text = prefix.text() + suffix
        if not checks.is_dns_subdomain(f"{prefix.text()}x"):
            prefix.error(f"{quote(prefix.value)} cannot begin a name")
        return text
    if not text:
        if not name.present or name.value == "":
            name.error("is required")
        return ""
    if not (checks.is_dns_label(text) if kind == "Namespace" else checks.is_dns_subdomain(text)):
        name.error(f"{quote(text)} is not a valid name: lower case letters, digits, '-' and '.' inside")
    return text


def _namespace(field: Field) -> str | None:
    text = field.text()
    if field.present and not isinstance(field.value, str):
        return None
    if text and not checks.is_dns_label(text):
        field.error(f"{quote(text)} is not the name of a namespace")
    return text or "default"
