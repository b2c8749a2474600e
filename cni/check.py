"""CHECK: compare an attachment with what ADD returned (CNI specification 1.0.0, "CHECK"). It changes nothing."""

from __future__ import annotations

import json

from cni import contract, errors, ipam, netns, ovs, request, tools
from cni.config import NetConf
from cni.errors import CniError
from cni.ovsdb import Database
from cni.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def check(conf: NetConf, asked: Request) -> None:
    """Fail with the first thing that is not as ADD left it."""
    if conf.cni_version.startswith("0.3."):
        raise CniError(errors.INCOMPATIBLE_VERSION, f"cniVersion {conf.cni_version} has no CHECK")
    if conf.prev_result is None:
        raise CniError(errors.INVALID_CONFIG, "the network configuration is invalid: CHECK needs prevResult")
    request.require_netns(asked)
    tools.require_all_tools()
    mac, addresses, routes = _expected(conf.prev_result, asked)
    host = contract.host_device_name(asked.container_id, asked.ifname)
    _check_pod(asked, mac, addresses, routes)
    _check_host_end(host)
    _check_port(conf, asked, host, mac, addresses)
    ipam.call("CHECK", conf, asked)


def _expected(previous: dict[str, Any], asked: Request) -> tuple[str, set[str], set[tuple[str, str]]]:
    """Return MAC, addresses and (destination, gateway) routes of our interface; other plugins may have added more."""
    try:
        interfaces = previous["interfaces"]
        index = next(i for i, entry in enumerate(interfaces) if _is_ours(entry, asked))
        addresses = {_canonical(entry["address"]) for entry in previous["ips"] if entry.get("interface") == index}
        gateways = (netns.GATEWAY_V4, netns.GATEWAY_V6)
        routes = {(entry["dst"], entry["gw"]) for entry in previous.get("routes") or () if entry.get("gw") in gateways}
        return contract.canonical_mac(interfaces[index]["mac"]), addresses, routes
    except (StopIteration, LookupError, TypeError, AttributeError, ValueError) as error:
        msg = f"the network configuration is invalid: prevResult does not describe the pod's interface {asked.ifname}"
        raise CniError(errors.INVALID_CONFIG, msg, repr(error)) from error


def _is_ours(entry: dict[str, Any], asked: Request) -> bool:
    return entry["name"] == asked.ifname and bool(entry.get("sandbox"))


def _canonical(network: str) -> str:
    address, _, prefix = network.partition("/")
    return f"{contract.canonical_address(address)}/{prefix}"


def _check_pod(asked: Request, mac: str, addresses: set[str], routes: set[tuple[str, str]]) -> None:
    link = next(entry for entry in _ip(asked.netns, "address", "show", "dev", asked.ifname) if "ifname" in entry)
    if link.get("address") != mac:
        raise _wrong(f"the MAC address of {asked.ifname} in the pod is {link.get('address')}, not {mac}")
    if "UP" not in link.get("flags", ()):
        raise _wrong(f"{asked.ifname} in the pod is down")
    present = {f"{info['local']}/{info['prefixlen']}" for info in link.get("addr_info", ()) if "local" in info}
    for address in sorted(addresses - present):
        raise _wrong(f"{asked.ifname} in the pod does not have the address {address}")
    for destination, gateway in sorted(routes):
        family = "-6" if ":" in destination else "-4"
        found = _ip(asked.netns, family, "route", "show", destination, "dev", asked.ifname)
        if gateway not in {route.get("gateway") for route in found}:
            raise _wrong(f"the pod has no route to {destination} by {gateway} on {asked.ifname}")


def _ip(namespace: str, *args: str) -> list[dict[str, Any]]:
    argv = [tools.tool("nsenter"), f"--net={namespace}", tools.tool("ip"), "-json", *args]
    done = tools.execute(argv)
    if done.returncode:
        raise _wrong(f"looking at the pod's network namespace failed: {' '.join(done.stderr.split())}")
    found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return found


def _check_host_end(host: str) -> None:
    if not netns.exists(host):
        raise _wrong(f"the host end {host} is missing")
    if not netns.is_closed(host):
        raise _wrong(f"the nftables chain netdev {netns.NFT_TABLE} {host}, which closes the host end, is missing")


def _check_port(conf: NetConf, asked: Request, host: str, mac: str, addresses: set[str]) -> None:
    iface_id = contract.make_iface_id(asked.container_id, asked.ifname)
    with Database(conf.ovsdb_path) as database:
        rows = ovs.find(database, iface_id)
    if len(rows) != 1:
        raise _wrong(f"Open vSwitch has {len(rows)} Interface rows with iface-id {iface_id}, not one")
    row = rows[0]
    if row.name != host or row.bridges != (conf.bridge,):
        raise _wrong(f"the port {row.name} is on {', '.join(row.bridges) or 'no bridge'}, not {host} on {conf.bridge}")
    if row.ofport is None or row.ofport <= 0:
        raise _wrong(f"the port {host} has no port number: {row.error or 'Open vSwitch gives no reason'}")
    try:
        identity = contract.PortIdentity.from_external_ids(row.external_ids)
    except ValueError as error:
        raise _wrong(f"the Interface row of {host} is damaged: {error}") from error
    if identity is None or identity.mac != mac or {netns.with_prefix(a) for a in identity.addresses} != addresses:
        raise _wrong(f"the Interface row of {host} does not have the MAC address and the addresses of the pod")


def _wrong(msg: str) -> CniError:
    return CniError(errors.CHECK_FAILED, msg)
