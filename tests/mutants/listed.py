"""The defects. Each is a mistake that somebody could make; none leaves the meaning as it was."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

RESOLVE = "policy.resolve"
IDENTITY = "policy.identity"
OWNERS = "policy.owners"
CONJUNCTION = "flows.conjunction"
ENDPOINTS = "flows.endpoints"
BASE = "flows.base"
NUMBERS = "flows.numbers"
BRIDGE = "flows.bridge"
NET = "model.net"
NARROWER = "policy.narrower"

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
        RESOLVE,
        "for rule in policy.rules(direction):",
        "for rule in policy.rules(next(d for d in Direction if d is not direction)):",
    ),
    Mutant("finished pods are peers", OWNERS, "if pod.visible and pod.node != node:", "if pod.node != node:"),
    # Peers
    Mutant(
        "an empty list of peers is an absent one",
        RESOLVE,
        "peers = None if rule.peers is None else",
        "peers = None if not rule.peers else",
    ),
    Mutant("no peers at all is an absent list", CONJUNCTION, "if rule.peers is not None:", "if False:"),
    Mutant(
        "except is ignored",
        RESOLVE,
        "subtract(peer.cidr, tuple(sorted(set(peer.excepts))))",
        "(peer.cidr,)",
    ),
    Mutant(
        "only the first except counts",
        RESOLVE,
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
        "return frozenset({own})",
        "return frozenset(n.name for n in namespaces)",
    ),
    Mutant("namespaceSelector is ignored", IDENTITY, "if peer.namespaces.matches(n.labels))", "if n.name)"),
    Mutant(
        "namespaceSelector never leaves the own namespace",
        IDENTITY,
        "if peer.namespaces.matches(n.labels))",
        "if peer.namespaces.matches(n.labels) and n.name == own)",
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
        "] + [blocks(b) for b in rule.peers.blocks]",
        "]",
    ),
    Mutant(
        "selected peers are ignored",
        CONJUNCTION,
        "[reg(other, identities[peer]) for peer in rule.peers.identities] +",
        "",
    ),
    Mutant(
        "blocks are looked for at the wrong end",
        CONJUNCTION,
        "blocks = source if direction is Direction.INGRESS else destination",
        "blocks = destination if direction is Direction.INGRESS else source",
    ),
    Mutant(
        "subject and peer change places",
        CONJUNCTION,
        "(DEST_IDENTITY, SOURCE_IDENTITY) if direction is Direction.INGRESS else",
        "(DEST_IDENTITY, SOURCE_IDENTITY) if direction is Direction.EGRESS else",
    ),
    # Ports
    Mutant("ports are ignored", CONJUNCTION, "if rule.ports is not None:", "if False:"),
    Mutant(
        "endPort is ignored",
        RESOLVE,
        "ranges[spec.protocol].add(spec.port)",
        "ranges[spec.protocol].add(PortRange(spec.port.first, spec.port.first))",
    ),
    Mutant(
        "every number is one of TCP",
        RESOLVE,
        "ranges[spec.protocol].add(spec.port)",
        "ranges[Protocol.TCP].add(spec.port)",
    ),
    Mutant(
        "a missing port is all ports of all protocols",
        RESOLVE,
        "everything.add(spec.protocol)",
        "everything.update((Protocol.TCP, Protocol.UDP, Protocol.SCTP))",
    ),
    Mutant("a missing port is no port", RESOLVE, "everything.add(spec.protocol)", "pass"),
    Mutant(
        "a name counts for every protocol",
        RESOLVE,
        "if port.name == name and port.protocol is spec.protocol:",
        "if port.name == name:",
    ),
    Mutant(
        "names are resolved at one subject for all",
        RESOLVE,
        "groups[_ports(rule.ports, subject)].add(subject)",
        "groups[_ports(rule.ports, min(subjects, key=lambda s: s.order))].add(subject)",
    ),
    Mutant("names in egress rules are ignored", RESOLVE, "if not named:", "if True:"),
    Mutant(
        "names in egress rules count for everybody",
        RESOLVE,
        "for identity in everybody if peers is None else peers.identities:",
        "for identity in everybody:",
    ),
    Mutant(
        "names are not resolved inside blocks",
        RESOLVE,
        "numbers = _ports(named, Identity(key.namespace, ports=pod.ports))",
        "numbers = _ports(named, None)",
    ),
    Mutant(
        "names are resolved outside of blocks, too",
        RESOLVE,
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
        "def _port_matches(ports: Ports) -> Iterator[Match]:\n    for version in VERSIONS:",
        "def _port_matches(ports: Ports) -> Iterator[Match]:\n    for version in VERSIONS[:1]:",
    ),
    # Identities
    Mutant(
        "labels do not tell pods apart",
        IDENTITY,
        "pod.labels.only(self.keys.get(namespace, frozenset()))",
        "pod.labels.only(frozenset())",
    ),
    Mutant(
        "keys of peers count in the own namespace only",
        IDENTITY,
        "look(peer.pods, spaces)",
        "look(peer.pods, [own])",
    ),
    Mutant("port names of peers do not tell pods apart", IDENTITY, "reached |= spaces", "pass"),
    Mutant(
        "port names of subjects do not tell pods apart",
        IDENTITY,
        "if direction is Direction.INGRESS:\n                        reached = {own}",
        "if direction is Direction.INGRESS:\n                        reached = set()",
    ),
    Mutant("identities share a number", NUMBERS, "            next_identity += 1", "            pass"),
    Mutant("rules share a number", NUMBERS, "            next_rule += 1", "            pass"),
    # Conjunctions and priorities
    Mutant(
        "one rule's clause replaces that of another",
        CONJUNCTION,
        "clauses[clause.table, priority, clause.match].add(action)",
        "clauses[clause.table, priority, clause.match] = {action}",
    ),
    Mutant(
        "a rule of several dimensions lets nothing pass",
        CONJUNCTION,
        "Match.of(conj_id=number), go, Cookie(CookieKind.RULE, number))",
        "Match.of(conj_id=number), (), Cookie(CookieKind.RULE, number))",
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
        ENDPOINTS,
        "(as_dest, Load(LOCAL_DEST, 1), Goto(T.EGRESS_ADMIN))",
        "(as_dest, Goto(T.EGRESS_ADMIN))",
    ),
    Mutant(
        "an endpoint reaches everybody, not itself alone",
        ENDPOINTS,
        "itself = reg(LOCAL_SOURCE, 1) + source(address) + to",
        "itself = reg(LOCAL_SOURCE, 1) + source(address)",
    ),
    Mutant(
        "pods elsewhere are strangers as source",
        ENDPOINTS,
        "(Load(SOURCE_IDENTITY, number), Goto(T.DEST_ID))",
        "(Goto(T.DEST_ID),)",
    ),
    Mutant(
        "pods elsewhere are strangers as destination",
        ENDPOINTS,
        "(Load(DEST_IDENTITY, number), Goto(T.EGRESS_ADMIN))",
        "(Goto(T.EGRESS_ADMIN),)",
    ),
    Mutant(
        "node ports count as the node",
        ENDPOINTS,
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
        "Direction.EGRESS: TableId.INGRESS_ADMIN}",
        "Direction.EGRESS: TableId.COMMIT}",
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
        NARROWER,
        "    if wanted is None:\n        return False",
        "    if wanted is None or ranges:\n        return True",
        shows_in="epochs",
    ),
    Mutant(
        "the loss of an outsider's right is not narrower",
        NARROWER,
        "        if self._only_pods(region):",
        "        if region:",
        shows_in="epochs",
    ),
    Mutant(
        "being isolated is not narrower",
        NARROWER,
        "return not self._covered(direction, subject, _ANYTHING, addresses)",
        "return False",
        shows_in="epochs",
    ),
)
