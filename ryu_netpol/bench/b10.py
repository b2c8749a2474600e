"""B10: ten thousand live connections through a node, and a change that revokes none of them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ryu_netpol.bench.bench import Bench, BenchError
from ryu_netpol.bench.pair import CLIENT, SERVER, SERVER_PORT, SIDE, Pair, allowed, narrowed
from ryu_netpol.bench.process import started_program
from ryu_netpol.bench.results import Target, percentile
from ryu_netpol.lab.drops import dropped

RATE = 2500
"""Packets a second, each of them echoed: every connection has one in four seconds."""
_ROUND = SIDE * SIDE / RATE
_WARM = 1.5 * _ROUND


@dataclass(frozen=True, slots=True)
class Window:
    """What became of the packets that were sent in some seconds."""

    sent: int
    seconds: tuple[float, ...]
    """How long those took that came back."""

    @property
    def lost(self) -> int:
        """How many did not come back within a second."""
        return self.sent - len(self.seconds)

    def p99(self) -> float:
        """Milliseconds. Raises BenchError where nothing came back."""
        if not self.seconds:
            raise BenchError("no packet came back")
        return 1000 * percentile(self.seconds, 99)


class Flood:
    """The connections, in a process of their own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def window(self, seconds: float) -> Window:
        """What becomes of what is sent from the last call to this many seconds from now; takes a second more."""
        time.sleep(seconds)
        if self._process.stdin is None or self._process.stdout is None:
            raise BenchError("the connections have no pipes")
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BenchError("the process with the connections has ended")
        answer = json.loads(line)
        return Window(answer["sent"], tuple(answer["seconds"]))


@contextlib.contextmanager
def flood(pair: Pair) -> Iterator[Flood]:
    """Connections between client and server, all of them established."""
    words = [pair.netns(CLIENT), pair.netns(SERVER), pair.address(SERVER), str(RATE)]
    command = [sys.executable, "-m", "ryu_netpol.bench.traffic", *words]
    with started_program(command, output=subprocess.PIPE, feed=subprocess.PIPE) as process:
        found = Flood(process)
        found.window(_WARM)
        yield found


def run(bench: Bench) -> None:
    """In the lab, with the real agent: a rule of another pod goes."""
    limit = Target(50, "ms")
    bench.begin("connections during a narrowing", limit)
    with Pair(allowed()) as pair, flood(pair) as connections:
        # To count drops exactly empties the datapath's cache: not while something is measured.
        drops = dropped(pair.node).total()
        connections.window(1)
        before = connections.window(_ROUND)
        old, upcalls = marks(pair), pair.upcalls()
        pair.write(narrowed())
        # The first moments of the window are those in which agent and switch take the change in.
        after = connections.window(2 * _ROUND)
        judged = sum(count for mark, count in marks(pair).items() if mark not in old)
        upcalls = pair.upcalls() - upcalls
        drops = dropped(pair.node).total() - drops
    what = f"of {SIDE * SIDE:,} connections with {RATE:,} packets/s, while another pod loses a rule"
    bench.result(f"judged again {what}", judged, "connections", target=Target(SIDE * SIDE, least=True))
    lost = f"packets lost {what} (before: {before.lost}; dropped by flows: {drops})"
    bench.result(lost, after.lost, "packets", target=Target(0))
    added = after.p99() - before.p99()
    bench.result(f"added latency, p99 {what} (before: {before.p99():.2f} ms)", added, "ms", target=limit)
    bench.result(f"slowest packet {what}", 1000 * max(after.seconds), "ms")
    bench.result(f"packets on the slow path {what}", upcalls, "packets")


def marks(pair: Pair) -> dict[str, int]:
    """How many of the connections carry which mark."""
    found: dict[str, int] = {}
    for line in pair.ovs.appctl("dpctl/dump-conntrack").splitlines():
        if line.startswith("udp,") and f"dst={pair.address(SERVER)},sport=" in line.partition("reply=")[0]:
            port = int(line.partition("dport=")[2].partition(")")[0].partition(",")[0])
            mark = line.partition("mark=")[2].partition(",")[0]
            if SERVER_PORT <= port < SERVER_PORT + SIDE:
                found[mark] = found.get(mark, 0) + 1
    return found
