"""Probes: how they are written, what is refused and what they ask for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_netpol.model.names import NodeName, PodKey, Protocol
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection
from ryu_netpol.model.probe import (
    End,
    NodeEnd,
    Probe,
    decode_probe,
    decode_probes,
    default_probes,
    encode_probe,
    parse_end,
    resolve,
)
from tests.support.build import address, cluster, connection, node, pod

GOOD = {"from": "web/a", "to": "db/b", "protocol": "TCP", "port": 80}


def small() -> Cluster:
    """Pods of all kinds."""
    return cluster(
        node("n1", "192.168.0.1", "10.244.1.1", "fd00::1"),
        node("n2"),
        pod("web/dual", "10.244.1.2", "fd00:1::2", node="n1"),
        pod("web/four", "10.244.1.3", node="n1", ports=["http=TCP/8080", "UDP/53", "other=TCP/8080"]),
        pod("web/six", "fd00:1::4", node="n1"),
        pod("web/none", node="n1"),
        pod("web/done", "10.244.1.2", node="n1", finished=True),
        pod("web/host", "192.168.0.1", node="n1", host_network=True),
        pod("web/bare-host", node="n1", host_network=True),
        pod("web/lost-host", node=None, host_network=True),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web/a-0.b", PodKey("web", "a-0.b")),
        ("node/n1", NodeEnd(NodeName("n1"))),
        ("10.0.0.1", Address.parse("10.0.0.1")),
        ("fd00::1", Address.parse("fd00::1")),
    ],
)
def test_ends(text: str, expected: End) -> None:
    """An end is a pod, a node or an address, and is written as it is read."""
    assert expected == parse_end(text)
    assert text == str(expected)


@pytest.mark.parametrize("text", ["", "web", "web/", "/a", "a/b/c", "10.0.0.256", "10.1", "node/"])
def test_no_ends(text: str) -> None:
    """Anything else is refused, saying what would be right."""
    with pytest.raises(ValueError, match='neither "namespace/pod" nor "node/NAME" nor an IP address'):
        parse_end(text)


def test_decoding() -> None:
    """A list of entries becomes probes in the same order; an answer may be asked again."""
    document = [
        GOOD,
        {"from": "node/n1", "to": "fd00::1", "protocol": "ICMP", "ip": 6},
        {
            "from": "10.0.0.1",
            "to": "web/a",
            "protocol": "SCTP",
            "port": 65535,
            "ip": None,
            "allowed": True,
            "reason": "",
        },
    ]

    assert (
        Probe(PodKey("web", "a"), PodKey("db", "b"), Protocol.TCP, 80),
        Probe(NodeEnd(NodeName("n1")), address("fd00::1"), Protocol.ICMP, None, 6),
        Probe(address("10.0.0.1"), PodKey("web", "a"), Protocol.SCTP, 65535),
    ) == decode_probes(json.dumps(document))
    assert decode_probes(b"[]") == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"from": None}, "probes[1].from: is missing"),
        ({"to": 7}, "probes[1].to: text is expected, not a number"),
        ({"to": "db"}, 'probes[1].to: \'db\' is neither "namespace/pod" nor "node/NAME" nor an IP address'),
        ({"protocol": None}, "probes[1].protocol: is missing"),
        ({"protocol": "tcp"}, "probes[1].protocol: 'tcp' is not one of ICMP, TCP, UDP, SCTP"),
        ({"port": "80"}, 'probes[1].port: "80" is not a number from 1 to 65535'),
        ({"port": 0}, "probes[1].port: 0 is not a number from 1 to 65535"),
        ({"port": 65536}, "probes[1].port: 65536 is not a number from 1 to 65535"),
        ({"port": True}, "probes[1].port: true is not a number from 1 to 65535"),
        ({"port": 80.5}, "probes[1].port: 80.5 is not a number from 1 to 65535"),
        ({"ip": 5}, "probes[1].ip: 5 is neither 4 nor 6"),
        ({"ip": "4"}, 'probes[1].ip: "4" is neither 4 nor 6'),
        ({"proto": "TCP"}, "probes[1].proto: unknown field: there are from, to, protocol, port, ip"),
    ],
)
def test_errors_name_entry_and_field(change: dict[str, Any], message: str) -> None:
    """What is wrong is said with the entry's index and the field."""
    with pytest.raises(ValueError, match=r"probes\[1\]") as caught:
        decode_probes(json.dumps([GOOD, GOOD | change]))

    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "probes: not JSON: "),
        ("", "probes: not JSON: "),
        (b"\xff\xfe\xfa", "probes: not JSON: "),
        ("{}", "probes: a list is expected, not an object"),
        ("null", "probes: a list is expected, not null"),
        ('["web/a"]', "probes[0]: an object is expected, not text"),
        ("[[]]", "probes[0]: an object is expected, not a list"),
        ("[true]", "probes[0]: an object is expected, not true or false"),
    ],
)
def test_documents_that_are_no_list_of_objects(document: str | bytes, message: str) -> None:
    """The outer form is checked like the fields."""
    with pytest.raises(ValueError, match="probes") as caught:
        decode_probes(document)

    assert str(caught.value).startswith(message)


ends = st.one_of(
    st.builds(PodKey, st.sampled_from(["web", "db"]), st.sampled_from(["a", "b-0"])),
    st.builds(NodeEnd, st.sampled_from(["n1", "n2"])),
    st.builds(Address, st.just(4), st.integers(0, 2**32 - 1)),
    st.builds(Address, st.just(6), st.integers(0, 2**128 - 1)),
)


