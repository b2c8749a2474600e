"""An OVSDB adapter under test, with everything that it delivered and reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cni.contract import PortIdentity
from ryu_netpol.adapters.ovsdb import BOOT_ID, OvsdbAdapter
from ryu_netpol.agent.events import BridgePort, BridgeSeen, Event
from ryu_netpol.lab.switch import PrivateOvs

PATIENT = 10.0
BRIDGE = "br-int"
GATEWAY = "np-gw0"
PROGRAM = "ryu-netpol 1 on a stack"

IDENTITY = PortIdentity(
    namespace="shop",
    pod="web-0",
    uid="u-1",
    container_id="c1",
    ifname="eth0",
    mac="02:00:00:00:00:05",
    addresses=("10.1.0.5", "fd00::5"),
    boot_id=BOOT_ID.read_text().strip(),
    created=7,
    netns="/run/netns/x",
)


class Agent:
    """The adapter with everything that it delivered and reported."""

    def __init__(self, ovs: PrivateOvs, datapath_type: str = "netdev") -> None:
        self.ovs = ovs
        self.events: list[Event] = []
        self.reports: list[tuple[str, str]] = []
        self._changed = threading.Condition()
        self.controller = f"unix:{ovs.run_dir}/openflow.sock"
        self.adapter = OvsdbAdapter(
            remote=ovs.ovsdb,
            bridge=BRIDGE,
            gateway=GATEWAY,
            controller=self.controller,
            datapath_type=datapath_type,
            agent=PROGRAM,
            deliver=self._deliver,
            report=self._report,
        )

    def _deliver(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def _report(self, what: str, message: str) -> None:
        with self._changed:
            self.reports.append((what, message))
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something told makes the condition true."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENT), f"{what}; events {self.events}, reports {self.reports}"

    def wait_event(self, event: Event) -> None:
        """Wait until this was delivered."""
        self.wait(lambda: event in self.events, f"no {event}")

    @property
    def seen(self) -> BridgeSeen | None:
        """The last state of the bridge."""
        return next((event for event in reversed(self.events) if isinstance(event, BridgeSeen)), None)

    def wait_seen(self, condition: Callable[[BridgeSeen], bool], what: str) -> BridgeSeen:
        """Wait for a state of the bridge and return it."""
        self.wait(lambda: self.seen is not None and condition(self.seen), what)
        assert self.seen is not None
        return self.seen

    def wait_up(self) -> BridgeSeen:
        """Wait until the gateway has its number."""
        return self.wait_seen(lambda seen: seen.gateway is not None, "no gateway")

    def wait_port(self, name: str) -> BridgePort:
        """Wait until a port is there, and return it."""
        seen = self.wait_seen(lambda seen: any(p.name == name for p in seen.ports), f"no port {name}")
        return next(port for port in seen.ports if port.name == name)

    def wait_report(self, what: str, words: str) -> None:
        """Wait for a report with these words."""
        self.wait(lambda: any(w == what and words in m for w, m in self.reports), f"no report {what}: {words}")

    def bridge(self, column: str) -> str:
        """A column of the bridge, as ovs-vsctl prints it."""
        return self.ovs.vsctl("get", "Bridge", BRIDGE, column).strip()


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true in time; for what only the database can tell."""
    end = time.monotonic() + PATIENT
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
