"""`--via packets`: the lab, with the real agent, the real plugin and real packets. Needs root.

Knows no other way's answer: "allowed" is an answer of the right pod, and "denied" is a drop that the running switch
has counted for an isolated pod (ryu_netpol/lab/probe.py).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ryu_netpol.cli.common import CommandError
from ryu_netpol.cli.judges.answer import Answer, Question
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.probe import Outcome, insist
from ryu_netpol.lab.specs import node_specs, pod_specs
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster, Pod

_VERDICTS = {Outcome.ALLOWED: True, Outcome.DENIED: False, Outcome.ERROR: None}


def judge(cluster: Cluster, questions: Sequence[Question], *, write: Callable[[Path], None]) -> list[Answer]:
    """Answer all questions in a lab that is gone afterwards. `write` puts the manifests into a folder."""
    _refuse_rivals(cluster)
    with tempfile.TemporaryDirectory(prefix="netpol-reach-") as name:
        write(Path(name))
        with Lab(Path(name), node_specs(cluster)) as lab:
            lab.attach(pod_specs(cluster))
            results = insist(lab.probe, [question.probe for question in questions])
    return [Answer(_VERDICTS[result.outcome], result.reason) for result in results]


def _refuse_rivals(cluster: Cluster) -> None:
    """In a lab the pod that is attached last has the address, whatever the manifests say of their age."""
    owners: dict[Address, Pod] = {}
    for pod in cluster.pods.values():
        for address in pod.addresses if pod.visible else ():
            first = owners.setdefault(address, pod)
            if first is not pod:
                raise CommandError(f"{first.key} and {pod.key} both have the address {address}: take one of them out")
