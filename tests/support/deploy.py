"""The objects of deploy/, and the one file made of them: `python -m tests.support.deploy` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ONE_FILE = DEPLOY / "ryu-netpol.yaml"
HEADER = "# Made of deploy/base by `make manifest`: change it there.\n"


def base() -> list[Path]:
    """The base's files, in its order. Raises ValueError where it does more than list them: nobody here would do it."""
    kustomization = yaml.safe_load((DEPLOY / "base/kustomization.yaml").read_text())
    if more := set(kustomization) - {"apiVersion", "kind", "resources"}:
        raise ValueError(f"deploy/base/kustomization.yaml has {', '.join(sorted(more))}, which is not done here")
    return [DEPLOY / "base" / name for name in kustomization["resources"]]


def one_file() -> str:
    """What `kubectl apply -f` takes instead of the base."""
    return HEADER + "---\n".join(path.read_text() for path in base())


def objects(*kinds: str) -> Iterator[dict[str, Any]]:
    """The objects of the one file, of these kinds or of all."""
    for value in yaml.safe_load_all(ONE_FILE.read_text()):
        if not kinds or value["kind"] in kinds:
            yield value


if __name__ == "__main__":
    sys.stdout.write(one_file())
