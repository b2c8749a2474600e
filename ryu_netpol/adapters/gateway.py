"""The node's side of the gateway port: its addresses, and the rule by which node processes speak from SECOND.

Callers: `ryu-netpol agent`, by `HostAddresses(changed=gateway.repair)`, at the start and at every change; always in
the node's network namespace. Everything is done by iproute2 and nftables, which a node with kube-proxy has.

FIRST is the first address of a pod CIDR: the node's own in the pods' network, and what others are masqueraded to when
they are forwarded to a pod. SECOND is the next one: packets that the node itself generates leave by the gateway port
with it, whatever address their sender is bound to, and the pipeline always lets it in (NP-50, docs/pipeline.md). So
nothing else may have it:
- The rule looks at locally generated packets only (`fib saddr type local`), before everybody else's masquerading; what
  is forwarded never has a local source there, unless it is spoofed.
- A forwarded packet that would leave with SECOND is dropped, whether spoofed (the kernel refuses a local source from
  outside for IPv4 only) or masqueraded to it.
- Masquerading must not choose it: IPv4 SECOND has scope host, and an IPv6 one with preferred lifetime 0 comes last.

Traps: older kernels do not show the input interface in postrouting; the drop rule then never matches. Of the node's own
packets only neighbour discovery has one there (the kernel sets it to the output interface): it is let through first.
IPAM must not give FIRST or SECOND to a pod. Other addresses on the port are nobody's and left alone.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ryu_netpol.model.net import BITS, Address, Cidr, Version

TABLE = "ryu_netpol_node"
_SYSCTL = Path("/proc/sys/net")
# Neighbour discovery on this port is answered by flows, which never answer duplicate address detection; and routers are
# none of a pod's business.
_IPV6_SETTINGS = {"disable_ipv6": "0", "accept_ra": "0", "accept_dad": "0", "dad_transmits": "0"}
_FORWARDING: Mapping[Version, str] = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}


class GatewayError(Exception):
    """The gateway port cannot be set up; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class PortAddress:
    """An address that the gateway port must have."""

    address: Address
    prefix: int
    second: bool

    def matches(self, info: Mapping[str, Any]) -> bool:
        """Whether an entry of `ip -j address` is this address with everything that matters about it."""
        if self.prefix != info.get("prefixlen"):
            return False
        if self.address.version == 6:
            deprecated = info.get("preferred_life_time") == 0
            return deprecated == self.second and not info.get("dadfailed") and not info.get("tentative")
        return bool(info.get("scope") == ("host" if self.second else "global"))

    def words(self) -> str:
        """The address as `ip address replace` takes it."""
        attributes = {
            (4, False): "scope global",
            (4, True): "scope host",
            (6, False): "nodad",
            (6, True): "nodad valid_lft forever preferred_lft 0",
        }
        return f"{self.address}/{self.prefix} {attributes[self.address.version, self.second]}"


def port_addresses(pod_cidrs: Iterable[Cidr]) -> tuple[PortAddress, ...]:
    """FIRST and SECOND of each pod CIDR. Raises GatewayError for two of one family, or one that is too small."""
    wanted: list[PortAddress] = []
    families: set[Version] = set()
    for cidr in sorted(pod_cidrs):
        if cidr.version in families:
            raise GatewayError(
                f"The node has two IPv{cidr.version} pod CIDRs, {cidr} being one of them: one is supported."
            )
        if cidr.prefix > BITS[cidr.version] - 2:
            raise GatewayError(f"The pod CIDR {cidr} is too small: the node needs two addresses of it for itself.")
        families.add(cidr.version)
        wanted.append(PortAddress(cidr.address(1), cidr.prefix, second=False))
        wanted.append(PortAddress(cidr.address(2), BITS[cidr.version], second=True))
    if not wanted:
        raise GatewayError("The node has no pod CIDR.")
    return tuple(wanted)


def second_addresses(pod_cidrs: Iterable[Cidr]) -> frozenset[Address]:
    """The addresses that the node itself speaks to its pods from: what the pipeline takes for the node."""
    return frozenset(wanted.address for wanted in port_addresses(pod_cidrs) if wanted.second)


def address_commands(device: str, wanted: Iterable[PortAddress], listing: str) -> tuple[str, ...]:
    """The `ip -batch` lines that lead from what `ip -j address show dev DEVICE` printed to what is wanted."""
    link = json.loads(listing)[0]
    there: dict[Address, list[dict[str, Any]]] = {}
    for info in link.get("addr_info", ()):
        there.setdefault(Address.parse(info["local"]), []).append(info)
    lines = [] if "UP" in link.get("flags", ()) else [f"link set dev {device} up"]
    for entry in wanted:
        entries = there.get(entry.address, [])
        if len(entries) == 1 and entry.matches(entries[0]):
            continue
        lines += [f"address del {entry.address}/{info['prefixlen']} dev {device}" for info in entries]
        lines.append(f"address replace {entry.words()} dev {device}")
    return tuple(lines)


