"""Reads what `ofproto/trace` prints (ovs-vswitchd(8), "OFPROTO COMMANDS"); tried with Open vSwitch 3.1.

The text has a section for the first pass and one for each ct() that goes on in a table. In each: the flow as it came
in, the flows that were hit, indented by depth, the flow as it went out, the datapath's actions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ryu_netpol.flows.fields import FIELDS
from ryu_netpol.flows.text.names import CT_STATES, FRAGMENTS, PORT_PROTOCOLS, PORT_WORDS, PROTOCOLS, READ, read_value

SECTION = re.compile(r"^=+\nrecirc\(", re.MULTILINE)
HIT = re.compile(r"^ *(\d+)\. (?:(?:(.*), )?priority (\d+)(?:, cookie (0x[0-9a-f]+))?|No match\.?)$", re.MULTILINE)
_LINE = {name: re.compile(rf"^{name}: (.*)$", re.MULTILINE) for name in ("Flow", "Final flow", "Datapath actions")}
_DATAPATH_PORT = re.compile(r"^ +\S+ (\d+)/(\d+): ", re.MULTILINE)
_FRAGMENTS = {word: value for (value, mask), word in FRAGMENTS.items() if mask is None}


def line(section: str, name: str) -> str:
    """What stands behind `name:`. Raises ValueError if it is not there: the text is no trace."""
    found = _LINE[name].search(section)
    if found is None:
        raise ValueError(f"not the output of ofproto/trace, it has no line {name!r}: {section.strip()[:200]!r}")
    return found[1]


def datapath_ports(dpif_show: str) -> dict[int, int]:
    """Datapath port -> OpenFlow port, from the output of `ovs-appctl dpif/show`."""
    return {int(datapath): int(openflow) for openflow, datapath in _DATAPATH_PORT.findall(dpif_show)}


def datapath_outputs(actions: str) -> list[int]:
    """The datapath ports that a list of datapath actions sends to, in order; what stands in brackets is no output."""
    depth, words = 0, [""]
    for letter in actions:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            words.append("")
        else:
            words[-1] += letter
    return [int(word) for word in words if word.isdecimal()]


def fields(flow: str) -> dict[str, int]:
    """The fields of a flow as trace prints it; without those that are zero and those that we never use."""
    return {name: value for name, value in _fields(flow) if value}


def _fields(flow: str) -> Iterator[tuple[str, int]]:
    given = dict(word.partition("=")[::2] for word in flow.split(","))
    shorthand = next((PROTOCOLS[word] for word in given if word in PROTOCOLS), (0, None))
    eth_type = int(given.get("dl_type", "0"), 0) or shorthand[0]
    protocol = int(given.get("nw_proto", "0")) or shorthand[1] or 0
    yield from (("eth_type", eth_type), ("ip_proto", protocol))
    if "dl_vlan" in given:
        yield "vlan_tci", 0x1000 | int(given["dl_vlan_pcp"]) << 13 | int(given["dl_vlan"])
    for word, text in given.items():
        name = _name(word, protocol)
        if name is not None and text:
            yield name, _value(name, text)


def _name(word: str, protocol: int) -> str | None:
    if word in PORT_WORDS:
        return f"{PORT_PROTOCOLS[protocol]}_{PORT_WORDS[word]}" if protocol in PORT_PROTOCOLS else None
    if word in ("icmp_type", "icmp_code"):
        name = word.replace("icmp", "icmpv6")
        return name if protocol == FIELDS["icmpv6_type"].needs[-1][1][0] else None
    return READ.get(word) if word not in ("dl_type", "nw_proto") else None


def _value(name: str, text: str) -> int:
    if name == "ip_frag":
        return _FRAGMENTS[text]
    if name == "ct_state":
        return sum(CT_STATES[word] for word in text.split("|"))
    return read_value(name, text)
