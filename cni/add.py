"""ADD: attach a pod, closed first, and return when the agent says that its policy is in force.

The steps and their order are in docs/cni.md. Every step that has taken effect is undone, the last one first, unless all
of them succeed; an undo that fails is told in the error's details and does not stop the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from cni import contract, errors, ipam, netns, ovs, request, result, tools
from cni.config import NetConf
from cni.errors import CniError
from cni.ovsdb import Database
from cni.request import PodRef, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class _Undo(ExitStack):
    """Undo steps whose failures are collected instead of hiding the failure that made them necessary."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[str] = []

    def later(self, step: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Register a step; steps run in reverse order."""
        self.callback(self._attempt, step, args, kwargs)

    def _attempt(self, step: Callable[..., object], args: Any, kwargs: Any) -> None:
        try:
            step(*args, **kwargs)
        except (CniError, OSError) as error:
            self.failures.append(f"undoing failed as well: {error}")


def add(conf: NetConf, asked: Request) -> dict[str, Any]:
    """Attach the pod and return the result for the runtime."""
    pod = request.pod_of(asked)
    request.require_netns(asked)
    tools.require_all_tools()
    undo = _Undo()
    try:
        with Database(conf.ovsdb_path) as database, undo:
            lease = _lease(conf, asked, undo)
            _join(conf, asked, lease, undo)
            identity = _identity(asked, pod, lease)
            _plug(conf, identity, database, undo)
            undo.pop_all()
    except CniError as error:
        raise error.with_details("; ".join(undo.failures)) from error
    return result.build(conf.cni_version, asked, lease)


def _lease(conf: NetConf, asked: Request, undo: _Undo) -> ipam.Lease:
    """Get addresses. The undo comes before the answer is read: an unreadable one may still have taken an address."""
    answer = ipam.call("ADD", conf, asked)
    undo.later(ipam.call, "DEL", conf, asked)
    return ipam.parse_lease(conf.ipam_type, answer)


def _join(conf: NetConf, asked: Request, lease: ipam.Lease, undo: _Undo) -> None:
    """Make the pair and set up both ends; the host end is closed before it goes up."""
    host = contract.host_device_name(asked.container_id, asked.ifname)
    netns.create_pair(
        host,
        contract.host_mac(asked.container_id, asked.ifname),
        netns=asked.netns,
        ifname=asked.ifname,
        mac=contract.pod_mac(asked.container_id, asked.ifname),
        mtu=conf.mtu,
    )
    # Undone last one first: the chain may go only after the pair, or the pod gets out in between.
    undo.later(netns.open_host_end, host)
    undo.later(netns.delete_pair, host)
    netns.close_host_end(host)
    netns.configure_pod(asked.netns, asked.ifname, lease.addresses)
    netns.raise_host_end(host)


def _identity(asked: Request, pod: PodRef, lease: ipam.Lease) -> contract.PortIdentity:
    return contract.PortIdentity(
        namespace=pod.namespace,
        pod=pod.name,
        uid=pod.uid,
        container_id=asked.container_id,
        ifname=asked.ifname,
        mac=contract.pod_mac(asked.container_id, asked.ifname),
        addresses=lease.addresses,
        boot_id=_boot_id(),
        created=time.time_ns(),
        netns=asked.netns,
    )


def _plug(conf: NetConf, identity: contract.PortIdentity, database: Database, undo: _Undo) -> None:
    """Add the port to the bridge and wait until the switch and the agent have taken it in."""
    device = contract.host_device_name(identity.container_id, identity.ifname)
    by = time.monotonic() + conf.ready_timeout
    # Registered before the transaction, whose outcome is unknown when the connection is lost in it.
    undo.later(_unplug, conf.ovsdb_path, identity.iface_id, device)
    uuid = ovs.attach(database, bridge=conf.bridge, device=device, external_ids=identity.to_external_ids())
    numbered = ovs.port_number(database, uuid, by=by)
    if numbered is None:
        raise CniError(
            errors.TRY_AGAIN_LATER,
            f"Open vSwitch gave the port {device} no number within {conf.ready_timeout:g} seconds: "
            "is ovs-vswitchd running on this node?",
        )
    if numbered[0] <= 0:
        msg = f"Open vSwitch cannot use the port {device}: {numbered[1] or 'it gives no reason'}"
        raise CniError(errors.PORT_REFUSED, msg)
    if not ovs.wait_for_external_id(database, uuid, contract.READY_KEY, identity.container_id, by=by):
        raise CniError(
            errors.TRY_AGAIN_LATER,
            f"the policy of pod {identity.namespace}/{identity.pod} was not in force within "
            f"{conf.ready_timeout:g} seconds: is the ryu-netpol agent running on this node, connected to the bridge "
            f"{conf.bridge}, and does it know the pod and its namespace?",
        )


def _unplug(path: str, iface_id: str, device: str) -> None:
    """Remove the port over a new connection: the other one may be what failed."""
    with Database(path) as database:
        ovs.detach(database, iface_id=iface_id, device=device)


def _boot_id() -> str:
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError as error:
        raise CniError(errors.IO_FAILURE, f"{_BOOT_ID} cannot be read: {error.strerror}") from error
