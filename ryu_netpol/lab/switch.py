"""A private Open vSwitch: its own ovsdb-server and ovs-vswitchd, in its own directory, ended by its own pids.

Callers: lab nodes (datapath "netdev", inside the node's network namespace), `ryu-netpol reach --via trace` and the
tests (datapath "dummy", which needs neither root nor a namespace; any number may run at once).

Traps:
- Unix socket paths end at 107 bytes, so the run directory must be short: by default a fresh one under /tmp.
- A userspace ovs-vswitchd makes a device called ovs-netdev: two of them clash in one network namespace. A "netdev"
  switch therefore belongs into a namespace of its own.
- With the dummy datapath every interface type is a dummy (`--enable-dummy=override`), internal ports too.
- `trace` goes through the control socket and takes the new spellings (udp_src, icmpv6_type): see docs/testing.md.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from ryu_netpol.lab import unixctl
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.process import ProcessRef, need_root, run, tool
from ryu_netpol.unixctl import ControlError, control_socket

Datapath = Literal["dummy", "netdev", "system"]

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
# sun_path holds 108 bytes with the final zero; the longest name below the run directory has a pid in it.
LONGEST_RUN_DIR = 107 - len("/ovs-vswitchd.4194304.ctl")


class PrivateOvs:
    """One Open vSwitch of our own, running from construction of the context to its end (or start() to stop())."""

    def __init__(
        self,
        run_dir: Path | None = None,
        *,
        datapath: Datapath = "dummy",
        netns: str | int | None = None,
        log_dir: Path | None = None,
    ) -> None:
        """`run_dir` must be short and is made if missing; None means a fresh one, which stop() removes again."""
        self.datapath: Datapath = datapath
        self.netns = netns
        self._temporary = run_dir is None
        self.run_dir = run_dir or Path(tempfile.gettempdir()) / "unset"
        self._log_dir = log_dir
        if run_dir is not None and len(os.fsencode(run_dir)) > LONGEST_RUN_DIR:
            raise LabError(f"The directory {run_dir} is too long for Unix sockets: at most {LONGEST_RUN_DIR} bytes.")

    # --- life ---------------------------------------------------------------------------------------------------

    def __enter__(self) -> PrivateOvs:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start both daemons; they survive this process until stop(), from here or by the pid files."""
        if self.datapath != "dummy":
            need_root("A switch that forwards packets")
        for name in ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl"):
            tool(name)
        if not SCHEMA.exists():
            raise LabError(f"The file {SCHEMA} is missing (Debian package openvswitch-common).")
        if self._temporary:
            self.run_dir = Path(tempfile.mkdtemp(prefix="npovs-"))
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            self._start_daemons()
            undo.pop_all()

    def _start_daemons(self) -> None:
        database = self.run_dir / "conf.db"
        if not database.exists():
            self._run("ovsdb-tool", "create", str(database), str(SCHEMA))
        self._run(
            "ovsdb-server",
            str(database),
            f"--remote=punix:{self.run_dir}/db.sock",
            "--remote=db:Open_vSwitch,Open_vSwitch,manager_options",
            f"--unixctl={self.run_dir}/ovsdb-server.ctl",
            *self._daemon_options("ovsdb-server"),
        )
        self._run("ovs-vsctl", f"--db={self.ovsdb}", "--no-wait", "init")
        self._start_vswitchd()

    def _start_vswitchd(self) -> None:
        options = ["--enable-dummy=override", "--disable-system-route"] if self.datapath == "dummy" else []
        if self.datapath != "system":
            options.append("--disable-system")
        self._run(
            "ovs-vswitchd",
            self.ovsdb,
            *options,
            *self._daemon_options("ovs-vswitchd"),
        )

    def _daemon_options(self, name: str) -> list[str]:
        # --detach returns when the daemon is ready and prints why it is not; the pid is in the file by then.
        return [
            f"--pidfile={self.run_dir}/{name}.pid",
            f"--log-file={self.log_dir}/{name}.log",
            "--verbose=console:off",
            "--no-chdir",
            "--detach",
        ]

    def _process(self, name: str) -> ProcessRef | None:
        """The daemon named in a pid file, if that pid is still this daemon (the command line names our directory)."""
        try:
            pid = int((self.run_dir / f"{name}.pid").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        if f"--pidfile={self.run_dir}/{name}.pid".encode() not in command.split(b"\0"):
            return None
        return ProcessRef.of(pid)

    def processes(self) -> tuple[ProcessRef, ...]:
        """The daemons that run now, vswitchd first (the order to end them in)."""
        return tuple(p for p in (self._process("ovs-vswitchd"), self._process("ovsdb-server")) if p is not None)

    def restart_vswitchd(self) -> None:
        """End ovs-vswitchd and start it again on the same database: flows and conntrack are lost, ports come back."""
        process = self._process("ovs-vswitchd")
        if process is not None:
            process.end()
        self._start_vswitchd()

    def stop(self) -> None:
        """End both daemons, remove a directory that start() chose; no error when they are gone already."""
        for process in self.processes():
            process.end()
        if self._temporary:
            shutil.rmtree(self.run_dir, ignore_errors=True)

    # --- addresses ----------------------------------------------------------------------------------------------

    @property
    def log_dir(self) -> Path:
        """Where the daemons log."""
        return self._log_dir or self.run_dir

    @property
    def ovsdb(self) -> str:
        """The database's address, as OVS tools and the agent's --ovsdb take it."""
        return f"unix:{self.run_dir}/db.sock"

    @property
    def vswitchd_ctl(self) -> Path:
        """The control socket of ovs-vswitchd, at its usual place, where the agent looks for it."""
        try:
            return control_socket(self.run_dir, "ovs-vswitchd")
        except ControlError as error:
            raise LabError(str(error)) from error

    @property
    def env(self) -> Mapping[str, str]:
        """What a program needs in its environment to find this switch instead of the machine's."""
        return {
            "OVS_RUNDIR": str(self.run_dir),
            "OVS_LOGDIR": str(self.log_dir),
            "OVS_DBDIR": str(self.run_dir),
            "OVS_SYSCONFDIR": str(self.run_dir),
        }

    # --- tools --------------------------------------------------------------------------------------------------

    def _run(self, *argv: str, stdin: str = "") -> str:
        return run(argv, netns=self.netns, env=self.env, stdin=stdin)

    def vsctl(self, *args: str) -> str:
        """`ovs-vsctl ARGS`; waits until ovs-vswitchd has done it, ten seconds at most."""
        return self._run("ovs-vsctl", f"--db={self.ovsdb}", "--timeout=10", *args)

    def ofctl(self, *args: str, stdin: str = "", version: str = "OpenFlow14") -> str:
        """`ovs-ofctl ARGS`; a bridge name among them means this switch's bridge."""
        return self._run("ovs-ofctl", f"--protocols={version}", *args, stdin=stdin)

    def appctl(self, *args: str) -> str:
        """`ovs-appctl ARGS` on ovs-vswitchd, by its control socket."""
        return unixctl.call(self.vswitchd_ctl, *args)

    def trace(self, bridge: str, flow: str, ct_next: Iterable[str] = ()) -> str:
        """`ofproto/trace`: what the tables do with a packet; `ct_next` : the state after each ct() ("trk,est")."""
        options = [word for state in ct_next for word in ("--ct-next", state)]
        return self.appctl("ofproto/trace", bridge, flow, *options)

    def add_bridge(self, name: str, *, fail_mode: Literal["secure", "standalone"] = "secure") -> None:
        """Make a bridge on this switch's datapath."""
        kind = "system" if self.datapath == "system" else "netdev"
        self.vsctl(
            *("--may-exist", "add-br", name),
            *("--", "set", "Bridge", name, f"datapath_type={kind}", f"fail_mode={fail_mode}"),
        )

    def add_dummy_port(
        self, bridge: str, name: str, *, ofport: int | None = None, external_ids: Mapping[str, str] | None = None
    ) -> int:
        """Make a port without anything behind it (dummy datapath) and return its OpenFlow number."""
        columns = ["type=dummy"] + [f'external_ids:{key}="{value}"' for key, value in (external_ids or {}).items()]
        if ofport is not None:
            columns.append(f"ofport_request={ofport}")
        self.vsctl(*("--may-exist", "add-port", bridge, name), *("--", "set", "Interface", name, *columns))
        return self.ofport(name)

    def ofport(self, name: str) -> int:
        """The OpenFlow port number of an interface."""
        number = int(self.vsctl("get", "Interface", name, "ofport"))
        if number < 0:
            raise LabError(f"Open vSwitch could not open the interface {name}: see {self.log_dir}/ovs-vswitchd.log.")
        return number

    def replace_flows(self, bridge: str, flows: str) -> None:
        """Make `flows` (ovs-ofctl syntax, one per line) the bridge's flows, all at once."""
        self.ofctl("--bundle", "replace-flows", bridge, "-", stdin=flows)
