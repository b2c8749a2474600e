"""The corners that a cluster has, by name: what generators have to love, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from ryu_netpol.model.labels import Labels, Operator, Selector
from ryu_netpol.model.names import Api, Direction, Protocol
from ryu_netpol.model.net import Cidr, PortRange, subtract
from ryu_netpol.model.objects import METADATA_NAME, BlockPeer, Cluster, Namespace, Pod, PodPeer, Policy, PortSpec, Rule


def corners(cluster: Cluster) -> set[str]:
    """Names of all its corners."""
    pods, policies = tuple(cluster.pods.values()), tuple(cluster.policies.values())
    met = {name for namespace in cluster.namespaces.values() for name in _of_namespace(namespace)}
    met |= {name for pod in pods for name in _of_pod(pod)}
    met |= {name for policy in policies for name in _of_policy(policy)}
    return {*met, *_among_pods(pods), *_among_policies(policies), *_across(cluster)}


def _of_namespace(namespace: Namespace) -> Iterator[str]:
    yield from ["DefaultDeny"] * namespace.default_deny
    yield from ["namespace without labels"] * (len(namespace.labels) == 1)


def _of_pod(pod: Pod) -> Iterator[str]:
    yield f"families {sorted(a.version for a in pod.addresses)}"
    yield from (word for word in ("host_network", "finished", "terminating") if getattr(pod, word))
    yield from ["no node"] * (pod.node is None)
    yield from ["empty label value"] * ("" in pod.labels.values())
    yield from ["pod without labels"] * (not pod.labels)
    for one, other in combinations(pod.ports, 2):
        if one.name == other.name:
            yield "one name, two protocols" if one.protocol is not other.protocol else "one name, two numbers"
    yield from (f"{port.protocol.name} port with a name" for port in pod.ports)


def _among_pods(pods: tuple[Pod, ...]) -> Iterator[str]:
    held = {address for pod in pods if pod.visible for address in pod.addresses}
    if any(address in held for pod in pods if pod.finished for address in pod.addresses):
        yield "address of a finished pod in use"
    for one, other in combinations(pods, 2):
        if one.key.namespace != other.key.namespace and one.labels == other.labels:
            yield "equal labels, two namespaces"
        names = {port.name for port in one.ports} & {port.name for port in other.ports}
        if any(_ports_called(one, name) != _ports_called(other, name) for name in names):
            yield "one name, two pods, other ports"


def _ports_called(pod: Pod, name: str) -> set[tuple[Protocol, int]]:
    return {(port.protocol, port.number) for port in pod.ports if port.name == name}


def _of_policy(policy: Policy) -> Iterator[str]:
    yield f"{policy.key.api} {'+'.join(sorted(policy.directions))}"
    yield from (f"subject {name}" for name in _of_selector(policy.subject))
    for direction in Direction:
        rules = policy.rules(direction)
        yield from ["listed, without rules"] * (direction in policy.directions and not rules)
        yield from ["dead text"] * (bool(policy.ingress + policy.egress) and direction not in policy.directions)
        yield from ["several rules"] * (len(rules) > 1)
        for rule in rules:
            yield from _of_rule(rule, direction)


def _of_rule(rule: Rule, direction: Direction) -> Iterator[str]:
    peers, ports = _how_many(rule.peers), _how_many(rule.ports)
    yield from (f"peers {peers}", f"ports {ports}", f"peers {peers}, ports {ports}")
    blocks = [peer for peer in rule.peers or () if isinstance(peer, BlockPeer)]
    names = [spec for spec in rule.ports or () if isinstance(spec.port, str)]
    yield from [f"named ports of blocks, {direction}"] * bool(blocks and names)
    yield from ["block beside pods"] * (0 < len(blocks) < len(rule.peers or ()))
    for block in blocks:
        yield from _of_block(block)
    yield from _of_pairs([block.cidr for block in blocks], "blocks")
    for peer in rule.peers or ():
        if isinstance(peer, PodPeer):
            yield f"peer {peer.pods is not None} {peer.namespaces is not None}"
            yield from (f"peer {name}" for name in _of_selector(peer.pods))
            yield from (f"namespaces {name}" for name in _of_selector(peer.namespaces))
    yield from _of_ports(rule.ports or ())


def _how_many(values: tuple[object, ...] | None) -> str:
    return "any" if values is None else "some" if values else "none"


def _of_block(block: BlockPeer) -> Iterator[str]:
    version, bits = block.cidr.version, {4: 32, 6: 128}[block.cidr.version]
    yield f"block {version}{' with excepts' * bool(block.excepts)}"
    yield from [f"block {version} of one address"] * (block.cidr.prefix == bits)
    yield from [f"block {version} of everything"] * (block.cidr.prefix == 0)
    yield from [f"except {version} of one address"] * any(hole.prefix == bits for hole in block.excepts)
    yield from [f"excepts {version} leave nothing"] * (bool(block.excepts) and not subtract(block.cidr, block.excepts))
    yield from _of_pairs(list(block.excepts), "excepts")


def _of_pairs(blocks: list[Cidr], what: str) -> Iterator[str]:
    for one, other in combinations(blocks, 2):
        if one == other:
            yield f"{what} {one.version} equal"
        elif one in other or other in one:
            yield f"{what} {one.version} nest"
        elif one.version == other.version and _end(min(one, other)) == max(one, other).network:
            yield f"{what} {one.version} touch"


def _end(block: Cidr) -> int:
    return block.network + (1 << ({4: 32, 6: 128}[block.version] - block.prefix))


def _of_ports(specs: tuple[PortSpec, ...]) -> Iterator[str]:
    for spec in specs:
        wide = isinstance(spec.port, PortRange) and spec.port.first != spec.port.last
        kind = "all" if spec.port is None else "name" if isinstance(spec.port, str) else "range" if wide else "number"
        yield f"{spec.protocol.name} {kind}"
    for one, other in combinations(specs, 2):
        a, b = one.port, other.port
        if one.protocol is not other.protocol:
            yield from ["one port, two protocols"] * (a == b and a is not None)
        elif isinstance(a, PortRange) and isinstance(b, PortRange):
            low, high = sorted((a, b))
            yield from ["ranges touch"] * (low.last + 1 == high.first)
            yield from ["ranges overlap"] * (low.first < high.first <= low.last < high.last)
            yield from ["ranges nest"] * (low != high and high.last <= low.last)


def _of_selector(selector: Selector | None) -> Iterator[str]:
    if selector is None:
        return
    yield from ["empty"] * (not selector.requirements)
    for requirement in selector.requirements:
        name = "metadata.name " * (requirement.key == METADATA_NAME)
        yield f"{name}{requirement.operator}{' the empty value' * ('' in requirement.values)}"
    yield from ["one key twice"] * (len(selector.keys()) < len(selector.requirements))


def _among_policies(policies: tuple[Policy, ...]) -> Iterator[str]:
    yield from ["no policies"] * (not policies)
    keys = Counter(requirement.key for policy in policies for requirement in policy.subject.requirements)
    yield from ["key of one policy only"] * (1 in keys.values())
    for one, other in combinations(policies, 2):
        yield from ["equal rules of two policies"] * bool({*one.ingress, *one.egress} & {*other.ingress, *other.egress})
        yield from ["same name in both APIs"] * (one.key[:2] == other.key[:2])


def _across(cluster: Cluster) -> Iterator[str]:
    """What only a policy together with a pod is."""
    addresses = [address for pod in cluster.pods.values() if pod.visible for address in pod.addresses]
    for policy in cluster.policies.values():
        namespace = cluster.namespaces[policy.key.namespace]
        for rule in (*policy.ingress, *policy.egress):
            for peer in rule.peers or ():
                if isinstance(peer, BlockPeer):
                    yield from ["block of pods"] * any(address in peer.cidr for address in addresses)
                    yield from ["except of pods"] * any(a in hole for a in addresses for hole in peer.excepts)
                else:
                    yield from (
                        f"peer {name}" for pod in cluster.pods.values() for name in _absent(peer.pods, pod.labels)
                    )
        yield from ["v1 under DefaultDeny"] * (namespace.default_deny and not policy.legacy)
    for pod in cluster.pods.values():
        on = [
            p
            for p in cluster.policies.values()
            if p.key.namespace == pod.key.namespace and p.subject.matches(pod.labels)
        ]
        deny = cluster.namespaces[pod.key.namespace].default_deny
        yield from ["both APIs on one pod"] * (deny and {Api.V1, Api.LEGACY} == {p.key.api for p in on})
        yield from (f"subject {name}" for p in on for name in _absent(p.subject, pod.labels))


def _absent(selector: Selector | None, labels: Labels) -> Iterator[str]:
    """Conditions on a key that the pod does not have."""
    for requirement in selector.requirements if selector is not None else ():
        if requirement.key not in labels and requirement.operator in (Operator.NOT_IN, Operator.DOES_NOT_EXIST):
            yield f"{requirement.operator} of an absent key"
