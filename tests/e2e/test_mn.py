"""The topology for `mn --custom`, run by Debian's `mn` with Debian's Python, as people will run it."""

import subprocess
from pathlib import Path

from ryu_netpol.lab.process import tool
from tests.e2e.shop import CLUSTER, POD

TOPOLOGY = Path(__file__).parents[2] / "mininet" / "netpol_one_node.py"
DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}
"""


def mn(manifests: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run `mn` where it can see only its own processes: when something fails it ends others by name."""
    alone = [tool("unshare"), "--pid", "--mount", "--fork", "--mount-proc"]
    topology = ["--custom", str(TOPOLOGY), "--topo", f"netpol,{manifests}", "--controller", "none"]
    return subprocess.run(
        [*alone, tool("mn"), *topology, *more], capture_output=True, text=True, timeout=120, check=False
    )


def test_pingall_shows_the_policy(tmp_path: Path) -> None:
    """db answers nobody, everybody else answers."""
    pods = (POD.format(namespace="shop", name=name, n=n) for name, n in (("web", 20), ("db", 21)))
    (tmp_path / "cluster.yaml").write_text(CLUSTER + "".join(pods))
    (tmp_path / "policy.yaml").write_text(DENY)

    script = tmp_path / "script"
    script.write_text("pingall\n")
    # Not `--test pingall`: Mininet's own waits ten seconds for every ping that is dropped, our prompt's waits one.
    done = mn(tmp_path, "--test", "none", "--post", str(script))

    output = done.stdout + done.stderr
    assert "db.shop -> outside web.shop" in output
    assert "outside -> X web.shop" in output
    assert "web.shop -> X outside" in output


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    """Before Mininet makes anything, so that it does not start its own cleaning up."""
    done = mn(tmp_path / "missing")

    assert done.returncode != 0
    assert "cannot read" in done.stderr
    assert "Traceback" not in done.stderr
