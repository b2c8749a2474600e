"""A private OVN beside which B3 is measured: databases, ovn-northd, ovn-controller, on a switch as the agent has it.

Written to and waited for as `ovn-nbctl --wait=hv` does (ovn-nb(5), NB_Global): a transaction raises nb_cfg, and when
every switch has the flows, hv_cfg says the same; but over one connection, without a program for each question.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
from pathlib import Path
from time import perf_counter
from typing import Any

from ryu_netpol.bench.bench import BenchError
from ryu_netpol.bench.clusters.scene import FIRST_PORT, Scene
from ryu_netpol.bench.ovn_rows import Operation, Rows, insert, mutate, port_name, switch
from ryu_netpol.bench.switch import BRIDGE, flow_count
from ryu_netpol.lab.process import SEARCH_PATH, ProcessRef, run
from ryu_netpol.lab.switch import PrivateOvs
from ryu_netpol.model.objects import Pod

PROGRAMS = ("ovn-northd", "ovn-controller")
_SCHEMAS = Path("/usr/share/ovn")
_NORTHBOUND = "OVN_Northbound"
_PATIENCE = 300.0


def missing() -> str:
    """What is not installed, as a clause; empty if nothing is."""
    found = all(shutil.which(name, path=SEARCH_PATH) for name in PROGRAMS) and _SCHEMAS.is_dir()
    return "" if found else "OVN is not installed: Debian packages ovn-central and ovn-host"


class Ovn:
    """Runs from the beginning of the context to its end; ended by its own pids. Raises LabError, BenchError."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._ovs = PrivateOvs()
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Ovn:
        with contextlib.ExitStack() as undo:
            undo.enter_context(self._ovs)
            self._dir = self._ovs.run_dir
            remotes = [self._database(undo, name) for name in ("nb", "sb")]
            self._client = undo.enter_context(_Client(self._dir / "nb.sock"))
            self._client.transact([insert("NB_Global", {})])
            self._daemon(undo, "ovn-northd", "ovn-northd", f"--ovnnb-db={remotes[0]}", f"--ovnsb-db={remotes[1]}")
            self._add_ports(remotes[1])
            self._daemon(undo, "ovn-controller", "ovn-controller", self._ovs.ovsdb)
            self._write(switch(self._scene.local))
            self._running = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _database(self, undo: contextlib.ExitStack, name: str) -> str:
        file, remote = self._dir / f"{name}.db", f"unix:{self._dir}/{name}.sock"
        run(["ovsdb-tool", "create", str(file), str(_SCHEMAS / f"ovn-{name}.ovsschema")])
        self._daemon(undo, name, "ovsdb-server", str(file), f"--remote=p{remote}")
        return remote

    def _daemon(self, undo: contextlib.ExitStack, name: str, *command: str) -> None:
        file = self._dir / f"{name}.pid"
        run(
            [
                *command, "--detach", "--no-chdir", "--verbose=console:off",
                f"--pidfile={file}", f"--log-file={self._dir}/{name}.log",
            ],
            env={**self._ovs.env, "OVN_RUNDIR": str(self._dir), "OVN_LOGDIR": str(self._dir)},
        )  # fmt: skip
        undo.callback(ProcessRef.of(int(file.read_text())).end)

    def _add_ports(self, southbound: str) -> None:
        """The bridge, and a port for each pod of this node: before anything is measured, as with the agent."""
        self._ovs.add_bridge(BRIDGE)
        settings = ("system-id=here", f"ovn-remote={southbound}", "ovn-encap-type=geneve", "ovn-encap-ip=127.0.0.1")
        self._ovs.vsctl("set", "Open_vSwitch", ".", *(f"external_ids:{setting}" for setting in settings))
        for number, pod in enumerate(self._scene.local, FIRST_PORT):
            self._ovs.add_dummy_port(BRIDGE, f"np{number}", external_ids={"iface-id": port_name(pod.key)})

    def start(self) -> float:
        """Write all policies in one transaction, and wait until the switch has them; in seconds."""
        ports = dict(self._client.select("Logical_Switch_Port", "name"))
        self._rows = Rows(self._scene, {pod.key: ports[port_name(pod.key)] for pod in self._scene.local})
        return self._write(self._rows.operations)

    def join(self, pod: Pod) -> float:
        """Write that a pod has joined its address sets, and wait until the switch knows; in seconds."""
        return self._write(self._rows.joined(pod))

    def flows(self) -> int:
        """How many flows the switch has."""
        return flow_count(self._ovs)

    def _write(self, operations: list[Operation]) -> float:
        started = perf_counter()
        self._client.transact([*operations, mutate("NB_Global", [], ["nb_cfg", "+=", 1])])
        self._client.wait_for_switch()
        return perf_counter() - started


class _Client:
    """A connection to the northbound database (RFC 7047)."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_PATIENCE)
        self._socket.connect(str(path))
        self._text, self._decoder = "", json.JSONDecoder()
        self._written, self._there = 0, 0
        columns = {"NB_Global": {"columns": ["nb_cfg", "hv_cfg"]}}
        self._take(self._call("monitor", _NORTHBOUND, None, columns))

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def transact(self, operations: list[Operation]) -> list[Any]:
        """The results of one transaction. Raises BenchError if it is refused."""
        results: list[Any] = self._call("transact", _NORTHBOUND, *operations)
        for result in results:
            if result and result.get("error"):
                raise BenchError(f"OVN's database refused a transaction: {result}")
        return results

    def select(self, table: str, column: str) -> list[tuple[str, str]]:
        """A column of all rows, with their UUIDs."""
        found = self.transact([{"op": "select", "table": table, "where": [], "columns": ["_uuid", column]}])
        return [(row[column], row["_uuid"][1]) for row in found[0]["rows"]]

    def wait_for_switch(self) -> None:
        """Wait until the switch has everything that was written so far."""
        while self._there < self._written:
            self._next()

    def _call(self, method: str, *params: Any) -> Any:
        self._socket.sendall(json.dumps({"id": method, "method": method, "params": params}).encode())
        while (message := self._next()).get("id") != method:
            pass
        if message["error"]:
            raise BenchError(f"OVN's database refused {method}: {message['error']}")
        return message["result"]

    def _next(self) -> dict[str, Any]:
        while True:
            with contextlib.suppress(ValueError):
                message, end = self._decoder.raw_decode(self._text)
                self._text = self._text[end:].lstrip()
                if message.get("method") == "update":
                    self._take(message["params"][1])
                return dict(message)
            received = self._socket.recv(1 << 20)
            if not received:
                raise BenchError("OVN's database has ended the connection")
            self._text += received.decode()

    def _take(self, update: dict[str, Any]) -> None:
        for row in update.get("NB_Global", {}).values():
            self._written = row["new"].get("nb_cfg", self._written)
            self._there = row["new"].get("hv_cfg", self._there)
