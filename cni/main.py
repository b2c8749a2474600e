"""The protocol: environment and standard input in, one JSON document and an exit status out.

CNI specification 1.0.0, section 2 ("Execution Protocol"). ``answer`` is the whole plugin as a function; ``main`` joins
it to the process. Whatever happens, the runtime gets the specification's error document and never a traceback.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping

from cni import errors
from cni.config import LATEST_VERSION, SUPPORTED_VERSIONS, decode, parse
from cni.errors import CniError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> int:
    """Run one command as the runtime asks for it, and return the exit status."""
    signal.signal(signal.SIGTERM, _interrupted)
    status, document = answer(os.environ, sys.stdin.buffer.read())
    if document is not None:
        sys.stdout.write(json.dumps(document) + "\n")
    return status


def answer(environment: Mapping[str, str], stdin: bytes) -> tuple[int, dict[str, Any] | None]:
    """Return the exit status and the document to print, if there is one."""
    version = LATEST_VERSION
    try:
        command = _command(environment)
        if command == "VERSION":
            return 0, _versions(stdin)
        document = decode(stdin)
        if document.get("cniVersion") in SUPPORTED_VERSIONS:
            version = document["cniVersion"]
        return 0, _perform(command, document, environment)
    except CniError as error:
        return 1, _failure(version, error.code, error.msg, error.details)
    except Exception as error:  # a defect of ours; the specification wants a document, not a traceback
        msg = "the plugin met an unexpected problem, which is a defect of ryu-netpol"
        return 1, _failure(version, errors.INTERNAL, msg, repr(error))


def _command(environment: Mapping[str, str]) -> str:
    command = environment.get("CNI_COMMAND", "")
    if command not in ("ADD", "DEL", "CHECK", "VERSION"):
        complaint = f"{command!r} is not ADD, DEL, CHECK or VERSION" if command else "is not set"
        raise CniError(errors.INVALID_ENVIRONMENT, f"the environment variable CNI_COMMAND {complaint}")
    return command


def _perform(command: str, document: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any] | None:
    """Run a command. What only one command needs is imported here: every import is time that a pod waits."""
    from cni import request

    asked = request.parse(environment)
    conf = parse(document)
    if command == "ADD":
        from cni.add import add

        return add(conf, asked)
    if command == "DEL":
        from cni.delete import delete

        delete(conf, asked)
    else:
        from cni.check import check

        check(conf, asked)
    return None


def _versions(stdin: bytes) -> dict[str, Any]:
    """Answer VERSION in the version that was asked in, even an unknown one: it is how a runtime finds a common one."""
    try:
        version = decode(stdin).get("cniVersion")
    except CniError:
        version = None
    return {
        "cniVersion": version if isinstance(version, str) else LATEST_VERSION,
        "supportedVersions": list(SUPPORTED_VERSIONS),
    }


def _failure(version: str, code: int, msg: str, details: str) -> dict[str, Any]:
    document: dict[str, Any] = {"cniVersion": version, "code": code, "msg": msg}
    if details:
        document["details"] = details
    return document


def _interrupted(*_: object) -> None:
    """Turn the runtime's impatience into a failure, so that what was done is undone."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise CniError(errors.TRY_AGAIN_LATER, "the plugin was told to stop before it was done")
