"""The manifests of the story, in a folder that the lab's agent follows: every scene is a change of files there.

The files are those of examples/seed. Changes are made as an editor makes them, by writing the whole file: the agent
must cope with that, and so the demo shows it.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import yaml

from ryu_netpol.adapters.files import load
from ryu_netpol.cli.offline import completed
from ryu_netpol.model.objects import Cluster

NAMESPACES, POLICY, PODS = "1-namespaces.yaml", "2-policy.yaml", "3-pods.yaml"
FILES = (NAMESPACES, POLICY, PODS)


class SceneError(Exception):
    """The folder does not hold the story; one sentence."""


class Scenes:
    """The folder that the agent follows. Methods that change what is in force return the time (monotonic) of the
    moment before the file was written.
    """

    def __init__(self, example: Path, folder: Path) -> None:
        """Put on the stage what is there before any policy: the namespaces without annotation, the pods."""
        for name in FILES:
            if not (example / name).is_file():
                raise SceneError(f"{example} is not the folder of the story: it has no {name}")
        loaded = load([str(example / name) for name in FILES])
        if loaded.errors:
            raise SceneError(str(next(problem for problem in loaded.problems if problem.is_error)))
        self.folder = folder
        self._example = example
        for pod in ("default/db", "default/frontend", "default/stranger"):
            if pod not in map(str, completed(loaded).pods):
                raise SceneError(f"{example} is not the folder of the story: it has no pod {pod}")
        namespaces = _documents(example / NAMESPACES)
        for namespace in namespaces:
            namespace["metadata"].pop("annotations", None)
        _write(folder / NAMESPACES, namespaces)
        shutil.copy(example / PODS, folder / PODS)

    def cluster(self) -> Cluster:
        """What the folder says now."""
        return completed(load([str(self.folder)]))

    def policies(self) -> float:
        """Bring in the policy, which isolates nothing by itself, then the annotation, which does."""
        shutil.copy(self._example / POLICY, self.folder / POLICY)
        start = time.monotonic()
        shutil.copy(self._example / NAMESPACES, self.folder / NAMESPACES)
        return start

    def label(self, namespace: str, pod: str, labels: dict[str, str]) -> float:
        """Give a pod these labels and no others."""
        pods = _documents(self.folder / PODS)
        for each in pods:
            if (each["metadata"].get("namespace"), each["metadata"]["name"]) == (namespace, pod):
                each["metadata"]["labels"] = labels
        start = time.monotonic()
        _write(self.folder / PODS, pods)
        return start


def _documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _write(path: Path, documents: list[dict[str, Any]]) -> None:
    path.write_text(yaml.safe_dump_all(documents, sort_keys=False))
