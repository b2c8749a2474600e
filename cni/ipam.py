"""Delegation to the IPAM plugin that the network configuration names (CNI specification 1.0.0, section 4).

The IPAM plugin gets our own environment and our own network configuration; its errors go to the runtime as they are.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from cni import errors
from cni.config import NetConf
from cni.contract import canonical_address
from cni.errors import CniError
from cni.request import Request
from cni.tools import execute, find_executable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class Lease:
    """What the IPAM plugin gave: bare addresses in its order, at least one, and name servers to pass on."""

    addresses: tuple[str, ...]
    dns: dict[str, Any]


def call(command: str, conf: NetConf, request: Request) -> str:
    """Run the IPAM plugin for ADD, DEL or CHECK and return what it printed."""
    path = find_executable(conf.ipam_type, request.plugin_folders)
    if path is None:
        folders = os.pathsep.join(request.plugin_folders)
        raise CniError(
            errors.INVALID_CONFIG, f"ipam.type names {conf.ipam_type!r}, which is not found on CNI_PATH ({folders})"
        )
    done = execute([path], stdin=json.dumps(conf.raw), environment={**os.environ, "CNI_COMMAND": command})
    if done.returncode:
        raise _passed_through(conf.ipam_type, command, done.stdout, done.stderr)
    return done.stdout


def parse_lease(kind: str, text: str) -> Lease:
    """Read the result of an IPAM ADD. Prefixes and gateways are dropped: a pod has /32 and /128 and one next hop."""
    try:
        result = json.loads(text)
        addresses = tuple(canonical_address(entry["address"].partition("/")[0]) for entry in result["ips"])
        dns = dict(result.get("dns") or {})
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CniError(
            errors.IPAM_ANSWER, f"the IPAM plugin {kind} gave a result that cannot be read", repr(error)
        ) from error
    if not addresses:
        raise CniError(errors.IPAM_ANSWER, f"the IPAM plugin {kind} gave no address")
    return Lease(addresses, dns)


def _passed_through(kind: str, command: str, stdout: str, stderr: str) -> CniError:
    try:
        answer = json.loads(stdout)
        return CniError(int(answer["code"]), str(answer["msg"]), str(answer.get("details", "")))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        output = " ".join((stdout + stderr).split())
        return CniError(
            errors.IPAM_ANSWER, f"the IPAM plugin {kind} failed at {command} without a CNI error", f"output: {output!r}"
        )
