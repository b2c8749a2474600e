"""Installing the plugin on a node: `python3 -m cni.install`, in an init container with the node's files at --root.

The network configuration comes last, because a runtime calls the plugin as soon as it is there. Nothing but the
standard library is used here, too; but this is a program by itself, and not part of the plugin as it is installed.
"""

from __future__ import annotations

import argparse
import io
import ipaddress
import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile

from cni.config import LATEST_VERSION, PLUGIN_TYPE, parse
from cni.errors import CniError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
"""Where a node may have its Python, as the node sees it."""
CONFIGURATION = "10-" + PLUGIN_TYPE + ".conflist"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
IPAM = "host-local"
_FIRST_FOR_PODS = 3
"""Those before are the gateway port's, see docs/architecture.md."""
_MODERN = "import sys; sys.exit(sys.version_info < (3, 9))"
_COMPLETE = "import sys; sys.path.insert(0, sys.argv[1]); import cni.add, cni.check, cni.delete"
_MAIN = "import sys\n\nfrom cni.main import main\n\nsys.exit(main())\n"
_PATIENCE_SECONDS = 30.0


class InstallError(Exception):
    """The plugin cannot be installed; the message is one sentence."""


def find_python(root: str) -> str:
    """The node's own Python, which will run the plugin: its path on the node. Raises InstallError."""
    for path in PYTHONS:
        if os.path.lexists(root + path) and not _on_node(root, path, "-IS", "-c", _MODERN).returncode:
            return path
    raise InstallError(
        f"the node has no Python 3.9 or later at {' or '.join(PYTHONS)}, which runs the plugin for every pod: "
        "install one there, as Debian's package python3"
    )


def _on_node(root: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run one of the node's programs in the node's own file system."""
    return subprocess.run(
        ["chroot", root, *command], capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False
    )


def plugin(python: str) -> bytes:
    """The plugin as one file, which that Python runs without the node's other packages."""
    folder = os.path.dirname(os.path.abspath(__file__))
    names = sorted(name for name in os.listdir(folder) if name.endswith(".py") and name != os.path.basename(__file__))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("__main__.py", _MAIN)
        for name in names:
            archive.write(os.path.join(folder, name), f"cni/{name}")
    return f"#!{python} -IS\n".encode() + content.getvalue()


def write_plugin(root: str, folder: str, python: str) -> None:
    """Put the plugin into the node's folder, once that Python has read all of it. Raises InstallError."""
    path = f"{folder}/{PLUGIN_TYPE}"
    fresh = f"{folder}/.{PLUGIN_TYPE}.new"
    _write(root + fresh, plugin(python), mode=0o755)
    done = _on_node(root, python, "-IS", "-c", _COMPLETE, fresh)
    if done.returncode:
        os.unlink(root + fresh)
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise InstallError(f"the node's {python} cannot run the plugin: {last}")
    os.replace(root + fresh, root + path)


def configuration(pod_cidrs: Sequence[str], *, bridge: str, mtu: int) -> dict[str, Any]:
    """The list of plugins that the runtime reads. Raises InstallError for blocks of addresses that cannot be used."""
    ranges = []
    for text in pod_cidrs:
        try:
            block = ipaddress.ip_network(text)
            first = block[_FIRST_FOR_PODS]
        except (ValueError, IndexError) as error:
            raise InstallError(f"{text!r} is no block of pod addresses: {error}") from None
        ranges.append([{"subnet": text, "rangeStart": str(first), "gateway": str(block[1])}])
    ours = {"type": PLUGIN_TYPE, "bridge": bridge, "mtu": mtu, "ipam": {"type": IPAM, "ranges": ranges}}
    whole = {"cniVersion": LATEST_VERSION, "name": PLUGIN_TYPE, "plugins": [ours]}
    try:
        parse({"cniVersion": LATEST_VERSION, "name": PLUGIN_TYPE, **ours})
    except CniError as error:
        raise InstallError(error.msg) from None
    return whole


def pod_cidrs_of(node: str, environment: Mapping[str, str], *, account: str) -> list[str]:
    """The node's blocks of pod addresses, asked of the API server as this pod's ServiceAccount. Raises InstallError."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise InstallError("this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): say --pod-cidr")
    address = f"https://{f'[{host}]' if ':' in host else host}:{port}/api/v1/nodes/{node}"
    try:
        with open(f"{account}/token", encoding="utf-8") as file:
            headers = {"Authorization": f"Bearer {file.read().strip()}"}
        tls = ssl.create_default_context(cafile=f"{account}/ca.crt")
        request = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS, context=tls) as response:
            spec = json.load(response)["spec"]
    except urllib.error.HTTPError as error:
        raise InstallError(f"the API server does not show node {node}: {error.code} {error.reason}") from None
    except (OSError, ValueError) as error:
        raise InstallError(f"the API server cannot be asked about node {node}: {error}") from None
    found = spec.get("podCIDRs", [])
    if not found:
        raise InstallError(f"node {node} has no podCIDRs yet: kube-controller-manager needs --allocate-node-cidrs")
    return [str(cidr) for cidr in found]


def _write(path: str, content: bytes, *, mode: int) -> None:
    """Write a file and make it last."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def install(args: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Install everything, the configuration last and in one step. Raises InstallError, OSError."""
    python = find_python(args.root)
    if not os.path.lexists(f"{args.root}{args.bin}/{IPAM}"):
        raise InstallError(f"{args.bin} of the node has no {IPAM}, which gives pods their addresses: install it there")
    pod_cidrs = args.pod_cidr or pod_cidrs_of(args.node, environment, account=args.service_account)
    whole = json.dumps(configuration(pod_cidrs, bridge=args.bridge, mtu=args.mtu), indent=2) + "\n"
    write_plugin(args.root, args.bin, python)
    if args.agent_options:
        options = " ".join(f"--pod-cidr {cidr}" for cidr in pod_cidrs)
        _write(args.agent_options, f"{options} --bridge {args.bridge}\n".encode(), mode=0o644)
    # A runtime reads names that end as this one's does not.
    fresh = f"{args.root}{args.conf}/.{CONFIGURATION}.new"
    _write(fresh, whole.encode(), mode=0o600)
    os.replace(fresh, f"{args.root}{args.conf}/{CONFIGURATION}")
    print(f"installed {args.bin}/{PLUGIN_TYPE}, run by {python}, then {args.conf}/{CONFIGURATION}")


def main(argv: Sequence[str] | None = None) -> int:
    """Install; 1 and one sentence where that is not possible."""
    parser = argparse.ArgumentParser(prog="python3 -m cni.install", description="Install the plugin on a node.")
    parser.add_argument("--node", required=True, help="the node's name")
    parser.add_argument("--root", default="/", help="where the node's file system is mounted")
    parser.add_argument("--bin", default="/opt/cni/bin", help="the node's folder of plugins")
    parser.add_argument("--conf", default="/etc/cni/net.d", help="the node's folder of network configurations")
    parser.add_argument("--bridge", default="br-int", help="the bridge that the agent makes")
    parser.add_argument("--mtu", type=int, default=1500, help="of pods")
    parser.add_argument("--pod-cidr", action="append", metavar="CIDR", help="instead of asking the API server")
    parser.add_argument("--agent-options", metavar="FILE", help="a file to write the agent's options into")
    parser.add_argument("--service-account", metavar="DIR", default=SERVICE_ACCOUNT, help="with token and ca.crt")
    try:
        install(parser.parse_args(argv), os.environ)
    except (InstallError, OSError, subprocess.TimeoutExpired) as error:
        print(f"cni.install: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
