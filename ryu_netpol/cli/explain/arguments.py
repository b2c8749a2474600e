"""The arguments of `ryu-netpol explain`, as a probe."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TypeVar

from ryu_netpol.cli.common import CommandError
from ryu_netpol.model.names import PORT_PROTOCOLS, PodKey, Protocol
from ryu_netpol.model.net import Version
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import NodeEnd, Probe, parse_end, parse_protocol

T = TypeVar("T")


def probe_of(source: str, destination: str, port: str, ip: Version | None) -> Probe:
    """Read the arguments. Raises CommandError that names the one that is wrong."""
    return Probe(
        _named("SOURCE", parse_end, source),
        _named("DEST", parse_end, destination),
        *_named("PROTOCOL/PORT", parse_port, port),
        ip,
    )


def parse_port(text: str) -> tuple[Protocol, int | None]:
    """Read "TCP/80" or "ICMP", in any case. Raises ValueError with a sentence for people."""
    name, slash, number = text.partition("/")
    protocol = parse_protocol(name.upper())
    if protocol not in PORT_PROTOCOLS:
        if slash:
            raise ValueError(f"{protocol.name} has no ports, write just {protocol.name}")
        return protocol, None
    if not slash:
        raise ValueError(f"{protocol.name} needs a port, as in {protocol.name}/80")
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and 1 <= int(number) <= 0xFFFF):
        raise ValueError(f"{number!r} is not a number from 1 to 65535")
    return protocol, int(number)


def meant(probe: Probe, cluster: Cluster) -> str:
    """A question to add where an end is not there and a similar one is; else nothing."""
    pods, nodes = list(map(str, cluster.pods)), [f"node/{name}" for name in cluster.nodes]
    for end in (probe.source, probe.destination):
        there = pods if isinstance(end, PodKey) else nodes if isinstance(end, NodeEnd) else [str(end)]
        if str(end) not in there and (near := _nearest(str(end), there)):
            return f"; did you mean {near}?"
    return ""


def _nearest(name: str, there: list[str]) -> str | None:
    """The workload whose pod it is by its name, since a workload stands for one pod; else what is written alike."""
    workload = max((each for each in there if name.startswith(f"{each}-")), key=len, default=None)
    return workload or next(iter(get_close_matches(name, there, n=1)), None)


def _named(argument: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise CommandError(f"{argument}: {error}") from None
