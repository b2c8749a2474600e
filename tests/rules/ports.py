"""NP-40 to NP-49: destination ports, numbers, ranges and names."""

from __future__ import annotations

from ryu_netpol.model.objects import Policy
from tests.rules.cases import case, stage, story, v1
from tests.support.build import EGRESS, block, pod, pods, policy, rule


def written(rule: str) -> str:
    """The manifest of a policy with one rule (YAML in one line), into red/a."""
    return v1(f"{{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{rule}]}}")


def only(*ports: str) -> Policy:
    """A policy that lets everybody into red/a at these ports."""
    return policy("red/p", "app=web", ingress=[rule(ports=ports)])


def out(*ports: str) -> Policy:
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
        "NP-46 one name for two protocols, both of them meant",
        policy("red/p", ingress=[rule(ports=["TCP/dns", "UDP/dns"])]),
        pod("red/dns", "10.244.1.53", ports=["dns=UDP/53", "dns=TCP/5353"]),
        allowed=["blue/a > red/dns TCP/5353", "blue/a > red/dns UDP/53"],
        denied=["blue/a > red/dns TCP/53", "blue/a > red/dns UDP/5353"],
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
    *(
        case(
            f"NP-41 ports {how} means every port of every protocol",
            written(f"{{from: [{{podSelector: {{}}}}]{text}}}"),
            allowed=["red/b > red/a TCP/1", "red/b > red/a UDP/65535", "red/b > red/a SCTP/7", "red/b > red/a ICMP v6"],
            denied=["blue/a > red/a TCP/1"],
        )
        for how, text in {"missing": "", "null": ", ports: null", "empty": ", ports: []"}.items()
    ),
    case(
        "NP-41 the same for egress",
        policy("red/p", "app=web", types=[EGRESS], egress=[rule(pods("app=db"))]),
        allowed=["red/a > red/b TCP/1", "red/a > red/b UDP/65535", "red/a > red/b SCTP/7", "red/a > red/b ICMP"],
        denied=["red/a > blue/a TCP/1"],
    ),
    *(
        case(
            f"NP-42 {what} is TCP",
            written(f"{{ports: [{entry}]}}"),
            allowed=["red/b > red/a TCP/80"],
            denied=["red/b > red/a UDP/80", "red/b > red/a SCTP/80", "red/b > red/a UDP/53", "red/b > red/a TCP/79"],
        )
        for what, entry in {
            "a missing protocol": "{port: 80}",
            "a null protocol": "{port: 80, protocol: null}",
            "a missing protocol next to a name": "{port: http}",
        }.items()
    ),
    *(
        case(
            f"NP-42 {what} is all of TCP",
            written(f"{{ports: [{entry}]}}"),
            allowed=["red/b > red/a TCP/1", "red/b > red/a TCP/65535"],
            denied=["red/b > red/a UDP/1", "red/b > red/a SCTP/1", "red/b > red/a ICMP"],
        )
        for what, entry in {"an empty entry": "{}", "a null entry": "null"}.items()
    ),
    *(
        case(
            f"NP-43 a {how} port is all of the protocol",
            written(f"{{ports: [{{protocol: UDP{text}}}, {{protocol: SCTP{text}}}]}}"),
            allowed=["red/b > red/a UDP/1", "red/b > red/a UDP/65535", "red/b > red/a SCTP/65535"],
            denied=["red/b > red/a TCP/1", "red/b > red/a ICMP"],
        )
        for how, text in {"missing": "", "null": ", port: null"}.items()
    ),
    case(
        "NP-43 one protocol whole, another by number",
        policy("red/p", "app=web", types=[EGRESS], egress=[rule(ports=["UDP", "TCP/443"])]),
        allowed=["red/a > blue/b UDP/9", "red/a > blue/b TCP/443"],
        denied=["red/a > blue/b TCP/9", "red/a > blue/b SCTP/443"],
    ),
    case(
        "NP-44 a declared port is not open for that",
        only("TCP/9376"),
        allowed=["red/b > red/a TCP/9376"],
        denied=["red/b > red/a TCP/80", "red/b > red/a UDP/53"],
    ),
    case(
        "NP-45 a range that no mask fits",
        only("TCP/1001-1999", "UDP/53-54", "SCTP/7-9"),
        allowed=[
            *("red/b > red/a TCP/1001", "red/b > red/a TCP/1023", "red/b > red/a TCP/1024", "red/b > red/a TCP/1999"),
            *("red/b > red/a UDP/53", "red/b > red/a UDP/54", "red/b > red/a SCTP/7", "red/b > red/a SCTP/9"),
        ],
        denied=[
            *("red/b > red/a TCP/1000", "red/b > red/a TCP/2000", "red/b > red/a UDP/52", "red/b > red/a UDP/55"),
            *("red/b > red/a SCTP/6", "red/b > red/a SCTP/10", "red/b > red/a TCP/53", "red/b > red/a UDP/1500"),
        ],
    ),
    case(
        "NP-45 ranges that overlap, that meet, and that leave one port out",
        only("TCP/100-200", "TCP/150-250", "TCP/251-300", "TCP/302-310"),
        allowed=["red/b > red/a TCP/100", "red/b > red/a TCP/250", "red/b > red/a TCP/251", "red/b > red/a TCP/302"],
        denied=["red/b > red/a TCP/99", "red/b > red/a TCP/301", "red/b > red/a TCP/311"],
    ),
    case(
        "NP-45 a range of a manifest",
        written("{ports: [{port: 32000, endPort: 32768}]}"),
        allowed=["red/b > red/a TCP/32000", "red/b > red/a TCP/32768"],
        denied=["red/b > red/a TCP/31999", "red/b > red/a TCP/32769"],
    ),
    case(
        "NP-46 a name and a number in one rule",
        policy("red/p", ingress=[rule(ports=["TCP/http", "TCP/7000"])]),
        allowed=["blue/a > red/a TCP/80", "blue/a > red/b TCP/8000", "blue/a > red/a TCP/7000"],
        denied=["blue/a > red/a TCP/8000", "blue/a > red/b TCP/80"],
    ),
    case(
        "NP-46 pods with equal labels may mean different numbers by a name",
        policy("red/p", "app=db", ingress=[rule(ports=["TCP/http"])]),
        pod("red/c", "10.244.1.12", labelled="app=db", ports=["http=TCP/9000"]),
        allowed=["blue/a > red/b TCP/8000", "blue/a > red/c TCP/9000"],
        denied=["blue/a > red/b TCP/9000", "blue/a > red/c TCP/8000"],
    ),
    case(
        "NP-47 the numbers of a name differ from destination to destination",
        policy("red/p", "app=web", types=[EGRESS], egress=[rule(pods(ns="*"), ports=["TCP/http"])]),
        pod("blue/c", "10.244.2.22", labelled="app=db", node="node2", ports=["http=TCP/9000"]),
        allowed=["red/a > red/b TCP/8000", "red/a > blue/c TCP/9000"],
        denied=["red/a > red/b TCP/9000", "red/a > blue/c TCP/8000", "red/a > blue/b TCP/80"],
    ),
    case(
        "NP-47 the source's own names mean nothing",
        policy("red/p", "app=web", types=[EGRESS], egress=[rule(ports=["UDP/dns"])]),
        pod("red/c", "10.244.1.12", ports=["dns=UDP/5353"]),
        allowed=["red/a > red/c UDP/5353"],
        denied=["red/a > red/c UDP/53", "red/a > red/b UDP/53", "red/a > 198.51.100.7 UDP/53"],
    ),
    case(
        "NP-47 a host-network pod is no pod that has names",
        policy("red/p", "app=web", types=[EGRESS], egress=[rule(ports=["TCP/http"])]),
        pod("grey/host", "192.168.0.2", node="node2", host_network=True, ports=["http=TCP/9100"]),
        allowed=["red/a > red/b TCP/8000"],
        denied=["red/a > grey/host TCP/9100"],
    ),
    case(
        "NP-47 in a block with a hole, names of the pods outside the hole",
        policy(
            "red/p",
            "app=web",
            types=[EGRESS],
            egress=[rule(block("10.244.1.0/24", "10.244.1.11/32"), ports=["TCP/http", "TCP/7000"])],
        ),
        pod("blue/a", "10.244.1.20", labelled="app=web", ports=["http=TCP/8500"]),
        allowed=["red/a > blue/a TCP/8500", "red/a > blue/a TCP/7000"],
        denied=["red/a > red/b TCP/8000", "red/a > red/b TCP/7000", "red/a > blue/a TCP/8000"],
    ),
    case(
        "NP-48 one pod that declares the name is no help to another",
        policy("red/p", ingress=[rule(ports=["UDP/dns"])]),
        allowed=["blue/a > red/a UDP/53"],
        denied=["blue/a > red/b UDP/53", "blue/a > red/b TCP/80"],
    ),
    case(
        "NP-48 egress to a name nobody declares",
        out("TCP/nowhere"),
        allowed=["red/b > red/a TCP/80"],
        denied=["red/a > red/b TCP/80", "red/a > 198.51.100.7 TCP/80"],
    ),
    story(
        "NP-49 a replaced pod has its own numbers, at the same address",
        stage(
            policy("red/p", ingress=[rule(ports=["TCP/http"])]),
            allowed=["blue/a > red/b TCP/8000"],
            denied=["blue/a > red/b TCP/9000"],
        ),
        stage(
            policy("red/p", ingress=[rule(ports=["TCP/http"])]),
            pod("red/b", "10.244.1.11", "fd00:10:244:1::b", uid="another", labelled="app=db", ports=["http=TCP/9000"]),
            allowed=["blue/a > red/b TCP/9000"],
            denied=["blue/a > red/b TCP/8000"],
        ),
    ),
    story(
        "NP-49 egress by name follows pods as they come and go",
        stage(out("TCP/sql"), denied=["red/a > red/b TCP/5432"]),
        stage(
            out("TCP/sql"),
            pod("blue/c", "10.244.2.22", node="node2", ports=["sql=TCP/5432"]),
            allowed=["red/a > blue/c TCP/5432"],
            denied=["red/a > red/b TCP/5432", "red/a > blue/c TCP/8000"],
        ),
        stage(
            out("TCP/sql"),
            pod("red/c", "10.244.1.12", ports=["sql=TCP/5433"]),
            allowed=["red/a > red/c TCP/5433"],
            denied=["red/a > red/c TCP/5432", "red/a > red/b TCP/5432"],
        ),
    ),
]
