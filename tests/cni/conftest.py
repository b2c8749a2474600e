"""A node of its own for the plugin: a network namespace with ovsdb-server, ovs-vswitchd and a bridge, and a fake agent.

A program that is missing is a failure, never a skip: these tests are what the plugin is trusted for.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from cni.contract import READY_KEY

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
CNI_PATH = "/usr/lib/cni"
# The suite can be run with another interpreter for the plugin: the oldest that we promise, for one.
PYTHON = os.environ.get("CNI_PYTHON", sys.executable)
_serial = itertools.count(1)


def run(*argv: str, check: bool = True, **options) -> subprocess.CompletedProcess[str]:
    """Run a program; a missing one fails the test with its name."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **options)
    except FileNotFoundError:
        pytest.fail(f"the program {argv[0]} is missing: these tests need it (see docs/cni.md)")
    if check and done.returncode:
        pytest.fail(f"{' '.join(argv)}: {done.stderr}")
    return done


class Namespace:
    """A named network namespace that the test made."""

    def __init__(self, purpose: str) -> None:
        self.name = f"npcni-{os.getpid()}-{next(_serial)}-{purpose}"
        self.path = f"/var/run/netns/{self.name}"
        run("ip", "netns", "add", self.name)

    def run(self, *argv: str, check: bool = True, **options) -> subprocess.CompletedProcess[str]:
        return run("nsenter", f"--net={self.path}", *argv, check=check, **options)

    def start(self, *argv: str, **options) -> subprocess.Popen[str]:
        return subprocess.Popen(["nsenter", f"--net={self.path}", *argv], text=True, **options)

    def json(self, *argv: str) -> list[dict]:
        return json.loads(self.run("ip", "-json", *argv).stdout or "[]")

    def remove(self) -> None:
        run("ip", "netns", "delete", self.name, check=False)


class Node:
    """A node: everything that the plugin meets on one, except the agent."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.namespace = Namespace("node")
        self.socket = folder / "db.sock"
        self.processes: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        if not os.path.exists(SCHEMA):
            pytest.fail(f"{SCHEMA} is missing: these tests need openvswitch-switch")
        run("ovsdb-tool", "create", str(self.folder / "conf.db"), SCHEMA)
        self.start_database()
        self.vsctl("--no-wait", "init")
        self._daemon("ovs-vswitchd", f"unix:{self.socket}", f"--unixctl={self.folder}/vswitchd.ctl")
        self.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail_mode=secure")
        self.namespace.run("ip", "link", "set", "lo", "up")

    def start_database(self) -> None:
        self._daemon(
            "ovsdb-server", str(self.folder / "conf.db"), f"--remote=punix:{self.socket}",
            f"--unixctl={self.folder}/ovsdb.ctl",
        )  # fmt: skip
        wait_for(self.socket.exists, "ovsdb-server's socket")

    def stop_database(self) -> None:
        stop(self.processes.pop(0))
        self.socket.unlink(missing_ok=True)

    def _daemon(self, *argv: str) -> None:
        environment = {**os.environ, "OVS_RUNDIR": str(self.folder), "OVS_LOGDIR": str(self.folder)}
        with open(self.folder / f"{argv[0]}.log", "a", encoding="utf-8") as log:
            process = self.namespace.start(*argv, env=environment, stdout=log, stderr=log)
        self.processes.insert(0 if argv[0] == "ovsdb-server" else len(self.processes), process)

    def vsctl(self, *argv: str, check: bool = True) -> str:
        return run("ovs-vsctl", "--timeout=10", f"--db=unix:{self.socket}", *argv, check=check).stdout.strip()

    def ofctl(self, *argv: str) -> str:
        environment = {**os.environ, "OVS_RUNDIR": str(self.folder)}
        return run("ovs-ofctl", *argv, env=environment).stdout

    def stop(self) -> None:
        for process in reversed(self.processes):
            stop(process)
        self.namespace.remove()

    def traces(self, leases: pathlib.Path) -> dict[str, list[str]]:
        """Return everything that an attachment leaves on a node."""
        devices = [link["ifname"] for link in self.namespace.json("link", "show")]
        rules = self.namespace.run("nft", "list", "ruleset").stdout.split()
        return {
            "devices": sorted(name for name in devices if name.startswith("np")),
            "chains": sorted(word for word, previous in zip(rules[1:], rules, strict=False) if previous == "chain"),
            "leases": sorted(path.name for path in leases.glob("*/*") if path.name[0].isdigit() or ":" in path.name),
            "ports": self.vsctl("list-ports", "br-int").split(),
            "rows": self.vsctl("--bare", "--columns=name", "find", "Interface", "name!=br-int").split(),
        }


NOTHING: dict[str, list[str]] = {"devices": [], "chains": [], "leases": [], "ports": [], "rows": []}


class FakeAgent:
    """Declares every port with a number ready, as the agent does once its flows are acknowledged."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> FakeAgent:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _work(self) -> None:
        columns = "--columns=name,ofport,external_ids"
        while not self._ending.wait(0.02):
            table = json.loads(self._node.vsctl("--format=json", columns, "list", "Interface") or '{"data":[]}')
            for name, ofport, external_ids in table["data"]:
                ids = dict(external_ids[1])
                if isinstance(ofport, int) and ofport > 0 and "container-id" in ids and READY_KEY not in ids:
                    value = f"external_ids:{READY_KEY}={ids['container-id']}"
                    self._node.vsctl("--if-exists", "set", "Interface", name, value, check=False)


