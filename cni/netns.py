"""The pair of interfaces that joins a pod to the node: made, closed towards the node's own stack, set up, removed.

Callers: ``cni.add`` and ``cni.delete``. The plugin runs in the node's network namespace; commands for the pod go
through nsenter, all of them in one process.

Trap: with the userspace datapath the node's own stack sees every packet that a pod sends into its pair, and would
answer and forward it without asking the bridge. So the host end drops everything at its netdev ingress hook, which
comes after the packet socket that Open vSwitch reads from and before the stack, and the host end goes up last.

Trap: what becomes of such a chain when its device vanishes depends on the kernel. Up to Linux 6.15 or so it goes with
the device; later (seen on 6.18) it stays and takes effect again for a new device of that name. We remove it and do not
mind when it is gone already.
"""

from __future__ import annotations

import socket

from cni import errors
from cni.errors import CniError
from cni.tools import execute, run, tool

NFT_TABLE = "ryu_netpol"
# Link-local and the same for every pod: the bridge answers ARP and neighbour discovery for both.
GATEWAY_V4 = "169.254.1.1"
GATEWAY_V6 = "fe80::1"

# $1 interface, $2 ethtool, $3 ip, $4 "6" if there is an IPv6 address. ip reads its batch from standard input.
# Without IPv6 sysctls (a kernel without IPv6) a pod with an IPv6 address fails here, which is right.
# accept_dad: nobody else can have the address, and an unanswered question would cost the pod a second.
# addr_gen_mode 0: the link-local address follows from the MAC, so the bridge can know it.
_POD_SCRIPT = """set -e
"$2" -K "$1" tx off > /dev/null
if [ "$4" = 6 ]; then
  for setting in disable_ipv6 accept_dad addr_gen_mode; do echo 0 > "/proc/sys/net/ipv6/conf/$1/$setting"; done
fi
exec "$3" -batch -
"""


def create_pair(host: str, host_mac: str, *, netns: str, ifname: str, mac: str, mtu: int) -> None:
    """Create both ends, down: the host end here, the other in the pod's namespace under its final name."""
    line = (
        f"link add {host} address {host_mac} mtu {mtu} type veth "
        f"peer name {ifname} address {mac} mtu {mtu} netns {netns}\n"
    )
    _batch(f"creating the interface pair {host} and {ifname}", line)


def close_host_end(host: str) -> None:
    """Keep the node's own stack from seeing what the pod sends, and from speaking IPv6 to it."""
    run(
        f"closing the host end {host} with nftables",
        [tool("nft"), "-f", "-"],
        stdin=f"add table netdev {NFT_TABLE}\n"
        f"add chain netdev {NFT_TABLE} {host} "
        f"{{ type filter hook ingress device {host} priority -500; policy drop; }}\n",
    )
    setting = f"/proc/sys/net/ipv6/conf/{host}/disable_ipv6"
    try:
        with open(setting, "w", encoding="ascii") as file:
            file.write("1")
    except FileNotFoundError:
        pass  # a kernel without IPv6
    except OSError as error:
        raise CniError(errors.IO_FAILURE, f"{setting} cannot be written: {error.strerror}") from error


def raise_host_end(host: str) -> None:
    """Set the host end up; until then the pod's end has no carrier and the pod can send nothing."""
    _batch(f"setting {host} up", f"link set {host} up\n")


def configure_pod(netns: str, ifname: str, addresses: tuple[str, ...]) -> None:
    """Give the pod's end its addresses and routes, and turn checksum offload off.

    The offload leaves checksums to hardware that a pair does not have; the userspace datapath calls such packets
    invalid.
    """
    flag = "6" if any(":" in address for address in addresses) else ""
    run(
        f"setting up {ifname} in the pod",
        [
            tool("nsenter"),
            f"--net={netns}",
            tool("sh"),
            "-c",
            _POD_SCRIPT,
            "sh",
            ifname,
            tool("ethtool"),
            tool("ip"),
            flag,
        ],
        stdin="".join(f"{line}\n" for line in _pod_batch(ifname, addresses)),
    )


def routes_of(addresses: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (destination, gateway) for each family that has an address."""
    routes = []
    if any(":" not in address for address in addresses):
        routes.append(("0.0.0.0/0", GATEWAY_V4))
    if any(":" in address for address in addresses):
        routes.append(("::/0", GATEWAY_V6))
    return routes


def with_prefix(address: str) -> str:
    """Return the address as the pod has it: alone in its network."""
    return f"{address}/128" if ":" in address else f"{address}/32"


def gateway_of(address: str) -> str:
    """Return the next hop of that address's family."""
    return GATEWAY_V6 if ":" in address else GATEWAY_V4


def exists(device: str) -> bool:
    """Tell whether the node's namespace has a device of that name (sysfs may show another namespace's)."""
    try:
        socket.if_nametoindex(device)
    except OSError:
        return False
    return True


def delete_pair(host: str) -> None:
    """Remove both ends; a pair that is gone, perhaps with the pod's namespace, is no failure."""
    if not exists(host):
        return
    done = execute([tool("ip"), "link", "delete", host])
    if done.returncode and exists(host):
        raise CniError(errors.COMMAND_FAILED, f"deleting the interface {host} failed: {done.stderr.strip()}")


def open_host_end(host: str) -> None:
    """Remove the chain of a host end that is gone; call it after delete_pair, or the pod gets out in between."""
    done = execute([tool("nft"), "delete", "chain", "netdev", NFT_TABLE, host])
    if done.returncode and "No such file or directory" not in done.stderr:
        reason = " ".join(done.stderr.split())
        raise CniError(errors.COMMAND_FAILED, f"deleting the nftables chain {host} failed: {reason}")


def is_closed(host: str) -> bool:
    """Tell whether the chain of a host end is there and drops."""
    done = execute([tool("nft"), "list", "chain", "netdev", NFT_TABLE, host])
    return done.returncode == 0 and "policy drop" in done.stdout


def _pod_batch(ifname: str, addresses: tuple[str, ...]) -> list[str]:
    lines = []
    for address in addresses:
        nodad = " nodad" if ":" in address else ""
        lines.append(f"address add {with_prefix(address)} dev {ifname}{nodad}")
    lines.append(f"link set {ifname} up")
    for destination, gateway in routes_of(addresses):
        if gateway == GATEWAY_V4:
            lines.append(f"route add {gateway}/32 dev {ifname} scope link")
        lines.append(f"route add {destination} via {gateway} dev {ifname}")
    return lines


def _batch(what: str, lines: str) -> None:
    run(what, [tool("ip"), "-batch", "-"], stdin=lines)
