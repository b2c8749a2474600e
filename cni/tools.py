"""Running the programs of the node: finding them, and turning their failures into sentences.

Neither shutil nor pathlib is used: the imports alone would cost more than a program run.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping

from cni import errors
from cni.errors import CniError

# A runtime that was started with a short PATH does not hide the system's own programs from us.
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_PURPOSE = {
    "ip": "it creates the pod's interface (package iproute2)",
    "nft": "it closes the host end of the pod's interface (package nftables)",
    "ethtool": "it turns off checksum offload in the pod (package ethtool)",
    "nsenter": "it enters the pod's network namespace (package util-linux)",
    "sh": "it runs the set-up inside the pod's network namespace",
}
# No program here takes longer than milliseconds unless the node is stuck; the runtime itself gives up after minutes.
_PATIENCE_SECONDS = 60.0


def find_executable(name: str, folders: Iterable[str]) -> str | None:
    """Return the path of the first executable file of that name."""
    for folder in folders:
        path = os.path.join(folder, name)
        if folder and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def tool(name: str) -> str:
    """Return the path of a program of the node, or fail with the reason why it is needed."""
    path = find_executable(name, os.environ.get("PATH", "").split(os.pathsep) + list(_SYSTEM_FOLDERS))
    if path is None:
        raise CniError(errors.TOOL_MISSING, f"the program {name} is not installed on this node: {_PURPOSE[name]}")
    return path


def require_all_tools() -> None:
    """Fail before anything is touched where a program is missing."""
    for name in _PURPOSE:
        tool(name)


def execute(
    argv: list[str], *, stdin: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its exit status; fail only where it cannot run or does not end."""
    try:
        return subprocess.run(
            argv,
            input=stdin,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CniError(errors.TRY_AGAIN_LATER, f"{argv[0]} did not end within {_PATIENCE_SECONDS:g} seconds") from None
    except OSError as error:
        raise CniError(errors.IO_FAILURE, f"{argv[0]} cannot be run: {error.strerror}") from error


def run(what: str, argv: list[str], *, stdin: str = "") -> str:
    """Run a program that must succeed and return its output; ``what`` is the subject of the sentence if it does not."""
    done = execute(argv, stdin=stdin)
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise CniError(
            errors.COMMAND_FAILED, f"{what} failed: {reason}", f"command: {' '.join(argv)}; input: {stdin!r}"
        )
    return done.stdout
