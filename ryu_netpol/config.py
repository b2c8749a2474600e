"""The agent's settings: what the command line says, checked once."""

from __future__ import annotations

import ipaddress
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
    manifests: Path | None = None
    """A folder to follow; or else the API server, by one of the next two. Exactly one of the three is given."""
    kubeconfig: Path | None = None
    context: str | None = None
    """Of the kubeconfig; its current one without."""
    in_cluster: bool = False
    """The API server of the pod that the agent runs in."""
    bridge: str = "br-int"
    gateway: str = "np-gw0"
    ovsdb: str = "unix:/var/run/openvswitch/db.sock"
    openflow: Path = Path("/var/run/openvswitch/ryu-netpol.sock")
    """The Unix socket that Open vSwitch connects to; it must be in its run directory."""
    datapath_type: str = "system"
    metrics: tuple[str, int] | None = None
    """Address and port for probes, metrics and status; None: nobody is told."""

    @property
    def source(self) -> str:
        """Where the cluster's state comes from, in words."""
        if self.manifests is not None:
            return f"folder {self.manifests}"
        if self.kubeconfig is not None:
            context = f", context {self.context}" if self.context is not None else ""
            return f"API server of {self.kubeconfig}{context}"
        return "API server of the agent's own cluster"

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
        self._check_source()

    def _check_source(self) -> None:
        if sum((self.manifests is not None, self.kubeconfig is not None, self.in_cluster)) != 1:
            raise SettingsError("say where policies come from: one of --manifests, --kubeconfig and --in-cluster")
        if self.context is not None and self.kubeconfig is None:
            raise SettingsError("--context goes with --kubeconfig")
        if self.manifests is not None and not self.manifests.is_dir():
            raise SettingsError(f"--manifests {self.manifests} is not a folder")
        if self.kubeconfig is not None and not self.kubeconfig.is_file():
            raise SettingsError(f"--kubeconfig {self.kubeconfig} is not a file")


def listen_address(text: str) -> tuple[str, int] | None:
    """Where to listen; None for `off` and for nothing at all. Raises SettingsError."""
    if text in ("", "off"):
        return None
    try:
        return address_and_port(text)
    except ValueError as error:
        raise SettingsError(f"--metrics-bind {text}: {error}, or off") from None


def address_and_port(text: str) -> tuple[str, int]:
    """`ADDRESS:PORT`, an IPv6 address in brackets. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    try:
        found = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        if not colon or not 0 <= int(port) <= 65535 or (found.version == 6) is not host.startswith("["):
            raise ValueError
    except ValueError:
        raise ValueError("it is ADDRESS:PORT, as in 127.0.0.1:9464") from None
    return str(found), int(port)
