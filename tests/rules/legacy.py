"""LG-1 to LG-12: the API of 1.3, where the annotation isolates and policies only allow."""

from __future__ import annotations

from ryu_netpol.model.objects import Policy, Rule
from tests.rules.cases import case, stage, story, v1beta1
from tests.support.build import EGRESS, INGRESS, namespace, pod, pods, policy, rule

RED = namespace("red", "team=r", default_deny=True)
"""Namespace red with the annotation."""


def legacy(*rules: Rule, subject: str = "*") -> Policy:
    """A legacy policy in red."""
    return policy("red/old", subject, ingress=rules, legacy=True)


def annotated(name: str, annotation: str) -> str:
    """The manifest of a namespace with this value of the annotation, in YAML."""
    return "\n".join(
        [
            "apiVersion: v1",
            "kind: Namespace",
            "metadata:",
            f"  name: {name}",
            f"  annotations: {{net.beta.kubernetes.io/network-policy: {annotation}}}",
        ]
    )


DENY = """'{"ingress": {"isolation": "DefaultDeny"}}'"""
UNREADABLE = {
    "YAML": "'ingress: {isolation: DefaultDeny}'",
    "truncated JSON": """'{"ingress": {"isolation": "DefaultDeny"'""",
    "an empty text": "''",
    "a list": """'[{"ingress": {"isolation": "DefaultDeny"}}]'""",
    "JSON without ingress": """'{"isolation": "DefaultDeny"}'""",
    "a null ingress": """'{"ingress": null}'""",
    "ingress that is no object": """'{"ingress": "DefaultDeny"}'""",
    "ingress without isolation": """'{"ingress": {}}'""",
    "a null isolation": """'{"ingress": {"isolation": null}}'""",
    "isolation of another name": """'{"ingress": {"isolation": "DefaultAllow"}}'""",
    "a value in other letter case": """'{"ingress": {"isolation": "defaultdeny"}}'""",
    "keys in other letter case": """'{"Ingress": {"Isolation": "DefaultDeny"}}'""",
    "a value with spaces": """'{"ingress": {"isolation": " DefaultDeny "}}'""",
    "isolation for egress": """'{"egress": {"isolation": "DefaultDeny"}}'""",
    "YAML that is no text": "{ingress: {isolation: DefaultDeny}}",
    "null": "null",
}
"""What counts as absent, in YAML: what it is, and the value."""