def ruleset(device: str, wanted: Iterable[PortAddress]) -> str:
    """Our nftables table, as one transaction that replaces it (nft(8): a table is made so that it can be deleted)."""
    seconds = [entry.address for entry in wanted if entry.second]
    family = {4: "ip", 6: "ip6"}
    nfproto = {4: "ipv4", 6: "ipv6"}
    # A source that is SECOND already is translated to itself: else a later chain would masquerade it.
    speak = "\n".join(
        f'    oifname "{device}" meta nfproto {nfproto[a.version]} fib saddr type local snat {family[a.version]} to {a}'
        for a in seconds
    )
    guard = "\n".join(f'    oifname "{device}" iif != 0 {family[a.version]} saddr {a} drop' for a in seconds)
    nd = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }"
    return f"""\
table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
  chain speak_from_second {{
    type nat hook postrouting priority srcnat - 1; policy accept;
{speak}
  }}
  chain only_the_node_has_second {{
    type filter hook postrouting priority srcnat + 50; policy accept;
    oifname "{device}" {nd} accept
{guard}
  }}
}}
"""


class Gateway:
    """The gateway port of this node. Everything is idempotent, and changes nothing that is right already."""

    def __init__(self, device: str, pod_cidrs: Iterable[Cidr], *, report: Callable[[str, str], None]) -> None:
        """Raises GatewayError for pod CIDRs that cannot be used; touches nothing yet."""
        self._device = device
        self._wanted = port_addresses(pod_cidrs)
        self._report = report
        self._ruleset = ruleset(device, self._wanted)
        self._listed = ""
        self._said: frozenset[str] = frozenset()

    def configure(self) -> tuple[str, ...]:
        """Set the port up, or right again. Raises GatewayError; returns sentences on what the node lacks otherwise."""
        listing = _run(["ip", "-j", "address", "show", "dev", self._device])
        if any(entry.address.version == 6 for entry in self._wanted):
            self._configure_ipv6()
        # The rule first: nothing may leave by a port that is up without it.
        self._configure_nftables()
        lines = address_commands(self._device, self._wanted, listing)
        if lines:
            _run(["ip", "-batch", "-"], stdin="\n".join(lines) + "\n")
        return tuple(self._lacking())

    def repair(self) -> None:
        """The same, for whoever has nobody to raise to: errors are reported, each one once while it lasts."""
        try:
            sentences = frozenset(self.configure())
        except GatewayError as error:
            sentences = frozenset({str(error)})
        for sentence in sorted(sentences - self._said):
            self._report("gateway", sentence)
        self._said = sentences

    def _configure_ipv6(self) -> None:
        directory = _SYSCTL / "ipv6/conf" / self._device
        for name, value in _IPV6_SETTINGS.items():
            path = directory / name
            try:
                if path.read_text().strip() != value:
                    path.write_text(value)
            except OSError as error:
                raise GatewayError(f"IPv6 cannot be set up on {self._device}: {path}: {error.strerror}.") from error

    def _configure_nftables(self) -> None:
        # Compared by what nft makes of it, since it prints rules in its own words; replaced without a gap if different
        # or gone (`nft flush ruleset` is what a reload of the distribution's nftables service does).
        if self._listed and self._listed == self._list_table():
            return
        _run(["nft", "-f", "-"], stdin=self._ruleset)
        self._listed = self._list_table()

    def _list_table(self) -> str:
        try:
            return _run(["nft", "list", "table", "inet", TABLE])
        except GatewayError:
            return ""

    def _lacking(self) -> Iterable[str]:
        for version in sorted({entry.address.version for entry in self._wanted}):
            path = _SYSCTL / _FORWARDING[version]
            try:
                off = path.read_text().strip() == "0"
            except OSError:
                off = True
            if off:
                name = "net." + _FORWARDING[version].replace("/", ".")
                yield f"The node does not forward IPv{version} ({name} is 0): its pods reach nothing outside the node."


def _run(argv: list[str], *, stdin: str = "") -> str:
    """Run a tool to its end; whatever goes wrong is a GatewayError with the tool's own words."""
    command = " ".join(argv)
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError as error:
        package = {"ip": "iproute2", "nft": "nftables"}[argv[0]]
        raise GatewayError(f"The program {argv[0]} is not installed on the node (Debian package {package}).") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise GatewayError(f"'{command}' could not be run: {error}.") from error
    if done.returncode != 0:
        words = " / ".join(line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip())
        raise GatewayError(f"'{command}' failed: {words or f'exit code {done.returncode}'}.")
    return done.stdout
