"""Asks a real Open vSwitch what it would do with a packet: the question for `ofproto/trace`, and its answer as values.

Callers: `reach --via trace`, and the property that interpreter and switch agree (P9). The caller carries the text to
the switch and back; nothing here does I/O.

Traps (ovs-vswitchd(8), and tried on 3.1): the connection's mark stands in the flow from the start, so tables before
ct() must not match ct_mark; each `--ct-next` serves one ct(table=...), after the last one everything is new again; the
datapath has port numbers of its own (see `datapath_ports`); fragments show ports only in the mode nx-match.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.flows.interpret.packet import ConnState, Packet
from ryu_netpol.flows.ir import Cookie, Match
from ryu_netpol.flows.text import render_match
from ryu_netpol.flows.trace import output
from ryu_netpol.flows.trace.output import datapath_ports

__all__ = ["Hit", "Question", "TraceOutcome", "datapath_ports", "question", "read"]

ENOUGH = 4
"""How often the last state is given: more than one ct(table=...) on a packet's way is rare."""


class Question(NamedTuple):
    """The arguments of `ofproto/trace` behind the bridge: the flow, and the words for `--ct-next`."""

    flow: str
    ct_next: tuple[str, ...]


def question(packet: Packet, *tracking: ConnState) -> Question:
    """Ask what the interpreter's `run` is asked with the same arguments."""
    states = tracking or (ConnState.new(),)
    flow = render_match(Match.of(**dict(packet.headers), ct_mark=states[0].mark or (0, 0)))
    return Question(flow, (*map(str, states[:-1]), *[str(states[-1])] * ENOUGH))


class Hit(NamedTuple):
    """A flow that was hit. Priority None: no flow matched."""

    table: int
    priority: int | None
    cookie: int = 0

    @property
    def meaning(self) -> Cookie | None:
        """What the flow is there for, if it is ours."""
        return Cookie.decode(self.cookie)


@dataclass(frozen=True, slots=True)
class TraceOutcome:
    """What became of a packet, as far as a trace tells."""

    ports: tuple[int, ...]
    """The ports that it was sent out of."""
    hits: tuple[Hit, ...]
    """Every lookup in order."""
    matches: tuple[str, ...]
    """The match of the flow that each lookup found, as the switch writes it: what tells flows of one Hit apart."""
    finals: tuple[Mapping[str, int], ...]
    """All fields that are not zero at the end of each pass; nd_reserved and nd_options_type are never printed."""

    @property
    def dropped_by(self) -> Hit | None:
        """The last flow, if nothing was sent."""
        return None if self.ports else self.hits[-1]


def read(text: str, ports: Mapping[int, int] | None = None) -> TraceOutcome:
    """Read the output. `ports`: datapath port -> OpenFlow port; None where they are the same.

    Raises ValueError for anything that is not the output of ofproto/trace.
    """
    outputs: list[int] = []
    hits: list[Hit] = []
    matches: list[str] = []
    finals: list[Mapping[str, int]] = []
    for section in output.SECTION.split(text):
        final = output.line(section, "Final flow")
        finals.append(output.fields(output.line(section, "Flow") if final == "unchanged" else final))
        for table, match, priority, cookie in output.HIT.findall(section):
            hits.append(Hit(int(table), int(priority) if priority else None, int(cookie, 16) if cookie else 0))
            matches.append(match)
        sent = output.datapath_outputs(output.line(section, "Datapath actions"))
        outputs.extend(sent if ports is None else (ports[port] for port in sent))
    return TraceOutcome(tuple(outputs), tuple(hits), tuple(matches), tuple(finals))