CASES = [
    case(
        "LG-1 the annotation isolates all pods for ingress, selected or not",
        RED,
        allowed=["red/a > blue/a TCP/80", "blue/a > blue/b TCP/80"],
        denied=["blue/a > red/a TCP/80", "red/a > red/b TCP/80", "198.51.100.7 > red/b ICMP", "grey/a > red/a UDP/1"],
    ),
    case(
        "LG-4 without the annotation a legacy policy has no effect",
        legacy(rule(ports=["TCP/80"])),
        allowed=["blue/a > red/a TCP/81", "198.51.100.7 > red/a ICMP"],
    ),
    case(
        "LG-4 not even an allowing one, where a v1 policy isolates",
        legacy(rule(ports=["TCP/80"])),
        policy("red/new", "app=web"),
        allowed=["blue/a > red/b TCP/80"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "LG-5 isolated pods are open to their node and themselves only",
        RED,
        allowed=["node/node1 > red/a TCP/80", "node/node1 > red/a ICMP v6", "red/a > red/a TCP/80"],
        denied=["node/node2 > red/a TCP/80", "red/b > red/a TCP/80", "192.168.0.1 > red/a TCP/80"],
    ),
    case(
        "LG-5 egress is never limited",
        RED,
        legacy(rule(ports=["TCP/80"])),
        allowed=["red/a > 198.51.100.7 TCP/443", "red/a > blue/b UDP/53", "red/a > grey/a ICMP"],
    ),
    case(
        "LG-6 rules allow, for the selected pods of the own namespace",
        RED,
        namespace("blue", "team=b", default_deny=True),
        legacy(rule(pods("app=db"), ports=["TCP/80"]), subject="app=web"),
        allowed=["red/b > red/a TCP/80"],
        denied=["red/b > red/a TCP/81", "red/a > red/b TCP/80", "blue/b > red/a TCP/80", "blue/b > blue/a TCP/80"],
    ),
    case(
        "LG-6 rules and policies add up, peers and ports do not mix",
        RED,
        legacy(rule(pods("app=db"), ports=["TCP/80"]), rule(pods(ns="team=b"), ports=["TCP/81"])),
        policy("red/other", ingress=[rule(ports=["UDP/53"])], legacy=True),
        allowed=["red/b > red/a TCP/80", "blue/a > red/a TCP/81", "198.51.100.7 > red/a UDP/53"],
        denied=["red/b > red/a TCP/81", "blue/a > red/a TCP/80", "198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "LG-8 podSelector means the own namespace, namespaceSelector all pods of others",
        RED,
        legacy(rule(pods("app=db")), rule(pods(ns="kubernetes.io/metadata.name=grey"))),
        allowed=["red/b > red/a TCP/80", "grey/a > red/a TCP/80"],
        denied=["blue/b > red/a TCP/80", "198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "LG-8 ports: protocol, number, name",
        RED,
        legacy(rule(ports=["UDP", "TCP/http", "TCP/9999"])),
        allowed=["blue/a > red/a UDP/1", "blue/a > red/a TCP/80", "blue/a > red/b TCP/8000", "blue/a > red/b TCP/9999"],
        denied=["blue/a > red/b TCP/80", "blue/a > red/a SCTP/1", "blue/a > red/a ICMP"],
    ),
    case(
        "LG-11 the rules of both APIs add up under the annotation",
        RED,
        legacy(rule(ports=["TCP/80"])),
        policy("red/new", "app=web", ingress=[rule(ports=["TCP/81"])]),
        allowed=["blue/a > red/a TCP/80", "blue/a > red/a TCP/81", "blue/a > red/b TCP/80"],
        denied=["blue/a > red/a TCP/82", "blue/a > red/b TCP/81"],
    ),
    case(
        "LG-11 a v1 policy isolates without the annotation, and for egress",
        legacy(rule()),
        policy("red/new", "app=web", types=[INGRESS, EGRESS]),
        allowed=["blue/a > red/b TCP/80", "red/b > blue/a TCP/80"],
        denied=["blue/a > red/a TCP/80", "red/a > blue/a TCP/80"],
    ),
    case(
        "LG-11 a v1 policy that isolates for egress only leaves the annotation's isolation alone",
        RED,
        policy("red/new", egress=[rule()], types=[EGRESS]),
        allowed=["red/a > blue/a TCP/80"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "LG-11 a legacy and a v1 policy of one name are two policies",
        RED,
        legacy(rule(ports=["TCP/80"])),
        policy("red/old", ingress=[rule(ports=["TCP/81"])]),
        allowed=["blue/a > red/a TCP/80", "blue/a > red/a TCP/81"],
    ),
    case(
        "LG-1 a pod of an isolated namespace that comes later is isolated too",
        RED,
        pod("red/new", "10.244.1.61"),
        denied=["blue/a > red/new TCP/80"],
    ),
    case(
        "LG-1 in both families, and again for namespaces that are isolated apart",
        RED,
        namespace("grey", default_deny=True),
        allowed=["red/a > blue/b TCP/80 v6", "grey/a > blue/b TCP/80"],
        denied=["blue/b > red/a TCP/80 v6", "blue/b > grey/a UDP/53", "2001:db8::7 > grey/a SCTP/80"],
    ),
    case(
        "LG-2 white space and unknown keys do not matter",
        annotated("red", """' { "x": 1, "ingress" : {"isolation":"DefaultDeny", "y": [] } , "egress": {} } '"""),
        annotated("blue", """"{\\n\\t\\"ingress\\": {\\n \\"isolation\\": \\"DefaultDeny\\"}}\\n\""""),
        annotated("grey", """'{"ingress":{"isolation":"DefaultDeny"}}'"""),
        allowed=["node/node1 > red/a TCP/80", "red/a > 198.51.100.7 TCP/80", "grey/a > 2001:db8::7 TCP/80"],
        denied=["blue/b > red/a TCP/80", "red/a > blue/a TCP/80", "red/a > grey/a TCP/80"],
    ),
    *(
        case(
            f"LG-3 {what} counts as absent",
            annotated("red", value),
            annotated("blue", DENY),
            allowed=["blue/a > red/a TCP/80", "198.51.100.7 > red/b ICMP"],
            denied=["red/a > blue/a TCP/80"],
        )
        for what, value in UNREADABLE.items()
    ),
    *(
        case(
            f"LG-6 a {how} podSelector selects all",
            RED,
            v1beta1(f"{{{text}ingress: [{{ports: [{{port: 80}}]}}]}}"),
            allowed=["blue/a > red/a TCP/80", "blue/a > red/b TCP/80"],
            denied=["blue/a > red/a TCP/81", "blue/a > red/b UDP/80"],
        )
        for how, text in {"missing": "", "null": "podSelector: null, ", "empty": "podSelector: {}, "}.items()
    ),
    *(
        case(
            f"LG-7 {how} from and ports mean any",
            RED,
            v1beta1(f"{{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{text}]}}"),
            allowed=["198.51.100.7 > red/a TCP/1", "blue/b > red/a ICMP v6", "node/node2 > red/a SCTP/5"],
            denied=["198.51.100.7 > red/b TCP/1"],
        )
        for how, text in {"missing": "{}", "null": "{from: null, ports: null}"}.items()
    ),
    case(
        "LG-7 an empty from means nobody, whatever the ports",
        RED,
        v1beta1("{podSelector: {}, ingress: [{from: []}, {from: [], ports: [{port: 80}]}]}"),
        allowed=["node/node1 > red/a TCP/80"],
        denied=["red/b > red/a TCP/80", "198.51.100.7 > red/a TCP/80", "blue/b > red/a ICMP v6"],
    ),
    case(
        "LG-7 empty ports mean none, whoever it is",
        RED,
        v1beta1("{podSelector: {}, ingress: [{ports: []}, {from: [{podSelector: {}}], ports: []}]}"),
        allowed=["node/node1 > red/a TCP/80"],
        denied=["red/b > red/a TCP/80", "red/b > red/a ICMP", "198.51.100.7 > red/a UDP/1"],
    ),
    case(
        "LG-8 a missing protocol is TCP, a missing port all of the protocol",
        RED,
        v1beta1("{podSelector: {}, ingress: [{ports: [{port: 80}, {protocol: UDP}]}]}"),
        allowed=["blue/a > red/a TCP/80", "blue/a > red/a UDP/1", "blue/a > red/a UDP/65535"],
        denied=["blue/a > red/a TCP/81", "blue/a > red/a SCTP/80", "blue/a > red/a ICMP"],
    ),
    case(
        "LG-8 operators are those of the other API",
        RED,
        v1beta1(
            "{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [db]}]}, "
            "ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: Exists}]}}]}]}"
        ),
        allowed=["red/b > red/a TCP/80"],
        denied=["red/a > red/b TCP/80", "blue/a > red/a TCP/80"],
    ),
    case(
        "LG-9 a protocol in small letters is that protocol",
        RED,
        v1beta1("{podSelector: {}, ingress: [{ports: [{protocol: tcp, port: 80}, {protocol: Udp, port: 53}]}]}"),
        allowed=["blue/a > red/a TCP/80", "blue/a > red/a UDP/53"],
        denied=["blue/a > red/a UDP/80", "blue/a > red/a TCP/53"],
    ),
    *(
        case(
            f"LG-10 ingress {how}: nothing is allowed and nothing isolated",
            namespace("blue", "team=b", default_deny=True),
            v1beta1(f"{{podSelector: {{}}{text}}}"),
            v1beta1(f"{{podSelector: {{}}{text}}}", name="blue/old"),
            allowed=["blue/a > red/a TCP/80", "198.51.100.7 > red/b TCP/80"],
            denied=["red/a > blue/a TCP/80", "red/a > blue/b TCP/80"],
        )
        for how, text in {"missing": "", "null": ", ingress: null", "empty": ", ingress: []"}.items()
    ),
    story(
        "LG-12 isolation follows the annotation",
        stage(legacy(rule(ports=["TCP/80"])), allowed=["blue/a > red/a TCP/80", "blue/a > red/a TCP/81"]),
        stage(legacy(rule(ports=["TCP/80"])), RED, allowed=["blue/a > red/a TCP/80"], denied=["blue/a > red/a TCP/81"]),
        stage(legacy(rule(ports=["TCP/80"])), allowed=["blue/a > red/a TCP/80", "blue/a > red/a TCP/81"]),
    ),
    story(
        "LG-12 a policy may be updated, and go",
        stage(RED, legacy(rule(ports=["TCP/80"])), allowed=["blue/a > red/a TCP/80"], denied=["blue/a > red/a TCP/81"]),
        stage(RED, legacy(rule(ports=["TCP/81"])), allowed=["blue/a > red/a TCP/81"], denied=["blue/a > red/a TCP/80"]),
        stage(RED, denied=["blue/a > red/a TCP/80", "blue/a > red/a TCP/81"]),
    ),
    story(
        "LG-12 labels of pods and namespaces",
        stage(
            RED,
            legacy(rule(pods(ns="team=b")), rule(pods("app=db")), subject="app=web"),
            allowed=["blue/a > red/a TCP/80", "red/b > red/a TCP/80"],
            denied=["blue/a > red/b TCP/80"],
        ),
        stage(
            RED,
            legacy(rule(pods(ns="team=b")), rule(pods("app=db")), subject="app=web"),
            namespace("blue", "team=x"),
            pod("red/b", "10.244.1.11", "fd00:10:244:1::b", labelled="app=web"),
            denied=["blue/a > red/a TCP/80", "red/b > red/a TCP/80", "blue/a > red/b TCP/80"],
        ),
    ),
]