@given(
    st.builds(
        Probe,
        ends,
        ends,
        st.sampled_from(Protocol),
        st.none() | st.integers(1, 65535),
        st.sampled_from([None, 4, 6]),
    )
)
def test_round_trip(probe: Probe) -> None:
    """What is encoded is decoded to the same value."""
    assert probe == decode_probe(json.loads(json.dumps(encode_probe(probe))))


def test_encoding_leaves_out_what_is_not_said() -> None:
    """Without port and family there are no such fields."""
    probe = Probe(PodKey("web", "a"), NodeEnd(NodeName("n1")), Protocol.ICMP)

    assert encode_probe(probe) == {"from": "web/a", "to": "node/n1", "protocol": "ICMP"}


def test_probes_as_text() -> None:
    """A probe reads as a sentence would."""
    assert str(decode_probe(GOOD | {"ip": 6})) == "web/a to db/b TCP/80 (IPv6)"
    assert str(Probe(PodKey("web", "a"), PodKey("web", "b"), Protocol.ICMP)) == "web/a to web/b ICMP"


@pytest.mark.parametrize(
    ("source", "destination", "ip", "expected"),
    [
        ("web/dual", "web/four", None, connection("10.244.1.2", "10.244.1.3")),
        ("web/dual", "web/six", None, connection("fd00:1::2", "fd00:1::4")),
        ("web/dual", "web/dual", None, connection("10.244.1.2", "10.244.1.2")),
        ("web/dual", "web/dual", 6, connection("fd00:1::2", "fd00:1::2")),
        ("web/dual", "node/n1", None, connection("10.244.1.2", "192.168.0.1")),
        ("node/n1", "web/dual", None, connection("192.168.0.1", "10.244.1.2", origin="n1")),
        ("node/n1", "web/dual", 6, connection("fd00::1", "fd00:1::2", origin="n1")),
        ("192.168.0.1", "web/dual", None, connection("192.168.0.1", "10.244.1.2")),
        ("web/host", "web/dual", None, connection("192.168.0.1", "10.244.1.2", origin="n1")),
        ("web/bare-host", "web/six", None, connection("fd00::1", "fd00:1::4", origin="n1")),
        ("web/dual", "web/host", None, connection("10.244.1.2", "192.168.0.1")),
        ("2001:db8::1", "web/dual", None, connection("2001:db8::1", "fd00:1::2")),
    ],
)
def test_resolving(source: str, destination: str, ip: Any, expected: Connection) -> None:
    """Ends become addresses, IPv4 if it can be; a node and its host-network pods are an origin."""
    probe = Probe(parse_end(source), parse_end(destination), Protocol.TCP, 80, ip)

    assert expected == resolve(small(), probe)


def test_resolving_icmp_ignores_the_port() -> None:
    """A protocol without ports has none in the connection."""
    probe = Probe(PodKey("web", "dual"), PodKey("web", "four"), Protocol.ICMP, 80)

    assert connection("10.244.1.2", "10.244.1.3", "ICMP") == resolve(small(), probe)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"from": "web/x"}, "there is no pod web/x"),
        ({"to": "node/x"}, "there is no node x"),
        ({"to": "web/done"}, "pod web/done has finished: its address is free for others"),
        ({"to": "web/none"}, "web/none has no address"),
        ({"to": "node/n2"}, "node/n2 has no address"),
        ({"from": "web/lost-host"}, "pod web/lost-host uses the network of its node but has no node yet"),
        ({"from": "web/six", "to": "web/four"}, "web/six and web/four have no address family in common"),
        ({"to": "web/four", "ip": 6}, "web/four has no IPv6 address"),
        ({"from": "fd00::9", "ip": 4}, "fd00::9 has no IPv4 address"),
        ({"port": None}, "a TCP probe needs a port"),
    ],
)
def test_what_cannot_be_resolved(change: dict[str, Any], message: str) -> None:
    """A sentence says which end is the trouble."""
    probe = decode_probe({"from": "web/dual", "to": "web/four", "protocol": "TCP", "port": 80} | change)

    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        resolve(small(), probe)


def test_default_probes() -> None:
    """Every ordered pair of visible pods, the destination's ports (or TCP 80) once each, every common family."""
    dual, four, six = (PodKey("web", name) for name in ("dual", "four", "six"))
    another = pod("web/zdual", "10.244.1.9", "fd00:1::9", ports=["TCP/443"])
    snapshot = cluster(*small().objects(), another)
    last = another.key

    probes = default_probes(snapshot)

    assert probes == (
        Probe(dual, four, Protocol.TCP, 8080),
        Probe(dual, four, Protocol.UDP, 53),
        Probe(dual, six, Protocol.TCP, 80),
        Probe(dual, last, Protocol.TCP, 443, 4),
        Probe(dual, last, Protocol.TCP, 443, 6),
        Probe(four, dual, Protocol.TCP, 80),
        Probe(four, last, Protocol.TCP, 443),
        Probe(six, dual, Protocol.TCP, 80),
        Probe(six, last, Protocol.TCP, 443),
        Probe(last, dual, Protocol.TCP, 80, 4),
        Probe(last, dual, Protocol.TCP, 80, 6),
        Probe(last, four, Protocol.TCP, 8080),
        Probe(last, four, Protocol.UDP, 53),
        Probe(last, six, Protocol.TCP, 80),
    )
    assert all(resolve(snapshot, probe) for probe in probes)
