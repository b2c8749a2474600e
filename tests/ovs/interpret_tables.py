"""Random tables of flows and packets for the honesty of the interpreter (P9), from small alphabets: overlaps abound.

Four stages of tables: before ct(), after it, after a second one, and those where packets end. What ofproto/trace
cannot tell is left out: a match on ct_mark before ct() (the trace has the mark from the start), and a ct(table=...)
after a ct() on the same pass (the trace has forgotten the mark by then).
"""

from __future__ import annotations

from random import Random

from ryu_netpol.flows.fields import CT_ZONE, ETH_ARP, ETH_IPV4, ETH_IPV6, FIELDS, ICMPV6, Subfield, whole
from ryu_netpol.flows.interpret import ConnState, CtFlag, Packet
from ryu_netpol.flows.interpret.packet import TRANSPORT
from ryu_netpol.flows.ir import (
    Action,
    Conjunction,
    Cookie,
    CookieKind,
    Ct,
    Flow,
    FlowTable,
    Goto,
    InPort,
    Load,
    Match,
    Move,
    Output,
    Pop,
    Push,
    Resubmit,
    SetField,
)

STAGES = ((0, 1, 2, 3), (10, 11, 12), (20, 21), (30, 31))
PRIORITIES = (10, 20, 30, 40, 50)
V4 = (0x0A000001, 0x0A000002, 0x0A000102, 0xC0000201)
V6 = (0xFD00 << 112 | 1, 0xFD00 << 112 | 2, 0xFD00 << 112 | 1 << 64 | 1)
MACS = (0x020000000001, 0x020000000002)
VALUES = {
    "in_port": (1, 2, 3),
    **{f"reg{n}": (0, 1, 2, 3, 5) for n in range(4)},
    "ct_state": (0, 0x21, 0x22, 0x2A, 0x2E, 0x30),
    "ct_mark": (0, 1, 2, 0x80000001),
    "eth_src": MACS,
    "eth_dst": MACS,
    "vlan_tci": (0, 0x1005),
    "ip_frag": (0, 1, 3),
    **{f"ipv4_{end}": V4 for end in ("src", "dst")},
    **{f"ipv6_{end}": V6 for end in ("src", "dst")},
    **{f"{name}_{end}": (0, 1, 2, 3, 80) for name in ("tcp", "udp", "sctp") for end in ("src", "dst")},
    "icmpv6_type": (128, 135, 136),
    "arp_op": (1, 2),
    "arp_spa": V4,
    "arp_tpa": V4,
}
MASKS = {
    **{f"reg{n}": (0x1, 0x3, 0x2) for n in range(4)},
    "ct_state": (0x21, 0x22, 0x2A, 0x20, 0x10),
    "ct_mark": (0xFFFF, 1 << 31, 1),
    "eth_src": (0x010000000000, 0xFFFFFFFFFFFF),
    "eth_dst": (0x010000000000, 0xFFFFFFFFFFFF),
    "vlan_tci": (0x1FFF, 0x1000),
    **{f"ipv4_{end}": (0xFFFFFFFF, 0xFFFFFF00, 0xFF000000, 0x000000FF) for end in ("src", "dst")},
    **{f"ipv6_{end}": ((1 << 128) - 1, ((1 << 64) - 1) << 64) for end in ("src", "dst")},
    **{f"{name}_{end}": (0xFFFF, 0xFFFE, 0x0001) for name in ("tcp", "udp", "sctp") for end in ("src", "dst")},
}
FAMILIES = (
    {},
    {"eth_type": ETH_IPV4},
    {"eth_type": ETH_IPV6},
    *({"eth_type": family, "ip_proto": protocol} for family in (ETH_IPV4, ETH_IPV6) for protocol in (6, 17)),
    {"eth_type": ETH_IPV4, "ip_proto": 132},
    {"eth_type": ETH_IPV6, "ip_proto": ICMPV6},
    {"eth_type": ETH_ARP},
)
WEIGHTS = (3, 5, 2, 4, 2, 2, 1, 1, 1, 1)
PACKET_WEIGHTS = (0, 1, 1, 8, 2, 3, 2, 1, 1, 1)


def _fits(name: str, family: dict[str, int]) -> bool:
    return all(family.get(needed) in values for needed, values in FIELDS[name].needs)


