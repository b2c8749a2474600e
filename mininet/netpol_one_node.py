"""One node that enforces network policies, for Mininet's own `mn`:

    sudo mn --custom mininet/netpol_one_node.py --topo netpol,examples/quickstart --controller none

The pods of the manifests in the folder become hosts (pod.namespace), attached by the CNI plugin; the node is a switch
with its own Open vSwitch and agent; `outside` is a host that is not in the cluster. See README.md beside this file.
"""

import os
import sys
from pathlib import Path

# `mn` executes this file without telling it its name; the code object knows.
HERE = Path(sys._getframe().f_code.co_filename).resolve().parent


def _use_our_python():
    """Start again with the checkout's Python where this one (Debian's `mn` brings its own) lacks our packages.

    Nothing has happened yet when Mininet reads --custom files, so the second start is the first that does anything.
    """
    try:
        import netaddr  # noqa: F401

        import ryu_netpol.lab  # noqa: F401
    except ImportError:
        python = HERE.parent / ".venv" / "bin" / "python"
        if not python.exists() or os.environ.get("NETPOL_MN_RESTARTED"):
            sys.exit("The package ryu_netpol cannot be imported: run 'make setup' in its checkout first.")
        os.environ["NETPOL_MN_RESTARTED"] = "1"
        os.execv(python, [str(python), *sys.argv])


_use_our_python()

from ryu_netpol.adapters.files import PathError, load  # noqa: E402
from ryu_netpol.lab.errors import LabError  # noqa: E402
from ryu_netpol.lab.lab import Lab  # noqa: E402
from ryu_netpol.lab.mn import NetpolTopo, Prompt, Session  # noqa: E402
from ryu_netpol.lab.specs import node_specs, pod_specs  # noqa: E402
from ryu_netpol.model.objects import Cluster  # noqa: E402


def one_node(manifests=HERE.parent / "examples" / "quickstart"):
    """`--topo netpol,FOLDER`: the pods of a folder of manifests on one node."""
    try:
        cluster = Cluster.of(*load([str(manifests)]).objects)
        nodes = node_specs(cluster)
        if len(nodes) > 1:
            raise LabError(f"The manifests in {manifests} have {len(nodes)} nodes; this topology has one.")
        return NetpolTopo(session=Session(Lab(Path(manifests), nodes), pod_specs(cluster)))
    except (LabError, PathError) as error:
        # For people, not a traceback; and before Mininet has made anything that it would have to clean up.
        sys.exit(str(error))


topos = {"netpol": one_node}
# `mn` takes its prompt from here: ours knows names with dots.
CLI = Prompt
