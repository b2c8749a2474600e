"""The result of an attachment, in the form of the version that the runtime speaks.

CNI specification 1.0.0, section 5 ("ADD Success"); 0.3.0 to 0.4.0 differ from it in one thing: each address also tells
its family as ``version``.
"""

from __future__ import annotations

from cni.contract import host_device_name, host_mac, pod_mac
from cni.ipam import Lease
from cni.netns import gateway_of, routes_of, with_prefix
from cni.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_POD_INTERFACE = 1


def build(version: str, request: Request, lease: Lease) -> dict[str, Any]:
    """Describe what ADD has made: addresses and routes as the pod has them, not as the IPAM plugin gave them."""
    return {
        "cniVersion": version,
        "interfaces": [
            {
                "name": host_device_name(request.container_id, request.ifname),
                "mac": host_mac(request.container_id, request.ifname),
            },
            {
                "name": request.ifname,
                "mac": pod_mac(request.container_id, request.ifname),
                "sandbox": request.netns,
            },
        ],
        "ips": [_address(version, address) for address in lease.addresses],
        "routes": [{"dst": destination, "gw": gateway} for destination, gateway in routes_of(lease.addresses)],
        "dns": lease.dns,
    }


def _address(version: str, address: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "interface": _POD_INTERFACE,
        "address": with_prefix(address),
        "gateway": gateway_of(address),
    }
    if version.startswith("0."):
        entry["version"] = "6" if ":" in address else "4"
    return entry
