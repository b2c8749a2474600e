"""Objects that make pods. Each stands for one pod of its template, so that manifests can be judged before they run."""

from __future__ import annotations

from ryu_netpol.model.decode import checks, core
from ryu_netpol.model.decode.fields import Field
from ryu_netpol.model.decode.meta import Meta, text_values
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
    """Build the pod that a workload stands for, named like it. None where another workload owns this one."""
    template = doc["spec"]
    template.mapping()
    if kind == "CronJob":
        template = template["jobTemplate"]["spec"]
        template.mapping()
    template = template["template"]
    for part in (template, template["metadata"], template["spec"]):
        part.mapping()
    text_values(template["metadata"]["annotations"])
    ports = core.container_ports(template["spec"])
    node = template["spec"]["nodeName"].text()
    value = Pod(
        key=PodKey(meta.namespace or "", meta.name),
        labels=checks.labels(template["metadata"]["labels"]),
        node=NodeName(node) if node else None,
        ports=tuple(sorted({p for p in ports if p.name})),
        container_ports=tuple(sorted({(p.protocol, p.number) for p in ports})),
        host_network=template["spec"]["hostNetwork"].flag(),
    )
    return value if doc.report.clean(0) and not meta.owned else None
