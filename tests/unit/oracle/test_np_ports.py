"""NP-40 to NP-49: destination ports, numbers, ranges and names."""

from __future__ import annotations

from ryu_netpol.model.objects import Object
from tests.support.build import EGRESS, block, pod, pods, policy, rule
from tests.unit.oracle.tables import ask, case, each, world


def only(*ports: str) -> Object:
    """A policy that lets everybody into red/a at these ports."""
    return policy("red/p", "app=web", ingress=[rule(ports=ports)])


def out(*ports: str) -> Object:
    """A policy that lets red/a out to these ports."""
    return policy("red/p", "app=web", egress=[rule(ports=ports)], types=[EGRESS])


CASES = [
    case(
        "NP-40 entries are alternatives",
        only("TCP/80", "UDP/53"),
        allowed=["red/b > red/a TCP/80", "red/b > red/a UDP/53"],
        denied=["red/b > red/a TCP/53", "red/b > red/a UDP/80"],
    ),
    case(
        "NP-40 egress means the destination's port",
        out("TCP/443"),
        allowed=["red/a > 198.51.100.7 TCP/443", "red/a > blue/b TCP/443"],
        denied=["red/a > 198.51.100.7 TCP/80", "red/a > blue/b UDP/443"],
    ),
    case(
        "NP-41 no ports means every port of every protocol",
        policy("red/p", "app=web", ingress=[rule(pods("app=db"))]),
        allowed=["red/b > red/a TCP/1", "red/b > red/a UDP/65535", "red/b > red/a SCTP/7", "red/b > red/a ICMP"],
        denied=["blue/a > red/a TCP/1"],
    ),
    case(
        "NP-42 a missing protocol is TCP, and an empty entry all of TCP",
        only("TCP"),
        allowed=["red/b > red/a TCP/1", "red/b > red/a TCP/65535"],
        denied=["red/b > red/a UDP/1", "red/b > red/a SCTP/1", "red/b > red/a ICMP"],
    ),
    case(
        "NP-43 a missing port is all of the protocol",
        only("UDP", "SCTP"),
        allowed=["red/b > red/a UDP/1", "red/b > red/a SCTP/65535"],
        denied=["red/b > red/a TCP/1"],
    ),
    case(
        "NP-44 a number need not be declared",
        only("TCP/9376"),
        allowed=["red/b > red/a TCP/9376"],
        denied=["red/b > red/a TCP/9375", "red/b > red/a TCP/9377", "red/b > red/a TCP/80"],
    ),
    case(
        "NP-44 SCTP 80 is not TCP 80",
        only("SCTP/80"),
        allowed=["red/b > red/a SCTP/80"],
        denied=["red/b > red/a TCP/80", "red/b > red/a UDP/80"],
    ),
    case(
        "NP-45 both ends of a range belong to it",
        only("TCP/8080-8090"),
        allowed=["red/b > red/a TCP/8080", "red/b > red/a TCP/8085", "red/b > red/a TCP/8090"],
        denied=["red/b > red/a TCP/8079", "red/b > red/a TCP/8091", "red/b > red/a UDP/8085"],
    ),
    case(
        "NP-45 a range of one, and of all",
        only("TCP/80-80", "UDP/1-65535"),
        allowed=["red/b > red/a TCP/80", "red/b > red/a UDP/1", "red/b > red/a UDP/65535"],
        denied=["red/b > red/a TCP/79", "red/b > red/a TCP/81"],
    ),
    case(
        "NP-45 egress ranges",
        out("TCP/32768-65535"),
        allowed=["red/a > blue/b TCP/32768", "red/a > 198.51.100.7 TCP/65535"],
        denied=["red/a > blue/b TCP/32767"],
    ),
    case(
        "NP-46 a name is resolved at each subject pod",
        policy("red/p", ingress=[rule(ports=["TCP/http"])]),
        allowed=["blue/a > red/a TCP/80", "blue/a > red/a TCP/8080", "blue/a > red/b TCP/8000"],
        denied=["blue/a > red/a TCP/8000", "blue/a > red/b TCP/80", "blue/a > red/b TCP/8080"],
    ),
    case(
        "NP-46 the protocol counts as well as the name",
        policy("red/p", ingress=[rule(ports=["UDP/http", "UDP/dns"])]),
        allowed=["blue/a > red/a UDP/53"],
        denied=["blue/a > red/a UDP/80", "blue/a > red/a TCP/80", "blue/a > red/a TCP/53"],
    ),
    case(
        "NP-46 one name for two protocols",
        policy("red/p", ingress=[rule(ports=["TCP/dns"])]),
        pod("red/dns", "10.244.1.53", ports=["dns=UDP/53", "dns=TCP/5353"]),
        allowed=["blue/a > red/dns TCP/5353"],
        denied=["blue/a > red/dns TCP/53", "blue/a > red/dns UDP/53", "blue/a > red/dns UDP/5353"],
    ),
    case(
        "NP-46 the source's names mean nothing",
        policy("red/p", "app=db", ingress=[rule(ports=["TCP/http"])]),
        allowed=["red/a > red/b TCP/8000"],
        denied=["red/a > red/b TCP/80"],
    ),
    case(
        "NP-47 egress resolves at the destination",
        out("TCP/http"),
        allowed=["red/a > red/b TCP/8000"],
        denied=["red/a > red/b TCP/80", "red/a > blue/b TCP/80", "red/a > blue/a TCP/80"],
    ),
    case(
        "NP-47 what is no pod has no names",
        out("TCP/http"),
        denied=["red/a > 198.51.100.7 TCP/80", "red/a > node/node2 TCP/80", "red/a > 198.51.100.7 TCP/8000"],
    ),
    case(
        "NP-47 pods inside a block are resolved by name",
        policy(
            "red/p",
            "app=web",
            egress=[rule(block("10.244.2.0/24"), block("198.51.100.0/24"), ports=["UDP/http"])],
            types=[EGRESS],
        ),
        allowed=["red/a > blue/b UDP/80"],
        denied=["red/a > blue/b TCP/80", "red/a > red/b UDP/80", "red/a > 198.51.100.7 UDP/80"],
    ),
    case(
        "NP-48 a name nobody declares matches nothing but isolates",
        only("TCP/nowhere", "SCTP/http"),
        allowed=["red/a > red/b TCP/80"],
        denied=["red/b > red/a TCP/80", "red/b > red/a TCP/1", "red/b > red/a SCTP/80"],
    ),
    case(
        "NP-49 a replaced pod has its own numbers",
        policy("red/p", ingress=[rule(ports=["TCP/http"])]),
        pod("red/b", "10.244.1.11", ports=["http=TCP/9000"]),
        allowed=["blue/a > red/b TCP/9000"],
        denied=["blue/a > red/b TCP/8000"],
    ),
]


@each(CASES)
def test_ports(objects: tuple[Object, ...], question: str, expected: bool) -> None:
    """Ports are as NP-40 to NP-49 say."""
    verdict = ask(world(*objects), question)

    assert expected == verdict.allowed, verdict.reason
