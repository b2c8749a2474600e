"""The agent's settings: what the command line says, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Cidr


class SettingsError(ValueError):
    """A setting that cannot be used; one sentence."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an agent is told at its start."""

    node: NodeName
    pod_cidrs: tuple[Cidr, ...]
    """The blocks of this node's pods, at most one per IP version; the gateway port has the first two addresses."""
    manifests: Path
    bridge: str = "br-int"
    gateway: str = "np-gw0"
    ovsdb: str = "unix:/var/run/openvswitch/db.sock"
    openflow: Path = Path("/var/run/openvswitch/ryu-netpol.sock")
    """The Unix socket that Open vSwitch connects to; it must be in its run directory."""
    datapath_type: str = "system"

    def __post_init__(self) -> None:
        if not self.node:
            raise SettingsError("--node needs the name of this node")
        if not self.pod_cidrs:
            raise SettingsError("give the node's block of pod addresses with --pod-cidr, one per IP version")
        versions = [cidr.version for cidr in self.pod_cidrs]
        if len(set(versions)) != len(versions):
            raise SettingsError("--pod-cidr may be given once for IPv4 and once for IPv6")
        for cidr in self.pod_cidrs:
            if cidr.prefix > (29 if cidr.version == 4 else 125):
                raise SettingsError(f"--pod-cidr {cidr} is too small: the gateway needs two addresses of it")
        if not self.manifests.is_dir():
            raise SettingsError(f"--manifests {self.manifests} is not a folder")
