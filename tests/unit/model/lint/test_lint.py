"""Where warnings are, how they are told, and what keeps them silent."""

from __future__ import annotations

import json

import pytest
import yaml

from ryu_netpol.adapters.files import load
from ryu_netpol.model.lint import lint
from tests.unit.model.lint.manifests import loaded, policy, scene

POLICY = """\
# A comment.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: p
  namespace: shop
spec:
  podSelector: {}
  ingress:
    - from:
        - podSelector: {}
          namespaceSelector:
            matchLabels:
              team: none
        - ipBlock:
            cidr: 192.0.2.0/24
            except:
              - 192.0.2.0/25
              - 192.0.2.8/32
"""


def as_json() -> str:
    """The same in JSON, a field per line."""
    return json.dumps(yaml.safe_load(POLICY), indent=1)


@pytest.mark.parametrize("text", [POLICY, as_json()], ids=["YAML", "JSON"])
def test_lines(text: str) -> None:
    """Every warning has the line of its field, in YAML and JSON, sorted."""
    lines = text.splitlines()
    expected = [next(i for i, line in enumerate(lines, 1) if word in line) for word in ("namespaceSelector", ".8/32")]

    assert [problem.line for problem in lint(loaded(text, scene()))] == expected


def test_text() -> None:
    """A warning reads like any problem, with its name behind it."""
    problem = lint(loaded(POLICY, scene()))[0]

    assert str(problem) == (
        "0.yaml:12: NetworkPolicy shop/p: spec.ingress[0].from[0].namespaceSelector: "
        "team=none matches no namespace of the manifests: team is ops [peer-matches-nothing]"
    )
    assert not problem.is_error


def test_in_a_list() -> None:
    """In a list, lines are those of the file and fields those of the object."""
    text = "kind: List\napiVersion: v1\nitems:\n- " + POLICY.partition("\n")[2].replace("\n", "\n  ")

    assert [(p.line, p.field) for p in lint(loaded(text, ""))] == [
        (21, "spec.ingress[0].from[1].ipBlock.except[1]"),
    ]


def test_errors_elsewhere() -> None:
    """While another object cannot be read nothing is compared with others: it could be the one that is missed."""
    broken = "{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: shop, labels: {app: 5}}}"

    assert {p.name for p in lint(loaded(POLICY, scene()))} == {"peer-matches-nothing", "needless-except"}
    assert {p.name for p in lint(loaded(POLICY, scene(), broken))} == {"needless-except"}


def test_policies_with_errors() -> None:
    """A policy with an error is not looked at: what it lacks may be what could not be read."""
    assert lint(loaded(policy("{egress: [{}], ingres: []}"))) == ()


def test_rules_that_do_not_count() -> None:
    """NP-12: the decoder warns about dead rules, and nothing is said about what is in them."""
    assert lint(loaded(policy("{policyTypes: [Ingress], egress: [{}, {}]}"), scene())) == ()


def test_examples_are_innocent() -> None:
    """None of the examples, which surely mean what they say, is warned of."""
    assert lint(load(["examples/quickstart", "examples/default-deny", "examples/two-way"])) == ()
    assert lint(load(["examples/seed"])) == ()
