"""A pod of the lab: a named network namespace that the real CNI plugin has attached to its node's bridge."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from typing import Any

from ryu_netpol.lab import cni, namespace
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.node import BRIDGE, GATEWAY, LabNode
from ryu_netpol.lab.process import run
from ryu_netpol.lab.state import LabState
from ryu_netpol.lab.underlay import host_length


@dataclass(frozen=True, slots=True)
class PodSpec:
    """What the lab needs of a pod: plain values, from whoever read the manifests."""

    namespace: str
    name: str
    uid: str
    node: str
    addresses: tuple[str, ...] = ()
    """Given exactly; where empty, IPAM chooses one per family."""
    host_network: bool = False
    """The pod is not attached: it speaks with its node's network."""

    @property
    def key(self) -> str:
        """As probes name it."""
        return f"{self.namespace}/{self.name}"

    @property
    def word(self) -> str:
        """As the Mininet prompt names it: pod first, since that is what differs, and no slash."""
        return f"{self.name}.{self.namespace}"


class LabPod:
    """One pod: attach() and detach() as often as a kubelet would, each time with a new sandbox."""

    def __init__(self, state: LabState, spec: PodSpec, node: LabNode) -> None:
        """Nothing happens before attach()."""
        self.spec = spec
        self.node = node
        self.netns = node.netns if spec.host_network else state.netns(f"pod.{spec.word}")
        self.addresses: tuple[str, ...] = spec.addresses
        self._state = state
        self._attachment: cni.Attachment | None = None

    @property
    def attached(self) -> bool:
        """Whether it has a network."""
        return self.spec.host_network or self._attachment is not None

    def attach(self, *, ready_timeout: float = 20.0) -> None:
        """CNI ADD into a new namespace. A failed ADD leaves nothing behind."""
        if self.attached:
            return
        namespace.make(self._state, f"pod.{self.spec.word}")
        attachment = cni.Attachment(
            container_id=secrets.token_hex(32),
            netns=self.netns,
            namespace=self.spec.namespace,
            pod=self.spec.name,
            uid=self.spec.uid,
        )
        try:
            result = self._call("ADD", attachment, ready_timeout=ready_timeout)
        except LabError:
            namespace.remove(self._state, self.netns)
            raise
        self.addresses = tuple(str(entry["address"]).partition("/")[0] for entry in result.get("ips", []))
        self._attachment = attachment
        if self.stray_addresses:
            lines = [f"route replace {host_length(address)} dev {GATEWAY}" for address in self.stray_addresses]
            namespace.ip(self.node.netns, lines)

    def detach(self) -> None:
        """CNI DEL, then the namespace goes, as the runtime does it; no error when there is nothing to detach."""
        if self._attachment is not None:
            self._call("DEL", self._attachment)
            self._attachment = None
            namespace.remove(self._state, self.netns)

    def _call(self, command: str, attachment: cni.Attachment, *, ready_timeout: float = 20.0) -> dict[str, Any]:
        configuration = cni.network_configuration(
            bridge=BRIDGE,
            ovsdb=self.node.ovs.ovsdb,
            pod_cidrs=self.node.spec.pod_cidrs,
            data_dir=self.node.directory / "ipam",
            addresses=self.spec.addresses,
            ready_timeout=ready_timeout,
        )
        return cni.call(
            command,
            attachment,
            configuration,
            folder=self._state.directory / "bin",
            node_netns=self.node.netns,
            timeout=ready_timeout + 30.0,
        )

    @property
    def stray_addresses(self) -> tuple[str, ...]:
        """Addresses outside of the node's pod networks, which a manifest may have named; they need routes."""
        if self.spec.host_network:
            return ()
        networks = [ipaddress.ip_network(cidr) for cidr in self.node.spec.pod_cidrs]
        return tuple(a for a in self.addresses if not any(ipaddress.ip_address(a) in network for network in networks))

    def place(self, version: int) -> Place:
        """The pod as an end of a probe."""
        if self.spec.host_network:
            return self.node.place(version)
        for address in self.addresses:
            if ipaddress.ip_address(address).version == version:
                return Place(self.spec.key, self.netns, address)
        raise LabError(f"Pod {self.spec.key} has no IPv{version} address.")

    def run(self, *argv: str) -> str:
        """Run a command in the pod's network and return its output."""
        return run(argv, netns=self.netns)

    # --- for a lab that goes on after this process ---------------------------------------------------------------

    def record(self) -> dict[str, Any]:
        """What another process needs to go on with this pod (JSON values)."""
        container_id = self._attachment.container_id if self._attachment else None
        return {"container_id": container_id, "addresses": list(self.addresses)}

    def restore(self, record: dict[str, Any]) -> None:
        """Go on with a pod that another process attached."""
        self.addresses = tuple(record["addresses"])
        if record["container_id"] is not None:
            spec = self.spec
            self._attachment = cni.Attachment(record["container_id"], self.netns, spec.namespace, spec.name, spec.uid)
