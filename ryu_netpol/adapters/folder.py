"""A folder of manifests as a cluster feed: the complete state at the start and after every change.

Nothing that happens to a file may open what was closed:

* A file with any error leaves what it held before in force (UR-1). Where it held nothing good before, the objects in it
  that can be identified count, closed as UR-2 says.
* A change counts when the file looks the same twice, `SETTLE` seconds apart: editors truncate and write, or remove and
  create, and what is half written is often valid.
* An emptied file keeps its objects for `PATIENCE` seconds more: `kubectl get ... > file` leaves it empty for that long.
  Whoever wants the objects gone at once deletes the file.
* A folder that vanishes or cannot be read keeps everything.

Signals come from inotify through watchfiles; they only say when to look. What is missed, as behind links that lead out
of the folder, is found by looking every `RESCAN` seconds.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import watchfiles

from ryu_netpol.adapters.files import manifests
from ryu_netpol.agent.events import Kind
from ryu_netpol.model.load import Item, Loaded, LocatedProblem, merge, read
from ryu_netpol.model.objects import Object

SETTLE = 0.03
PATIENCE = 2.0
RESCAN = 0.5
_STEP_MS, _DEBOUNCE_MS = 20, 50
_ROUNDS = 10

_Signature = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class FolderState:
    """Everything that the folder says."""

    objects: tuple[Object, ...] = ()
    problems: tuple[LocatedProblem, ...] = ()
    """Those of the files as they are, also where an older content is in force."""
    errors_total: int = 0
    """How many errors have appeared since the start."""
    known: bool = True
    """False while the folder could never be read: then the objects are not none but unknown."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was read."""

    signature: _Signature | None
    """None where it could not be read."""
    in_force: tuple[Item, ...] = ()
    problems: tuple[LocatedProblem, ...] = ()
    good: bool = False
    """What is in force was read without an error, now or before."""


class FolderFeed:
    """Watches a folder in a thread of its own and calls back from there."""

    def __init__(self, folder: Path, callback: Callable[[FolderState], None]) -> None:
        self._folder = folder
        self._callback = callback
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="folder-feed", daemon=True)
        self._files: dict[Path, _File] = {}
        self._emptied: dict[Path, float] = {}
        self._known = False
        self._readable = True
        self._last: FolderState | None = None
        self._merged: Loaded | None = None
        """All files together; None when one has changed since."""

    def start(self) -> None:
        """Begin. The first call back comes as soon as the folder has been read."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for a call back that is under way. May be called twice, and from the call back."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def late(self) -> frozenset[Kind]:
        """The kinds of which something may have happened that is not known: all, while the folder cannot be read."""
        return frozenset() if self._readable else frozenset(Kind)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._sync()
            # It vanished, or cannot be watched: _sync reports the former, and both are tried again.
            with contextlib.suppress(OSError, RuntimeError):
                self._watch()
            self._stop.wait(RESCAN / 5)

    def _watch(self) -> None:
        """Look whenever something happens, until the folder is another one."""
        watched = _signature(self._folder)
        for _ in watchfiles.watch(
            self._folder,
            watch_filter=None,
            step=_STEP_MS,
            debounce=_DEBOUNCE_MS,
            rust_timeout=int(RESCAN * 1000),
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            self._sync()
            if _signature(self._folder)[:2] != watched[:2]:
                return

    def _sync(self) -> None:
        """Bring the state up to date, and tell it where it changed."""
        try:
            seen = self._look()
            self._readable = True
            for _ in range(_ROUNDS):
                if self._known and seen == {path: file.signature for path, file in self._files.items()}:
                    break
                if self._stop.wait(SETTLE):
                    return
                before, seen = seen, self._look()
                self._apply(before, seen)
                if before == seen:
                    self._known = True
                    break
                if self._known:
                    self._tell()
        except OSError as error:
            self._readable = False
            reason = f"cannot be read: {error.strerror}; what was there before stays in force"
            self._tell(LocatedProblem(str(error.filename or self._folder), 0, "", "", reason))
        else:
            self._tell()

    def _look(self) -> dict[Path, _Signature]:
        """List the files. A folder below may vanish meanwhile: only what fails twice is an error."""
        try:
            return _signatures(self._folder)
        except OSError:
            self._stop.wait(SETTLE)
            return _signatures(self._folder)

    def _apply(self, before: dict[Path, _Signature], now: dict[Path, _Signature]) -> None:
        """Take over the files that look the same twice."""
        for path in [path for path in self._files if path not in before and path not in now]:
            del self._files[path]
            self._emptied.pop(path, None)
            self._merged = None
        for path, signature in now.items():
            if before.get(path) == signature and self._file(path).signature != signature:
                self._read(path, signature)
                self._merged = None

    def _file(self, path: Path) -> _File:
        return self._files.get(path, _File(None))

    def _read(self, path: Path, signature: _Signature) -> None:
        old = self._file(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            problem = LocatedProblem(str(path), 0, "", "", f"cannot be read: {error.strerror}")
            self._files[path] = _File(None, old.in_force, (problem,), old.good)
            return
        if not data.strip() and old.in_force:
            since = self._emptied.setdefault(path, time.monotonic())
            if time.monotonic() < since + PATIENCE:
                return
        self._emptied.pop(path, None)
        new = read(data, file=str(path))
        if new.errors and old.good:
            self._files[path] = _File(signature, old.in_force, new.problems, good=True)
        else:
            lean = tuple(item.lean() for item in new.items)
            self._files[path] = _File(signature, lean, new.problems, good=not new.errors)

    def _tell(self, *problems: LocatedProblem) -> None:
        if self._merged is None:
            self._merged = merge(Loaded(file.in_force, file.problems) for _, file in sorted(self._files.items()))
        merged, found = self._merged, (*problems, *self._merged.problems)
        before = self._last or FolderState()
        total = before.errors_total + sum(p.is_error and p not in before.problems for p in found)
        state = FolderState(merged.objects, found, total, self._known)
        if state != self._last and not self._stop.is_set():
            self._last = state
            self._callback(state)


def _signatures(folder: Path) -> dict[Path, _Signature]:
    seen = {}
    for path in manifests(folder):
        with contextlib.suppress(FileNotFoundError):
            seen[path] = _signature(path)
    return seen


def _signature(path: Path) -> _Signature:
    """What differs between two contents of a file, or between two files."""
    stat = os.stat(path)
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
