"""The few words that generated clusters are written with, so few that everything overlaps."""

from __future__ import annotations

import enum

from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Address, Cidr, PortRange
from ryu_netpol.model.objects import Node


class Feature(enum.Enum):
    """Something that a generated cluster may contain."""

    EGRESS = enum.auto()
    EXPRESSIONS = enum.auto()
    """Selectors beyond matchLabels."""
    NAMESPACE_PEERS = enum.auto()
    BLOCKS = enum.auto()
    EXCEPTS = enum.auto()
    RANGES = enum.auto()
    """endPort."""
    NAMED_PORTS = enum.auto()
    SCTP = enum.auto()
    IPV6 = enum.auto()
    LEGACY = enum.auto()
    """The annotation, and policies in the API of 1.3."""
    HOST_NETWORK = enum.auto()
    LIFE_CYCLE = enum.auto()
    """Pods that have finished, are going, have no address or no node yet."""
    DISPUTES = enum.auto()
    """Pods that claim one address at the same time (NP-71)."""


ALL = frozenset(Feature)
DEFAULT = ALL - {Feature.DISPUTES}
"""Everything but disputes: on its own node the newest CNI ADD settles them, which a cluster does not show."""

OURS = NodeName("node1")
"""The node whose agent is tested."""

NODES = (
    Node(
        OURS,
        addresses=tuple(map(Address.parse, ("192.168.0.1", "fd00:192:168::1", "10.244.1.1", "fd00:10:244:1::1"))),
    ),
    Node(
        NodeName("node2"),
        addresses=tuple(map(Address.parse, ("192.168.0.2", "fd00:192:168::2", "10.244.2.1", "fd00:10:244:2::1"))),
    ),
)
NAMESPACES = ("blue", "default", "green", "red")
POD_NAMES = ("a", "b", "c", "d", "e")
KEYS = ("app", "tier", "rare")
VALUES = ("web", "db", "")
NAMESPACE_KEYS = ("team", "app", "kubernetes.io/metadata.name")
NAMESPACE_VALUES = ("web", "blue", "")
PORTS = (53, 80, 81, 443, 8080, 31000)
RANGES = tuple(
    PortRange(*ends)
    for ends in (
        *((79, 80), (80, 81), (82, 90)),
        *((1, 65535), (1, 79), (8101, 65535)),
        *((1024, 2047), (8080, 8090), (8085, 8095), (8091, 8100), (29990, 30010)),
    )
)
"""They overlap, nest, touch, and end where ports end."""
PORT_NAMES = ("http", "dns", "metrics")
_BLOCKS_4 = (
    *("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "10.244.0.0/16", "10.244.1.0/24"),
    *("10.244.1.0/29", "10.244.1.0/30", "10.244.1.4/30", "10.244.1.8/29", "10.244.1.4/32", "10.244.2.3/32"),
    *("192.168.0.0/24", "192.168.0.2/32", "198.51.100.0/24", "198.51.100.128/25", "198.51.100.64/26"),
)
_BLOCKS_6 = (
    *("::/0", "::/1", "8000::/1", "fd00:10:244::/48", "fd00:10:244:1::/64", "fd00:10:244:1::/125"),
    *("fd00:10:244:1::/126", "fd00:10:244:1::4/126", "fd00:10:244:1::4/128", "fd00:10:244:2::3/128"),
    *("fd00:192:168::/48", "2001:db8::/32", "2001:db8:8000::/33", "2001:db8:4000::/34"),
)
BLOCKS_4 = tuple(map(Cidr.parse, _BLOCKS_4))
"""They nest and touch; some are the two halves of others, some hold pods or one alone, nodes, or nobody we know."""
BLOCKS_6 = tuple(map(Cidr.parse, _BLOCKS_6))
