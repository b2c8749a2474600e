"""What `ryu-netpol lab up|probe|cli|status|down` do; the command line itself is in ryu_netpol/cli.

`up` leaves the lab running. The others find it by its record on disk, so they work from any terminal; where several
labs are up they need the id that `up` returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ryu_netpol.lab.lab import Lab, find, tear_down
from ryu_netpol.lab.probe import TIMEOUT, Result
from ryu_netpol.lab.process import need_root
from ryu_netpol.lab.specs import node_specs, pod_specs
from ryu_netpol.lab.state import BASE, LabState
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import Probe


def up(
    manifests: Path,
    cluster: Cluster,
    *,
    ready_timeout: float = 20.0,
    program: Sequence[str] | None = None,
    base: Path = BASE,
) -> str:
    """Bring a lab up with all pods of the cluster, leave it running, return its id. On failure nothing is left."""
    lab = Lab(manifests, node_specs(cluster), program=program, base=base)
    # leave_running() takes the lab out of the context manager's hands; everything before it is undone.
    with lab:
        lab.attach(pod_specs(cluster), ready_timeout=ready_timeout)
        return lab.leave_running()


def probe(
    probes: Sequence[Probe], *, lab_id: str | None = None, timeout: float = TIMEOUT, base: Path = BASE
) -> list[Result]:
    """Try connections in a lab that is up."""
    return Lab.open(lab_id, base=base).probe(probes, timeout=timeout)


def cli(*, lab_id: str | None = None, script: Path | None = None, base: Path = BASE) -> None:
    """The Mininet prompt in a lab that is up."""
    Lab.open(lab_id, base=base).cli(script)


def down(*, lab_id: str | None = None, base: Path = BASE) -> str:
    """Take a lab down, also one whose owner crashed or that never came up whole; returns its id."""
    need_root("The lab")
    state = find(lab_id, base=base)
    tear_down(state)
    return state.lab_id


def ids(base: Path = BASE) -> list[str]:
    """Every lab of this machine."""
    need_root("The lab")
    return [state.lab_id for state in LabState.all(base)]