class Generator:
    """Everything that is random, from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.cookies = 0

    def cookie(self) -> Cookie:
        """A cookie that no other flow has."""
        self.cookies += 1
        return Cookie(CookieKind.RULE, self.cookies)

    def family(self, weights: tuple[int, ...]) -> dict[str, int]:
        """EtherType and protocol; the first draw decides between IP protocols often."""
        return self.random.choices(FAMILIES, weights[: len(FAMILIES)])[0]

    # --- flows --------------------------------------------------------------------------------------------------

    def table(self) -> FlowTable:
        """Tables of all stages, each with a miss flow, most with conjunctions."""
        flows: dict[object, Flow] = {}
        for stage, tables in enumerate(STAGES):
            for table in tables:
                made = [Flow(table, 0, Match(), self.miss(stage, table), self.cookie())]
                made += [self.flow(stage, table) for _ in range(self.random.randint(4, 14))]
                for priority in self.random.sample(PRIORITIES, self.random.choice((0, 1, 1, 2))):
                    made += self.conjunctions(stage, table, priority)
                for flow in made:
                    flows.setdefault(flow.key, flow)
        return FlowTable(flows.values())

    def match(self, stage: int, family: dict[str, int], most: int = 3) -> Match:
        """Some fields of the family, some of them with masks."""
        names = [name for name in VALUES if name not in family and _fits(name, family)]
        if stage == 0:
            names.remove("ct_mark")
        chosen: dict[str, int | tuple[int, int]] = dict(family)
        for name in self.random.sample(names, min(len(names), self.random.randint(0, most))):
            value = self.random.choice(VALUES[name])
            mask = self.random.choice(MASKS[name]) if name in MASKS and self.random.random() < 0.6 else None
            chosen[name] = value if mask is None else (value & mask, mask)
            if name == "ip_frag" and self.random.random() < 0.5:
                # ovs-ofctl has words for these two masks only: yes, not_later.
                chosen[name] = self.random.choice(((1, 1), (0, 2)))
        if "ip_frag" in chosen:
            # A later fragment has no ports: such a match is refused.
            chosen = {name: value for name, value in chosen.items() if name not in TRANSPORT}
        return Match.of(**chosen)

    def flow(self, stage: int, table: int) -> Flow:
        """A flow without conjunctions."""
        match = self.match(stage, self.family(WEIGHTS))
        return Flow(table, self.random.randint(1, 60), match, self.actions(stage, table, match), self.cookie())

    def miss(self, stage: int, table: int) -> tuple[Action, ...]:
        """Mostly on to the next table, so that packets get far."""
        later = [number for number in STAGES[stage] if number > table]
        return (Goto(later[0]),) if later and self.random.random() < 0.8 else (Output(4),)

    def conjunctions(self, stage: int, table: int, priority: int) -> list[Flow]:
        """Some conjunctions of one priority that share flows; sometimes their conj_id flow is missing or lower."""
        numbers = self.random.sample(range(1 + 100 * priority, 6 + 100 * priority), self.random.randint(1, 3))
        clauses: dict[Match, set[Conjunction]] = {}
        flows = []
        for number in numbers:
            size = self.random.choice((2, 2, 3))
            for clause in range(1, size + 1):
                for _ in range(self.random.randint(1, 3)):
                    match = self.match(stage, self.family(WEIGHTS), most=1)
                    if all(other.id != number for other in clauses.get(match, ())):
                        clauses.setdefault(match, set()).add(Conjunction(number, clause, size))
            if self.random.random() < 0.9:
                match = self.match(stage, self.family((6, 3, *[1] * len(FAMILIES))), most=1)
                at = priority if self.random.random() < 0.9 else self.random.choice(PRIORITIES)
                actions = self.actions(stage, table, match)
                flows.append(Flow(table, at, match + Match.of(conj_id=number), actions, self.cookie()))
        for match, parts in clauses.items():
            flows.append(Flow(table, priority, match, tuple(sorted(parts)), self.cookie()))
            if self.random.random() < 0.3:
                # The identical match, with a lower priority and no conjunction.
                lower = self.random.randint(1, priority - 1)
                flows.append(Flow(table, lower, match, self.actions(stage, table, match), self.cookie()))
        return flows

    # --- actions ------------------------------------------------------------------------------------------------

    def actions(self, stage: int, table: int, match: Match) -> tuple[Action, ...]:
        """Some writing, then where the packet goes."""
        family = {name: value for name in ("eth_type", "ip_proto") if (value := match.value(name)) is not None}
        frag = match.get("ip_frag")
        if frag is not None and frag.value & 2:
            family.pop("ip_proto", None)
        writes = [action for _ in range(self.random.choice((0, 1, 1, 2, 3))) for action in self.write(family)]
        return (*writes, *self.end(stage, table, match))

    def write(self, family: dict[str, int]) -> tuple[Action, ...]:
        """One thing that changes the packet or its registers."""
        writable = [n for n in VALUES if FIELDS[n].settable and n != "ct_mark" and _fits(n, family) and "icmp" not in n]
        kind = self.random.choice(("set", "load", "load", "move", "take", "swap", "swap", "push", "pop"))
        name = self.random.choice(writable)
        field = FIELDS[name]
        if kind == "set":
            return (SetField(name, self.random.choice(VALUES[name])),)
        if kind == "swap" and name[-4:] in ("_src", "_dst"):
            this, other = whole(f"{name[:-3]}src"), whole(f"{name[:-3]}dst")
            return (Push(this), Push(other), Pop(this), Pop(other))
        register = f"reg{self.random.randrange(4)}"
        bits = min(self.random.choice((1, 2, 8, 16, 32)), field.bits)
        part = Subfield(name, self.random.randint(0, field.bits - bits), bits)
        into = Subfield(register, self.random.randint(0, 32 - bits), bits)
        match kind:
            case "move":
                return (Move(part, into),)
            case "take":
                return (Move(into, part),)
            case "push":
                return (Push(part),)
            case "pop":
                return (Pop(into),) if bits == 32 else (Push(into), Pop(part))
            case _:
                return (Load(into, self.random.getrandbits(bits)),)

    def end(self, stage: int, table: int, match: Match) -> tuple[Action, ...]:
        """Where the packet goes."""
        later = [number for number in STAGES[stage] if number > table]
        out: Action = InPort() if self.random.random() < 0.2 else Output(self.random.choice((1, 2, 3, 4)))
        choices: list[tuple[Action, ...]] = [(out,), (out, Output(4)), ()]
        if later:
            choices += 3 * [(Goto(self.random.choice(later)),)]
            choices += [(Resubmit(self.random.choice(later)), out), (out, Resubmit(self.random.choice(later)))]
        state = match.get("ct_state")
        if match.value("eth_type") in (ETH_IPV4, ETH_IPV6) and not (state is not None and state.value & CtFlag.INV):
            mark = (Load(Subfield("ct_mark", 0, 16), 7),) if self.random.random() < 0.5 else ()
            choices += 2 * [(Ct(CT_ZONE, commit=True, mark=mark), Goto(STAGES[3][0]) if stage < 3 else out)]
            if stage < 2:
                onward = Ct(CT_ZONE, table=STAGES[stage + 1][0], commit=bool(mark), mark=mark)
                choices += (2 + 4 * (stage == 0)) * [(onward,), (onward, out)]
        return self.random.choice(choices)

    # --- packets ------------------------------------------------------------------------------------------------

    def packet(self) -> Packet:
        """A packet of the same alphabets."""
        family = self.family(PACKET_WEIGHTS)
        headers = dict(family)
        frag = self.random.choices((0, 1, 3), (6, 1, 1))[0] if family["eth_type"] != ETH_ARP else 0
        for name in VALUES:
            if FIELDS[name].settable or name in ("in_port", "vlan_tci"):
                transport = any(needed == "ip_proto" for needed, _ in FIELDS[name].needs)
                if not name.startswith(("reg", "ct_")) and _fits(name, family) and not (transport and frag == 3):
                    headers[name] = self.random.choice(VALUES[name])
        if self.random.random() < 0.9:
            headers["vlan_tci"] = 0
        return Packet.of(**headers, ip_frag=frag)

    def state(self) -> ConnState:
        """What connection tracking says."""
        mark = self.random.choice(VALUES["ct_mark"])
        choices = (
            ConnState.new(),
            ConnState.established(mark),
            ConnState.established(mark, reply=True),
            ConnState.related(mark, reply=True),
            ConnState(CtFlag.EST | CtFlag.REL | CtFlag.RPL, mark),
            ConnState.invalid(),
        )
        return self.random.choices(choices, (3, 3, 3, 1, 1, 1))[0]

    def tracking(self) -> tuple[ConnState, ...]:
        """Two states of one connection."""
        first = self.state()
        return (first, ConnState(self.state().flags, first.mark))
