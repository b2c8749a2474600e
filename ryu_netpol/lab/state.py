"""What a lab has made, on disk: so that another process, or the next one after a crash, removes exactly that.

Each lab has a directory /run/ryu-netpol-lab/ID/ with state.json and everything else that it writes (sockets, logs,
IPAM's files). Names are written down *before* the thing is made, processes right after their start; removal tolerates
what was never made. What is not in the file is not ours and is left alone (R14).

/run, because a reboot takes away processes and namespaces, and should take away the record of them as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.process import ProcessRef, pid_namespace

BASE = Path("/run/ryu-netpol-lab")
PREFIX = "npl"
# A namespace is a file name, of 255 bytes; a pod's name and namespace together may be longer.
LONGEST_NAME = 200


class LabState:
    """The record of one lab. Thread-safe; every change is on disk before the method returns."""

    def __init__(self, directory: Path, content: dict[str, Any]) -> None:
        """Use create() or load()."""
        self.directory = directory
        self._content = content
        self._lock = threading.RLock()

    @classmethod
    def create(cls, base: Path = BASE) -> LabState:
        """A new lab with an id that no other lab has."""
        try:
            while True:
                base.mkdir(mode=0o755, parents=True, exist_ok=True)
                lab_id = secrets.token_hex(2)
                # The base may go in between with somebody else's last lab.
                with contextlib.suppress(FileExistsError, FileNotFoundError):
                    (base / lab_id).mkdir()
                    break
        except PermissionError as error:
            raise LabError("The lab needs root: run it with sudo.") from error
        state = cls(base / lab_id, {"id": lab_id, "pids": pid_namespace(), "netns": [], "processes": [], "lab": {}})
        state.set_owner(ProcessRef.of(os.getpid()))
        return state

    @classmethod
    def load(cls, directory: Path) -> LabState:
        """The record that another process wrote."""
        try:
            return cls(directory, json.loads((directory / "state.json").read_text()))
        except (OSError, ValueError) as error:
            raise LabError(f"There is no lab in {directory}.") from error

    @classmethod
    def all(cls, base: Path = BASE) -> tuple[LabState, ...]:
        """Every lab that is recorded on this machine, in the order of their ids."""
        found = []
        for path in sorted(base.glob("*/state.json")):
            # Somebody may be removing it at this moment.
            with contextlib.suppress(LabError):
                found.append(cls.load(path.parent))
        return tuple(found)

    @property
    def lab_id(self) -> str:
        """Four hexadecimal digits that are part of every name which the lab gives."""
        return str(self._content["id"])

    @property
    def owner(self) -> ProcessRef | None:
        """The process that will remove the lab when it ends; None for a lab that was left running on purpose."""
        owner = self._content["owner"]
        return None if owner is None else ProcessRef(**owner)

    def set_owner(self, owner: ProcessRef | None) -> None:
        """Say who removes the lab."""
        self._set("owner", None if owner is None else asdict(owner))

    @property
    def orphaned(self) -> bool:
        """Whether its owner has ended without removing it. Not known of an owner in another container: then it is not.

        Labs are found by a path that such a container may share with us (as `unshare --pid` does), pids are not.
        """
        owner = self.owner
        return owner is not None and self._content["pids"] == pid_namespace() and not owner.alive()

    @property
    def settings(self) -> dict[str, Any]:
        """What the lab was made of: enough to find nodes and pods again from another process."""
        return dict(self._content["lab"])

    def set_settings(self, settings: dict[str, Any]) -> None:
        """Replace the settings (JSON values only)."""
        self._set("lab", settings)

    def netns(self, name: str) -> str:
        """The namespace name for something in this lab, remembered for removal before it is made."""
        full = f"{PREFIX}{self.lab_id}-{name}"
        if len(full) > LONGEST_NAME:
            full = f"{full[: LONGEST_NAME - 9]}-{zlib.crc32(full.encode()):08x}"
        with self._change():
            if full not in self._content["netns"]:
                self._content["netns"].append(full)
        return full

    def forget_netns(self, full: str) -> None:
        """The namespace is gone."""
        with self._change():
            if full in self._content["netns"]:
                self._content["netns"].remove(full)

    @property
    def netns_names(self) -> tuple[str, ...]:
        """Namespaces to remove, in the order in which they were named."""
        return tuple(self._content["netns"])

    def remember(self, process: ProcessRef) -> None:
        """A process that must end with the lab."""
        with self._change():
            self._content["processes"].append(asdict(process))

    def forget(self, process: ProcessRef) -> None:
        """The process has ended."""
        with self._change():
            if asdict(process) in self._content["processes"]:
                self._content["processes"].remove(asdict(process))

    @property
    def processes(self) -> tuple[ProcessRef, ...]:
        """Processes to end, in the order in which they were started."""
        return tuple(ProcessRef(**process) for process in self._content["processes"])

    def remove(self) -> None:
        """Forget the lab: the last step of its removal. The folder of all labs goes with the last one."""
        shutil.rmtree(self.directory, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.directory.parent.rmdir()

    def _set(self, key: str, value: object) -> None:
        with self._change():
            self._content[key] = value

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Change under the lock, then write all of it: to a new file first, so that a reader never sees half."""
        with self._lock:
            yield
            if not self.directory.exists():
                return
            new = self.directory / "state.json.new"
            new.write_text(json.dumps(self._content, indent=1))
            new.replace(self.directory / "state.json")
