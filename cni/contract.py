"""What the plugin tells the agent about a port, and what the agent answers: the external_ids of an Interface row.

OVSDB is the only thing that the two share. Callers: ``cni.add`` writes a PortIdentity; the agent's OVSDB adapter reads
it and sets READY_KEY to the container id once the endpoint is ready. The keys iface-id and attached-mac have the
meaning that Open vSwitch's Documentation/topics/integration.rst gives them; the others are ours.

Rows are keyed by container id and interface name, since two sandboxes of one pod may exist for a while. The reader
counts a row only with a port number and the current boot id, and of two claims to one address the newest ADD wins.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

IFACE_ID_KEY = "iface-id"
NAMESPACE_KEY = "k8s-namespace"
POD_KEY = "k8s-pod-name"
UID_KEY = "k8s-pod-uid"
CONTAINER_ID_KEY = "container-id"
IFNAME_KEY = "ifname"
MAC_KEY = "attached-mac"
ADDRESSES_KEY = "addresses"
BOOT_ID_KEY = "boot-id"
CREATED_KEY = "created"
NETNS_KEY = "netns"
READY_KEY = "netpol-ready"

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")
_CREATED = re.compile(r"[0-9]{1,20}\Z")


@dataclass(frozen=True)
class PortIdentity:
    """Who is behind a port of the bridge. Addresses and MAC are canonical whatever their spelling was.

    ``created`` is the wall clock of the ADD in nanoseconds; ``uid`` may be empty, for runtimes that do not tell it.
    """

    namespace: str
    pod: str
    uid: str
    container_id: str
    ifname: str
    mac: str
    addresses: tuple[str, ...]
    boot_id: str
    created: int
    netns: str

    def __post_init__(self) -> None:
        for field in ("namespace", "pod", "container_id", "ifname", "boot_id", "netns"):
            if not getattr(self, field):
                raise ValueError(f"{field} is empty")
        if "/" in self.container_id or "/" in self.ifname:
            raise ValueError(f"neither container_id {self.container_id!r} nor ifname {self.ifname!r} may contain '/'")
        if not self.addresses:
            raise ValueError("addresses is empty")
        if self.created < 0:
            raise ValueError(f"created is negative: {self.created}")
        object.__setattr__(self, "mac", canonical_mac(self.mac))
        object.__setattr__(self, "addresses", tuple(canonical_address(text) for text in self.addresses))

    @property
    def iface_id(self) -> str:
        """The key of the row."""
        return make_iface_id(self.container_id, self.ifname)

    def to_external_ids(self) -> dict[str, str]:
        """Return the external_ids that ADD writes; READY_KEY is not among them, it is the agent's."""
        return {
            IFACE_ID_KEY: self.iface_id,
            NAMESPACE_KEY: self.namespace,
            POD_KEY: self.pod,
            UID_KEY: self.uid,
            CONTAINER_ID_KEY: self.container_id,
            IFNAME_KEY: self.ifname,
            MAC_KEY: self.mac,
            ADDRESSES_KEY: ",".join(self.addresses),
            BOOT_ID_KEY: self.boot_id,
            CREATED_KEY: str(self.created),
            NETNS_KEY: self.netns,
        }

    @classmethod
    def from_external_ids(cls, ids: Mapping[str, str]) -> PortIdentity | None:
        """Return the identity, None where the row is not ours, ValueError where it is ours but malformed.

        iface-id, container-id and attached-mac are also used by other integrations, so they do not make a row ours.
        """
        if NAMESPACE_KEY not in ids and POD_KEY not in ids:
            return None
        values = {key: _required(ids, key) for key in _KEYS}
        if not _CREATED.match(values[CREATED_KEY]):
            raise ValueError(f"external_ids {CREATED_KEY!r} is not a number of nanoseconds: {values[CREATED_KEY]!r}")
        try:
            identity = cls(
                namespace=values[NAMESPACE_KEY],
                pod=values[POD_KEY],
                uid=values[UID_KEY],
                container_id=values[CONTAINER_ID_KEY],
                ifname=values[IFNAME_KEY],
                mac=values[MAC_KEY],
                addresses=tuple(values[ADDRESSES_KEY].split(",")),
                boot_id=values[BOOT_ID_KEY],
                created=int(values[CREATED_KEY]),
                netns=values[NETNS_KEY],
            )
        except ValueError as error:
            raise ValueError(f"external_ids of {values[IFACE_ID_KEY]!r} are malformed: {error}") from error
        if identity.iface_id != values[IFACE_ID_KEY]:
            raise ValueError(f"external_ids {IFACE_ID_KEY!r} is {values[IFACE_ID_KEY]!r}, not {identity.iface_id!r}")
        return identity


_KEYS = (
    IFACE_ID_KEY,
    NAMESPACE_KEY,
    POD_KEY,
    UID_KEY,
    CONTAINER_ID_KEY,
    IFNAME_KEY,
    MAC_KEY,
    ADDRESSES_KEY,
    BOOT_ID_KEY,
    CREATED_KEY,
    NETNS_KEY,
)


def _required(ids: Mapping[str, str], key: str) -> str:
    if key not in ids:
        raise ValueError(f"external_ids {key!r} is missing")
    return ids[key]


def make_iface_id(container_id: str, ifname: str) -> str:
    """Return the key of a row: one attachment of one sandbox."""
    return f"{container_id}/{ifname}"


def host_device_name(container_id: str, ifname: str) -> str:
    """Return the name of the host end of the pair, which is the OVS port's name too: stable, 14 of 15 characters."""
    return "np" + _digest("name", container_id, ifname)[:12]


def pod_mac(container_id: str, ifname: str) -> str:
    """Return the MAC of the pod's end: locally administered, unicast, the same for the same attachment."""
    return _mac("pod", container_id, ifname)


def host_mac(container_id: str, ifname: str) -> str:
    """Return the MAC of the host end, which no packet ever carries."""
    return _mac("host", container_id, ifname)


def canonical_mac(text: str) -> str:
    """Return a MAC in lower case, ValueError for what is none or is a group address."""
    mac = text.lower()
    if not _MAC.match(mac) or int(mac[:2], 16) & 1:
        raise ValueError(f"{text!r} is not the MAC address of one interface")
    return mac


def canonical_address(text: str) -> str:
    """Return the one spelling of an IPv4 or IPv6 address, without prefix; ValueError for anything else.

    By socket instead of ipaddress, whose import would cost the plugin milliseconds at every start.
    """
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except (OSError, ValueError):
        raise ValueError(f"{text!r} is not an IP address") from None


def _mac(role: str, container_id: str, ifname: str) -> str:
    digest = _digest(role, container_id, ifname)
    first = int(digest[:2], 16) & 0xFC | 0x02
    return ":".join([f"{first:02x}"] + [digest[i : i + 2] for i in range(2, 12, 2)])


def _digest(role: str, container_id: str, ifname: str) -> str:
    text = make_iface_id(container_id, ifname)
    if role != "name":
        text = f"{role} {text}"
    return hashlib.sha256(text.encode()).hexdigest()
