"""DEL: remove an attachment, whatever is left of it, as often as the runtime asks (CNI specification 1.0.0, "DEL").

What is gone already is no failure. Every step is tried even where one before it fails; then the first failure is
reported and the runtime comes again. OVSDB that does not answer is such a failure (code 11): a row that stayed would
claim its address for ever. The agent is not needed.
"""

from __future__ import annotations

from collections.abc import Callable

from cni import contract, ipam, netns, ovs
from cni.config import NetConf
from cni.errors import CniError
from cni.ovsdb import Database
from cni.request import Request


def delete(conf: NetConf, asked: Request) -> None:
    """Remove the port, the pair, its nftables chain and the lease, in this order.

    The port goes first, so that nothing reaches the bridge under an address that is being given back; the chain goes
    after the pair, so that the pod does not get out in between; the lease goes last.
    """
    host = contract.host_device_name(asked.container_id, asked.ifname)
    failures: list[CniError] = []
    for step in (
        lambda: _unplug(conf, asked, host),
        lambda: netns.delete_pair(host),
        lambda: netns.open_host_end(host),
        lambda: ipam.call("DEL", conf, asked),
    ):
        _attempt(step, failures)
    if failures:
        raise failures[0].with_details("; ".join(failure.msg for failure in failures[1:]))


def _attempt(step: Callable[[], object], failures: list[CniError]) -> None:
    try:
        step()
    except CniError as error:
        failures.append(error)


def _unplug(conf: NetConf, asked: Request, host: str) -> None:
    iface_id = contract.make_iface_id(asked.container_id, asked.ifname)
    with Database(conf.ovsdb_path) as database:
        ovs.detach(database, iface_id=iface_id, device=host)
