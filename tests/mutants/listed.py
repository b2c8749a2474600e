"""The defects. Each is a mistake that somebody could make; none leaves the meaning as it was."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

RESOLVE = "policy.resolve"
RULES = "policy.rules"
IDENTITY = "policy.identity"
OWNERS = "policy.owners"
CONJUNCTION = "flows.conjunction"
CLAUSES = "flows.clauses"
ADDRESSES = "flows.addresses"
BASE = "flows.base"
NUMBERS = "flows.numbers"
BRIDGE = "flows.bridge"
NET = "model.net"
NARROWER = "policy.narrower"
STAYED = "policy.stayed"
COVERED = "policy.covered"
GRANTS = "policy.grants"
HEIRS = "agent.heirs"

MUTANTS = (
    # Who is selected, who is isolated
    Mutant("legacy policies count without the annotation", RESOLVE, "if policy.legacy and not", "if False and not"),
    Mutant(
        "every pod of the namespace is a subject",
        RESOLVE,
        "if policy.subject.matches(cluster.pods[e.pod].labels)]",
        "if e.pod in cluster.pods]",
    ),
    Mutant(
        "the annotation isolates nobody",
        RESOLVE,
        "if cluster.namespaces[identity.namespace].default_deny:",
        "if False:",
    ),
    Mutant(
        "the annotation isolates for egress, too",
        RESOLVE,
        "    if direction is Direction.INGRESS:\n        for identity in here:",
        "    if True:\n        for identity in here:",
    ),
    Mutant("policyTypes do not matter", RESOLVE, "and direction in policy.directions", "and direction is not None"),
    Mutant(
        "ingress and egress rules are mistaken for each other",
        RULES,
        "for rule in policy.rules(direction):",
        "for rule in policy.rules(next(d for d in Direction if d is not direction)):",
    ),
    Mutant("finished pods are peers", OWNERS, "if pod.visible and pod.node != node:", "if pod.node != node:"),
    # Peers
    Mutant(
        "an empty list of peers is an absent one",
        RULES,
        "peers = None if rule.peers is None else",
        "peers = None if not rule.peers else",
    ),
    Mutant("no peers at all is an absent list", CONJUNCTION, "if rule.peers is not None:", "if False:"),
    Mutant(
        "except is ignored",
        RULES,
        "subtract(peer.cidr, tuple(sorted(set(peer.excepts))))",
        "(peer.cidr,)",
    ),
    Mutant(
        "only the first except counts",
        RULES,
        "tuple(sorted(set(peer.excepts)))",
        "tuple(sorted(set(peer.excepts)))[:1]",
    ),
    Mutant(
        "an except takes away its other half, too",
        NET,
        "_network(b) for b in excepts if",
        "_network(Cidr(b.version, b.network, max(b.prefix - 1, 0))) for b in excepts if",
    ),
    Mutant(
        "podSelector alone reaches into all namespaces",
        IDENTITY,
        "return own if peer.namespaces is None else peer.namespaces",
        "return EVERYTHING if peer.namespaces is None else peer.namespaces",
    ),
    Mutant("namespaceSelector is ignored", IDENTITY, "if scope.matches(n.labels))", "if n.name)"),
    Mutant(
        "namespaceSelector never leaves the own namespace",
        IDENTITY,
        "return own if peer.namespaces is None else peer.namespaces",
        "return own",
    ),
    Mutant(
        "podSelector is ignored beside namespaceSelector",
        RESOLVE,
        "if peer.pods is None or peer.pods.matches",
        "if peer.pods is None or peer.namespaces is not None or peer.pods.matches",
    ),
    Mutant(
        "blocks are ignored",
        CONJUNCTION,
        "found.append(block(alternative))",
        "pass",
    ),
    Mutant(
        "selected peers are ignored",
        CONJUNCTION,
        "found.append(rule.peers.identities | rule.peers.blocks)",
        "found.append(rule.peers.blocks)",
    ),
    Mutant(
        "blocks are looked for at the wrong end",
        CONJUNCTION,
        "(DEST_IDENTITY, destination) if at_destination else (SOURCE_IDENTITY, source)",
        "(DEST_IDENTITY, source) if at_destination else (SOURCE_IDENTITY, destination)",
    ),
    Mutant(
        "subject and peer change places",
        CONJUNCTION,
        "(DEST_IDENTITY, destination) if at_destination else (SOURCE_IDENTITY, source)",
        "(SOURCE_IDENTITY, destination) if at_destination else (DEST_IDENTITY, source)",
    ),
    # Ports
    Mutant("ports are ignored", CONJUNCTION, "if rule.ports is not None:", "if False:"),
    Mutant(
        "endPort is ignored",
        RULES,
        "ranges[spec.protocol].add(spec.port)",
        "ranges[spec.protocol].add(PortRange(spec.port.first, spec.port.first))",
    ),
    Mutant(
        "every number is one of TCP",
        RULES,
        "ranges[spec.protocol].add(spec.port)",
        "ranges[Protocol.TCP].add(spec.port)",
    ),
    Mutant(
        "a missing port is all ports of all protocols",
        RULES,
        "everything.add(spec.protocol)",
        "everything.update((Protocol.TCP, Protocol.UDP, Protocol.SCTP))",
    ),
    Mutant("a missing port is no port", RULES, "everything.add(spec.protocol)", "pass"),
    Mutant(
        "a name counts for every protocol",
        RULES,
        "if port.name == name and port.protocol is spec.protocol:",
        "if port.name == name:",
    ),
    Mutant(
        "names are resolved at one subject for all",
        RULES,
        "groups[_ports(rule.ports, subject)].add(subject)",
        "groups[_ports(rule.ports, min(subjects, key=lambda s: s.order))].add(subject)",
    ),
    Mutant("names in egress rules are ignored", RULES, "if not named:", "if True:"),
    Mutant(
        "names in egress rules count for everybody",
        RULES,
        "for identity in pods.everybody() if peers is None else peers.identities:",
        "for identity in pods.everybody():",
    ),
    Mutant(
        "names are not resolved inside blocks",
        RULES,
        "numbers = _ports(named, Identity(pod.key.namespace, ports=pod.ports))",
        "numbers = _ports(named, None)",
    ),
    Mutant(
        "names are resolved outside of blocks, too",
        RULES,
        "if any(address in block for block in peers.blocks):",
        "if peers.blocks:",
    ),
    Mutant(
        "port masks are one bit too wide",
        NET,
        "pairs.append((start, 0x10000 - size))",
        "pairs.append((start & 0xFFFE, 0x10000 - size & 0xFFFE))",
    ),
    Mutant("ranges lose their last port", NET, "ports.first, ports.last + 1", "ports.first, max(ports.last, 1)"),
    Mutant(
        "ranges lose their first port",
        NET,
        "start, stop = ports.first, ports.last + 1",
        "start, stop = min(ports.first + 1, ports.last), ports.last + 1",
    ),
    Mutant(
        "ranges that nearly meet are one",
        NET,
        "r.first <= merged[-1].last + 1",
        "r.first <= merged[-1].last + 2",
    ),
    Mutant(
        "ports are for IPv4 only",
        CONJUNCTION,
        "def _port_matches(wanted: PortMatch) -> Iterator[Match]:\n    for version in VERSIONS:",
        "def _port_matches(wanted: PortMatch) -> Iterator[Match]:\n    for version in VERSIONS[:1]:",
    ),
    # Identities
    Mutant(
        "labels do not tell pods apart",
        IDENTITY,
        "pod.labels.only(keys)",
        "pod.labels.only(frozenset())",
    ),
    Mutant(
        "keys of peers count in the own namespace only",
        IDENTITY,
        "_keys(scope(peer, own), peer.pods or EVERYTHING)",
        "_keys(own, peer.pods or EVERYTHING)",
    ),
    Mutant("port names of peers do not tell pods apart", IDENTITY, "reached.add(scope(peer, own))", "pass"),
    Mutant(
        "port names of subjects do not tell pods apart",
        IDENTITY,
        "if direction is Direction.INGRESS:\n                reached = {own}",
        "if direction is Direction.INGRESS:\n                reached = set()",
    ),
    Mutant("identities share a number", NUMBERS, "self.next_identity, IdentityId", "self.next_identity, lambda _: 1"),
    Mutant("rules share a number", NUMBERS, "self.next_rule, ConjId)", "self.next_rule, lambda _: 1)"),
    # Conjunctions and priorities
    Mutant(
        "one rule's clause replaces that of another",
        CLAUSES,
        "insort(clause.actions, action)",
        "clause.actions[:] = [action]",
    ),
    Mutant(
        "a rule of several dimensions lets nothing pass",
        CONJUNCTION,
        'exact("conj_id", number), (Goto(ALLOWED[table]),), cookie)',
        'exact("conj_id", number), (), cookie)',
    ),
    Mutant("isolation wins over rules", CONJUNCTION, "ISOLATED_PRIORITY = 1000", "ISOLATED_PRIORITY = 30000"),
    Mutant("rules of one dimension lose", CONJUNCTION, "DIRECT_PRIORITY = 20001", "DIRECT_PRIORITY = 999"),
    Mutant("clauses lose", CONJUNCTION, "CLAUSE_PRIORITY = 20000", "CLAUSE_PRIORITY = 999"),
    Mutant(
        "isolation looks at the wrong end",
        CONJUNCTION,
        "((Direction.INGRESS, DEST_IDENTITY), (Direction.EGRESS, SOURCE_IDENTITY))",
        "((Direction.INGRESS, SOURCE_IDENTITY), (Direction.EGRESS, DEST_IDENTITY))",
    ),
    Mutant(
        "nobody is isolated for egress",
        CONJUNCTION,
        "((Direction.INGRESS, DEST_IDENTITY), (Direction.EGRESS, SOURCE_IDENTITY))",
        "((Direction.INGRESS, DEST_IDENTITY),)",
    ),
    # Addresses, the node, the pod itself
    Mutant(
        "ingress is not asked at endpoints",
        ADDRESSES,
        "(as_dest, _TO_LOCAL, Goto(T.EGRESS_ADMIN))",
        "(as_dest, Goto(T.EGRESS_ADMIN))",
    ),
    Mutant(
        "an endpoint reaches everybody, not itself alone",
        ADDRESSES,
        "itself = reg(LOCAL_SOURCE, 1) + sent + to",
        "itself = reg(LOCAL_SOURCE, 1) + sent",
    ),
    Mutant(
        "pods elsewhere are strangers as source",
        ADDRESSES,
        "(Load(SOURCE_IDENTITY, number), Goto(T.DEST_ID))",
        "(Goto(T.DEST_ID),)",
    ),
    Mutant(
        "pods elsewhere are strangers as destination",
        ADDRESSES,
        "(Load(DEST_IDENTITY, number), Goto(T.EGRESS_ADMIN))",
        "(Goto(T.EGRESS_ADMIN),)",
    ),
    Mutant(
        "node ports count as the node",
        ADDRESSES,
        "*(Flow(T.DEST_ID, 95, match, (Goto(T.EGRESS_ADMIN),), cookie) for match in services),",
        "",
    ),
    Mutant(
        "the last node port counts as the node", BRIDGE, "NODE_PORTS = (30000, 32767)", "NODE_PORTS = (30000, 32766)"
    ),
    Mutant(
        "egress to the own node is judged",
        BASE,
        "Flow(T.EGRESS, 60000, reg(TO_NODE, 1)",
        "Flow(T.EGRESS, 10, reg(TO_NODE, 1)",
    ),
    Mutant(
        "the own node is a stranger",
        BASE,
        "Flow(T.INGRESS_ADMIN, 50000, match, (Goto(T.COMMIT),), node)",
        "Flow(T.INGRESS_ADMIN, 50000, match, (Goto(T.INGRESS),), node)",
    ),
    Mutant(
        "what the gateway brings is judged as the node's own",
        BASE,
        "match = reg(ORIGIN_GATEWAY, 1) + source(second)",
        "match = reg(ORIGIN_GATEWAY, 1)",
    ),
    Mutant(
        "an allowed egress is not asked for ingress",
        CONJUNCTION,
        "TableId.EGRESS: TableId.INGRESS_ADMIN}",
        "TableId.EGRESS: TableId.COMMIT}",
    ),
    # Connections
    Mutant(
        "established connections pass whatever their epoch",
        BASE,
        "ct(on=CT_EST | CT_TRK) + reg(MARK_EPOCH, epoch), Goto(T.FORWARD)",
        "ct(on=CT_EST | CT_TRK), Goto(T.FORWARD)",
        shows_in="connections",
    ),
    Mutant(
        "stale replies are judged as if they opened the connection",
        BASE,
        "stale_reply + match, turn, *_swap(version, proto), Goto(T.SERVICE)",
        "stale_reply + match, turn, Goto(T.SERVICE)",
        shows_in="connections",
    ),
    Mutant(
        "what was turned around is not turned back",
        BASE,
        "_flow(T.COMMIT, 210, match, back, *_swap(version, proto), Resubmit",
        "_flow(T.COMMIT, 210, match, back, Resubmit",
        shows_in="connections",
    ),
    Mutant(
        "errors about revoked connections pass",
        BASE,
        "ct(on=CT_REL | CT_TRK) + reg(MARK_EPOCH, epoch), Goto(T.RELATED)",
        "ct(on=CT_REL | CT_TRK), Goto(T.RELATED)",
        shows_in="errors",
    ),
    Mutant(
        "taking ports away is not narrower",
        GRANTS,
        "    if wanted is None:\n        return False",
        "    if wanted is None or matches:\n        return True",
        shows_in="epochs",
    ),
    Mutant(
        "only blocks that are the region itself speak of it",
        GRANTS,
        "if prefix <= region.prefix",
        "if prefix == region.prefix",
        shows_in="epochs",
    ),
    Mutant(
        "the loss of an outsider's right is not narrower",
        COVERED,
        "        if self._only_pods(region):",
        "        if region:\n            return True\n        if self._only_pods(region):",
        shows_in="epochs",
    ),
    Mutant(
        "who stands alone is a peer of himself",
        COVERED,
        "self.stayed.after.owners[address].pod != self.alone",
        "self.alone is not self",
        shows_in="epochs",
    ),
    Mutant(
        "being isolated is not narrower",
        NARROWER,
        "if now is not None and now in isolated and was not in was_isolated:",
        "if False:",
        shows_in="epochs",
    ),
    Mutant(
        "a rule keeps its peers, whatever they are now",
        NARROWER,
        "for identity in peers & self._stayed.moved)",
        "for identity in ())",
        shows_in="epochs",
    ),
    Mutant(
        "a subject with another identity has what it had",
        NARROWER,
        "for was in rule.subjects & self._stayed.moved:",
        "for was in ():",
        shows_in="epochs",
    ),
    Mutant(
        "rules that are not touched are not looked at, whoever their pods are now",
        NARROWER,
        "if moved := self._stayed.moved:",
        "if moved := frozenset():",
        shows_in="touched",
    ),
    Mutant(
        "pods with another identity are gone",
        STAYED,
        "        if stayed:\n            self._moved",
        "        if False:\n            self._moved",
        shows_in="epochs",
    ),
    Mutant(
        "what one pod was is no pod any more",
        STAYED,
        "> len(self._left.get(identity, ()))",
        "> len(self._left.get(identity, ())) * 1000",
        shows_in="epochs",
    ),
    Mutant(
        "who had an address is not forgotten when he goes",
        HEIRS,
        "is not None or address in past:",
        "is not None:",
        shows_in="heirs",
    ),
    Mutant(
        "an address that this run has not seen had no owner before",
        HEIRS,
        "return self.predecessor and not self.raised",
        "return False",
        shows_in="heirs",
    ),
    Mutant(
        "the first plan of a run remembers what is touched alone",
        HEIRS,
        "self._past(policy, touched) if self.planned else Map(policy.owners)",
        "self._past(policy, touched)",
        shows_in="heirs",
    ),
)
