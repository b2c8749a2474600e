"""Policies among other objects, and what is found in them."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ryu_netpol.model.lint import lint
from ryu_netpol.model.load import Loaded, merge, read

DOCUMENT = Path(__file__).resolve().parents[4] / "docs/check.md"
"""The examples in the document stand among the objects that the tests use, too."""


def scene() -> str:
    """The manifests that docs/check.md shows."""
    found = re.search(r"^```yaml\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def policy(spec: str, *, namespace: str = "shop") -> str:
    """A policy with the spec; `apiVersion` and `namespace` in it are those of the object."""
    data = yaml.safe_load(spec)
    api = data.pop("apiVersion", "networking.k8s.io/v1")
    namespace = data.pop("namespace", namespace)
    return yaml.safe_dump(
        {"apiVersion": api, "kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": namespace}, "spec": data}
    )


def loaded(*texts: str) -> Loaded:
    """The texts as files, all without errors."""
    return merge(read(text, file=f"{i}.yaml") for i, text in enumerate(texts))


def found(spec: str, *others: str, around: str | None = None) -> list[str]:
    """The warnings about a policy as `name field`, among the objects of docs/check.md, and others."""
    manifests = loaded(policy(spec), scene() if around is None else around, *others)
    assert manifests.errors == 0, manifests.problems
    return [f"{problem.name} {problem.field}" for problem in lint(manifests)]