class Plugin:
    """The plugin as the runtime drives it: a process, an environment, a document on standard input."""

    def __init__(self, node: Node, folder: pathlib.Path) -> None:
        self.node = node
        self.leases = folder / "ipam"

    def config(self, **fields: object) -> dict:
        ranges = [[{"subnet": "10.9.0.0/24", "rangeStart": "10.9.0.10"}], [{"subnet": "fd00:9::/64"}]]
        return {
            "cniVersion": "1.0.0",
            "name": "pods",
            "type": "ryu-netpol",
            "ovsdb": f"unix:{self.node.socket}",
            "readyTimeout": 10,
            "ipam": {"type": "host-local", "dataDir": str(self.leases), "ranges": ranges},
            **fields,
        }

    def environment(self, command: str, container: str, netns: str, **variables: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": container,
            "CNI_NETNS": netns,
            "CNI_IFNAME": "eth0",
            "CNI_PATH": CNI_PATH,
            "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1;K8S_POD_UID=7f-1",
            **variables,
        }

    def start(self, command: str, container: str, netns: str, config: dict, **variables: str) -> subprocess.Popen[str]:
        environment = {
            key: value for key, value in self.environment(command, container, netns, **variables).items() if value
        }
        pipe = subprocess.PIPE
        process = self.node.namespace.start(
            PYTHON, "-m", "cni", env=environment, stdin=pipe, stdout=pipe, stderr=pipe
        )  # fmt: skip
        assert process.stdin
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(config))
        return process

    def call(
        self, command: str, container: str, netns: str, *, config: dict | None = None, **variables: str
    ) -> tuple[int, dict]:
        """Return the exit status and the document that was printed."""
        process = self.start(command, container, netns, self.config() if config is None else config, **variables)
        out, err = process.communicate(timeout=60)
        assert err == ""
        return process.returncode, json.loads(out) if out else {}

    def add(self, container: str, netns: str, **options) -> dict:
        status, document = self.call("ADD", container, netns, **options)
        assert status == 0, document
        return document

    def delete(self, container: str, netns: str, **options) -> None:
        assert self.call("DEL", container, netns, **options) == (0, {})

    def traces(self) -> dict[str, list[str]]:
        return self.node.traces(self.leases)


def stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(timeout=20)


def wait_for(condition, what: str) -> None:
    give_up = time.monotonic() + 10
    while not condition():
        if time.monotonic() > give_up:
            pytest.fail(f"waited 10 seconds in vain for {what}")
        time.sleep(0.01)


@pytest.fixture(scope="session")
def shared_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    if os.geteuid():
        pytest.fail("these tests need root: they make network namespaces")
    node = Node(tmp_path_factory.mktemp("node"))
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture
def node(shared_node: Node) -> Node:
    """The node, which a test finds as if nothing had ever been attached to it."""
    return shared_node


@pytest.fixture
def plugin(node: Node, tmp_path: pathlib.Path) -> Iterator[Plugin]:
    """The plugin; a test that leaves anything on the node fails."""
    plugin = Plugin(node, tmp_path)
    yield plugin
    assert plugin.traces() == NOTHING


@pytest.fixture
def agent(node: Node) -> Iterator[FakeAgent]:
    with FakeAgent(node) as agent:
        yield agent


@pytest.fixture
def pods() -> Iterator[list[Namespace]]:
    """Two network namespaces, as a runtime makes them for sandboxes."""
    namespaces = [Namespace("pod"), Namespace("pod")]
    yield namespaces
    for namespace in namespaces:
        namespace.remove()


@pytest.fixture
def pod(pods: list[Namespace]) -> Namespace:
    return pods[0]
