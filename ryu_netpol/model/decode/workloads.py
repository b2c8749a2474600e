"""Objects that make pods. Each stands for one pod of its template, so that manifests can be judged before they run."""

from __future__ import annotations

from ryu_netpol.model.decode import checks, core
from ryu_netpol.model.decode.fields import Field
from ryu_netpol.model.decode.meta import Meta, text_values
from ryu_netpol.model.decode.problem import quote
from ryu_netpol.model.labels import Labels, Operator, Requirement, Selector
from ryu_netpol.model.names import NodeName, PodKey
from ryu_netpol.model.objects import Pod

GROUPS = {
    "CronJob": "batch",
    "DaemonSet": "apps",
    "Deployment": "apps",
    "Job": "batch",
    "ReplicaSet": "apps",
    "ReplicationController": "",
    "StatefulSet": "apps",
}
"""The API group of each kind; `extensions` of old counts as `apps`."""


def pod(doc: Field, meta: Meta, *, kind: str) -> Pod | None:
    """Build the pod that a workload stands for, named like it. None where anything about it cannot be read."""
    spec = doc["spec"]
    spec.mapping()
    if kind == "CronJob":
        spec["jobTemplate"].mapping()
        spec = spec["jobTemplate"]["spec"]
        spec.mapping()
    template = spec["template"]
    for part in (template, template["metadata"], template["spec"]):
        part.mapping()
    text_values(template["metadata"]["annotations"])
    namespace = template["metadata"]["namespace"]
    if namespace.text() not in ("", meta.namespace):
        namespace.warn(f"has no effect: the pods are made in namespace {quote(meta.namespace)}")
    ports = core.container_ports(template["spec"])
    node = template["spec"]["nodeName"].text()
    mark = doc.report.mark()
    labels = checks.labels(template["metadata"]["labels"])
    _check_selector(spec["selector"], labels if doc.report.clean(mark) else None, kind=kind)
    value = Pod(
        key=PodKey(meta.namespace or "", meta.name),
        labels=labels,
        node=NodeName(node) if node else None,
        ports=tuple(sorted({p for p in ports if p.name})),
        container_ports=tuple(sorted({(p.protocol, p.number) for p in ports})),
        host_network=template["spec"]["hostNetwork"].flag(),
    )
    return value if doc.report.clean(0) else None


def _check_selector(field: Field, labels: Labels | None, *, kind: str) -> None:
    """Check that a workload selects the pods that it makes; without a selector it does. Labels are None if unknown."""
    if kind == "ReplicationController":
        pairs = checks.labels(field).items()
        wanted: Selector | None = Selector(tuple(Requirement(key, Operator.IN, (value,)) for key, value in pairs))
    else:
        wanted = checks.selector(field)
    if wanted is not None and labels is not None and not wanted.matches(labels):
        field.error(f"selects {wanted}, but the pods of the template are {labels or 'without labels'}")
