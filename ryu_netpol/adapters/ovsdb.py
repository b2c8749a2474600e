"""The node's OVSDB, for the agent: a thread with a replica of the database (the IDL of the `ovs` package, RFC 7047).

Callers: `ryu-netpol agent`. It fulfils `agent.boundary.Database`; calls return at once, and the thread
- delivers BridgeSeen with the complete state, at the first contact and whenever it differs from the last one;
- keeps the bridge, its gateway port and its controller as they must be, whoever changes them;
- delivers EpochSaved when the limit is in the database.

Invariants: what the thread writes is a function of the rows and of what was asked for (`ovsdb_write`), so a lost
connection, a restart of either daemon or a failed transaction needs no treatment of its own: the next turn writes what
is missing. One transaction at a time. Nothing is delivered before the bridge is as it must be, nor while disconnected.

Traps: `deliver` and `report` are called from the thread and must not block. `ofport` may change when ovs-vswitchd
restarts; the column keeps its old value until then.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ryu_netpol.adapters.ovsdb_schema import POLLIN, Poller, Replica, Transaction, is_current, open_replica
from ryu_netpol.adapters.ovsdb_state import (
    bridge_seen,
    complaints,
    epoch_limit,
    find_bridge,
    news,
    read_bridge,
)
from ryu_netpol.adapters.ovsdb_write import BridgeSettings, Marks, unmarked, write_bridge, write_marks
from ryu_netpol.agent.events import BridgeSeen, EpochSaved, Event

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Two programs that each insist on their own settings must not busy the database.
REPAIR_INTERVAL = 1.0
RETRY_INTERVAL = 0.05
REFUSED_INTERVAL = 1.0
UNREACHABLE_AFTER = 2.0


class OvsdbAdapter:
    """The database of this node's Open vSwitch; works from start() to stop()."""

    def __init__(
        self,
        *,
        controller: str,
        deliver: Callable[[Event], None],
        report: Callable[[str, str], None],
        remote: str = "unix:/run/openvswitch/db.sock",
        bridge: str = "br-int",
        gateway: str = "np-gw0",
        datapath_type: str = "system",
        agent: str = "ryu-netpol",
    ) -> None:
        """`controller` is the OpenFlow target ("unix:PATH"); `report` takes what to count it under, and a sentence.

        `agent` says what runs here: people find it in the Bridge row.
        `datapath_type` is for a bridge that does not exist yet; that of an existing one is left alone.
        """
        self._remote = remote
        self._settings = BridgeSettings(bridge, gateway, controller, datapath_type)
        self._agent = agent
        self._deliver = deliver
        self._report = report
        self._boot_id = BOOT_ID.read_text(encoding="ascii").strip()
        self._thread = threading.Thread(target=self._main, name="ovsdb", daemon=True)
        self._sleeper, self._waker = socket.socketpair()
        self._sleeper.setblocking(False)
        self._waker.setblocking(False)
        # Asked for by other threads, under the lock.
        self._lock = threading.Lock()
        self._stopping = False
        self._synced = False
        self._limits: set[int] = set()
        self._highest = 0
        self._ready: dict[str, str] = {}
        # The thread's own.
        self._seen: BridgeSeen | None = None
        self._complaints: dict[str, str] = {}
        self._ensured = False
        self._repaired_at = -REPAIR_INTERVAL
        self._wrong: tuple[str, ...] = ()
        self._retry_at = 0.0
        self._current_at = 0.0
        self._outage_reported = False
        self._refusal = ""

    # --- any thread ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread; it connects, and keeps trying."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; what was asked for but is not written yet is dropped."""
        with self._lock:
            self._stopping = True
        self._wake()
        if self._thread.ident is not None:
            self._thread.join()
        self._sleeper.close()
        self._waker.close()

    def save_epoch(self, limit: int) -> None:
        """Write the epoch limit, unless a higher one is there; delivers EpochSaved when the database has it."""
        with self._lock:
            self._limits.add(limit)
            self._highest = max(self._highest, limit)
        self._wake()

    def mark_ready(self, port: str, container: str) -> None:
        """Write readiness into the port's Interface row, if it still belongs to this sandbox."""
        with self._lock:
            self._ready[port] = container
        self._wake()

    def mark_synced(self, synced: bool) -> None:
        """Write `netpol-synced` into the Bridge row, or take it away, which it is until the first call."""
        with self._lock:
            self._synced = synced
        self._wake()

    def _wake(self) -> None:
        # A full pipe wakes as well as one byte more; a closed one belongs to a stopped adapter.
        with contextlib.suppress(OSError):
            self._waker.send(b"w")

    # --- the thread ---------------------------------------------------------------------------------------------

    def _main(self) -> None:
        self._current_at = time.monotonic()
        while not self._stopping:
            idl = open_replica(self._remote)
            try:
                self._serve(idl)
            except Exception as error:
                # Whatever went wrong, a new replica knows nothing of it: fatal for this one only, and never silent.
                self._report("ovsdb_failed", f"The replica of OVSDB failed and is made anew: {error!r}.")
                self._sleeper_wait(REFUSED_INTERVAL)
            finally:
                idl.close()

    def _sleeper_wait(self, seconds: float) -> None:
        poller = Poller()
        poller.timer_wait(int(seconds * 1000))
        poller.fd_wait(self._sleeper, POLLIN)
        poller.block()
        self._drain()

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._sleeper.recv(4096):
                pass

    def _serve(self, idl: Replica) -> None:
        txn: Any = None
        told: int | None = None
        while not self._stopping:
            idl.run()
            now = time.monotonic()
            wake_at = [now + 5.0]
            if is_current(idl):
                self._current_at = now
                self._outage_reported = False
            elif not self._outage_reported:
                wake_at.append(self._report_outage(now))
            if txn is not None and (status := txn.commit()) != Transaction.INCOMPLETE:
                self._finish(txn, status, now)
                txn = None
            if txn is None and is_current(idl):
                if now >= self._retry_at:
                    txn, again_at = self._begin(idl, now)
                    wake_at.append(again_at)
                else:
                    wake_at.append(self._retry_at)
                if self._ensured and told != idl.change_seqno:
                    told = idl.change_seqno
                    self._tell(idl)
                self._acknowledge(idl)
            poller = Poller()
            idl.wait(poller)
            if txn is not None:
                txn.wait(poller)
            poller.fd_wait(self._sleeper, POLLIN)
            poller.timer_wait(int(max(0.0, min(wake_at) - now) * 1000) + 1)
            poller.block()
            self._drain()

    def _report_outage(self, now: float) -> float:
        """Say once per outage that the database cannot be reached; returns when to look again."""
        due = self._current_at + UNREACHABLE_AFTER
        if now >= due:
            self._outage_reported = True
            self._report("ovsdb_unreachable", f"OVSDB does not answer at {self._remote}: is ovsdb-server running?")
        return max(due, now + RETRY_INTERVAL)

    def _marks(self) -> Marks:
        with self._lock:
            return Marks(self._highest, self._synced, dict(self._ready), self._agent)

    def _begin(self, idl: Replica, now: float) -> tuple[Any, float]:
        """Write what is missing, all of it in one transaction; returns that (or None) and when to look again."""
        settings, marks = self._settings, self._marks()
        root = next(iter(idl.tables["Open_vSwitch"].rows.values()), None)
        if root is None:
            self._refuse("the database is empty: `ovs-vsctl init` has not run", now)
            return None, self._retry_at
        txn = Transaction(idl)
        txn.add_comment("ryu-netpol")
        again_at = now + 5.0
        self._wrong = ()
        if now >= self._repaired_at + REPAIR_INTERVAL:
            self._wrong = write_bridge(txn, root, settings, marks)
        else:
            again_at = self._repaired_at + REPAIR_INTERVAL
        write_marks(txn, settings.bridge, marks)
        status = txn.commit()
        if status == Transaction.INCOMPLETE:
            return txn, again_at
        self._finish(txn, status, now)
        return None, self._retry_at if self._retry_at > now else again_at

    def _finish(self, txn: Any, status: str, now: float) -> None:
        if status == Transaction.TRY_AGAIN:
            # Somebody else was faster, or the connection was lost: what is missing is computed anew.
            self._retry_at = now + RETRY_INTERVAL
        elif status not in (Transaction.SUCCESS, Transaction.UNCHANGED):
            self._refuse(txn.get_error(), now)
        else:
            if self._wrong and self._ensured:
                self._repaired_at = now
                what = f"The bridge {self._settings.bridge} was changed by somebody else"
                self._report("bridge_repaired", f"{what} and has been repaired: {'; '.join(self._wrong)}.")
            self._ensured = True
            self._refusal = ""

    def _refuse(self, reason: str, now: float) -> None:
        self._retry_at = now + REFUSED_INTERVAL
        if reason != self._refusal:
            self._refusal = reason
            self._report("ovsdb_refused", f"OVSDB refused what bridge {self._settings.bridge} needs: {reason}.")

    def _tell(self, idl: Replica) -> None:
        """Deliver and report what is new in the replica."""
        settings = self._settings
        row = read_bridge(idl, settings.bridge)
        seen = bridge_seen(row, gateway=settings.gateway, boot_id=self._boot_id)
        with self._lock:
            # What an earlier run saved is written again as well, should somebody delete the bridge.
            self._highest = max(self._highest, seen.epoch_limit)
        if seen != self._seen:
            self._seen = seen
            self._deliver(seen)
        now = complaints(row, datapath_type=settings.datapath_type)
        for sentence in news(self._complaints, now):
            self._report("bridge_problem", sentence)
        self._complaints = now

    def _acknowledge(self, idl: Replica) -> None:
        """Forget what was asked for and is done now, by what the database says."""
        bridge = find_bridge(idl, self._settings.bridge)
        if bridge is None:
            return
        limit = epoch_limit(bridge.external_ids) or 0
        with self._lock:
            saved = sorted(asked for asked in self._limits if asked <= limit)
            self._limits.difference_update(saved)
            self._ready = {row.name: container for row, container in unmarked(idl, self._ready)}
        for asked in saved:
            self._deliver(EpochSaved(asked))
