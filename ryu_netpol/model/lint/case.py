"""What a warning is found in, and what it says."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.model.decode import Path
from ryu_netpol.model.lint.scene import Scene
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import BlockPeer, PodPeer, Policy, PortSpec, Rule


class Name(enum.StrEnum):
    """What the warnings are called. docs/check.md explains each."""

    BLOCK_COVERS_PODS = "block-covers-pods"
    EGRESS_CUTS_INGRESS = "egress-cuts-ingress"
    EMPTY_BLOCK = "empty-block"
    IMPOSSIBLE_SELECTOR = "impossible-selector"
    LEGACY_EMPTY_LIST = "legacy-empty-list"
    LEGACY_NOT_ISOLATED = "legacy-not-isolated"
    LIST_WITHOUT_EFFECT = "list-without-effect"
    NEEDLESS_EXCEPT = "needless-except"
    NEEDLESS_PEER = "needless-peer"
    NEEDLESS_PORT = "needless-port"
    NEEDLESS_RULE = "needless-rule"
    PEER_MATCHES_NOTHING = "peer-matches-nothing"
    PORT_NAME_AT_BLOCK = "port-name-at-block"
    SUBJECT_MATCHES_NOTHING = "subject-matches-nothing"
    UNDECLARED_PORT = "undeclared-port"
    UNDONE_EXCEPT = "undone-except"
    UNKNOWN_NAMESPACE = "unknown-namespace"


class Finding(NamedTuple):
    """One warning about one field of a policy."""

    name: Name
    path: Path
    reason: str


class WrittenRule(NamedTuple):
    """A rule and where it stands."""

    path: Path
    direction: Direction
    rule: Rule

    @property
    def peers_path(self) -> Path:
        """Where its list of peers stands."""
        return (*self.path, "from" if self.direction is Direction.INGRESS else "to")

    def pod_peers(self) -> Iterator[tuple[Path, PodPeer]]:
        """Its peers that are selectors."""
        for i, peer in enumerate(self.rule.peers or ()):
            if isinstance(peer, PodPeer):
                yield (*self.peers_path, i), peer

    def blocks(self) -> Iterator[tuple[Path, BlockPeer]]:
        """Its peers that are blocks of addresses; a path leads to the ipBlock."""
        for i, peer in enumerate(self.rule.peers or ()):
            if isinstance(peer, BlockPeer):
                yield (*self.peers_path, i, "ipBlock"), peer

    def named_ports(self) -> Iterator[tuple[Path, PortSpec, str]]:
        """Its ports that are names."""
        for i, spec in enumerate(self.rule.ports or ()):
            if isinstance(spec.port, str):
                yield (*self.path, "ports", i, "port"), spec, spec.port


@dataclass(frozen=True, slots=True)
class Case:
    """A policy without errors, and what is around it."""

    policy: Policy
    written: Callable[[Path], object]
    """What the manifest says at a path, None where it says nothing."""
    scene: Scene

    @property
    def namespace(self) -> str:
        """The namespace of the policy."""
        return self.policy.key.namespace

    def rules(self) -> Iterator[WrittenRule]:
        """Every rule that counts. A policy without errors has lost none: where they stand is where they are written."""
        for direction in (Direction.INGRESS, Direction.EGRESS):
            for i, rule in enumerate(self.policy.rules(direction)):
                yield WrittenRule(("spec", direction.lower(), i), direction, rule)


Check = Callable[[Case], Iterator[Finding]]
"""Looks for one kind of mistake."""
