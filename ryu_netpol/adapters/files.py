"""Manifests from files, folders and standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from ryu_netpol.model.load import Loaded, merge, read

SUFFIXES = frozenset({".json", ".yaml", ".yml"})
STDIN = "-"
_STDIN_NAME = "<stdin>"


class PathError(Exception):
    """A path that cannot be read; its text is one sentence for the user."""


def load(paths: Iterable[str], *, stdin: BinaryIO | None = None) -> Loaded:
    """Read everything that the paths name: files, folders, or once `-`. Raises PathError."""
    paths = tuple(paths)
    if paths.count(STDIN) > 1:
        raise PathError("standard input can be read only once: name - once")
    return merge([part for path in paths for part in _load_one(path, stdin)])


def manifests(folder: Path) -> tuple[Path, ...]:
    """List the manifests in a folder and those below it, sorted, hidden ones left out. Raises OSError.

    Symbolic links are followed, so that a mounted ConfigMap counts once: what it swaps is hidden (`..data`).
    """
    return tuple(sorted(_walk(folder, seen=set())))


def _walk(folder: Path, *, seen: set[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(folder / entry.name, seen=seen)
            elif Path(entry.name).suffix in SUFFIXES and entry.is_file():
                yield folder / entry.name


def _load_one(name: str, stdin: BinaryIO | None) -> Iterator[Loaded]:
    if name == STDIN:
        yield read((stdin or sys.stdin.buffer).read(), file=_STDIN_NAME)
        return
    if not name:
        raise PathError("cannot read a path without a name: is a variable of the shell unset?")
    path = Path(name)
    try:
        for file in manifests(path) if path.is_dir() else (path,):
            yield read(file.read_bytes(), file=str(file))
    except OSError as error:
        raise PathError(f"cannot read {error.filename or name}: {error.strerror}") from None
