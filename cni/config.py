"""The network configuration from standard input: decoded once, checked whole, frozen.

CNI specification 1.0.0, sections 1 ("Network configuration format") and 2 ("Execution Protocol"). Fields that we do not
know are ignored, as the specification allows; a field that we know and cannot use is refused by its name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from cni import errors
from cni.errors import CniError

TYPE_CHECKING = False  # typing takes 5 ms to import; type checkers know this name
if TYPE_CHECKING:
    from typing import Any

PLUGIN_TYPE = "ryu-netpol"
LATEST_VERSION = "1.0.0"
SUPPORTED_VERSIONS = ("0.3.0", "0.3.1", "0.4.0", LATEST_VERSION)

_NETWORK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
# OVS takes any device name for a bridge; this is what the kernel takes for a device and a shell does not misread.
_BRIDGE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}\Z")
# 1280 is the least that IPv6 works with (RFC 8200, section 5).
_MTU = range(1280, 65536)
_LONGEST_READY_TIMEOUT = 600.0


@dataclass(frozen=True)
class NetConf:
    """One network configuration. ``raw`` is what the IPAM plugin is given; ``prev_result`` is not interpreted here."""

    cni_version: str
    name: str
    bridge: str
    ovsdb_path: str
    mtu: int
    ready_timeout: float
    ipam_type: str
    prev_result: dict[str, Any] | None
    raw: dict[str, Any]


def decode(stdin: bytes) -> dict[str, Any]:
    """Return the JSON object on standard input."""
    try:
        document = json.loads(stdin.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CniError(
            errors.DECODING_FAILURE, "standard input is not a network configuration in JSON", repr(error)
        ) from error
    if not isinstance(document, dict):
        raise CniError(errors.DECODING_FAILURE, "the network configuration on standard input is not a JSON object")
    return document


def parse(document: dict[str, Any]) -> NetConf:
    """Check every field of a decoded network configuration."""
    version = parse_version(document)
    if document.get("type") != PLUGIN_TYPE:
        raise _invalid("type", f'must be "{PLUGIN_TYPE}"')
    return NetConf(
        cni_version=version,
        name=_matching(document, "name", _NETWORK_NAME, default=None),
        bridge=_matching(document, "bridge", _BRIDGE_NAME, default="br-int"),
        ovsdb_path=_socket_path(document),
        mtu=_mtu(document),
        ready_timeout=_ready_timeout(document),
        ipam_type=_ipam_type(document),
        prev_result=_prev_result(document),
        raw=document,
    )


def parse_version(document: dict[str, Any]) -> str:
    """Return the specification version that the configuration speaks, if it is one of ours."""
    version = document.get("cniVersion", "")
    if not isinstance(version, str):
        raise _invalid("cniVersion", "must be a string")
    if version not in SUPPORTED_VERSIONS:
        raise CniError(
            errors.INCOMPATIBLE_VERSION,
            f"cniVersion {version!r} is not supported; supported are {', '.join(SUPPORTED_VERSIONS)}",
        )
    return version


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _invalid(field: str, complaint: str) -> CniError:
    return CniError(errors.INVALID_CONFIG, f"the network configuration is invalid: {field} {complaint}")


def _matching(document: dict[str, Any], field: str, pattern: re.Pattern[str], *, default: str | None) -> str:
    value = document.get(field, default)
    if value is None:
        raise _invalid(field, "is missing")
    if not isinstance(value, str) or not pattern.match(value):
        raise _invalid(field, f"{value!r} is not a valid name")
    return value


def _socket_path(document: dict[str, Any]) -> str:
    value = document.get("ovsdb", "unix:/var/run/openvswitch/db.sock")
    path = value[len("unix:") :] if isinstance(value, str) and value.startswith("unix:") else value
    if not isinstance(path, str) or not path.startswith("/") or "\0" in path:
        raise _invalid("ovsdb", f'must be "unix:" and the absolute path of OVSDB\'s socket, not {value!r}')
    return path


def _mtu(document: dict[str, Any]) -> int:
    value = document.get("mtu", 1500)
    if not isinstance(value, int) or isinstance(value, bool) or value not in _MTU:
        raise _invalid("mtu", f"must be a whole number from {_MTU.start} to {_MTU.stop - 1}, not {value!r}")
    return value


def _ready_timeout(document: dict[str, Any]) -> float:
    value = document.get("readyTimeout", 20)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 < value <= _LONGEST_READY_TIMEOUT:
        raise _invalid(
            "readyTimeout", f"must be a number of seconds above 0, at most {_LONGEST_READY_TIMEOUT:g}, not {value!r}"
        )
    return float(value)


def _ipam_type(document: dict[str, Any]) -> str:
    ipam = document.get("ipam")
    if not isinstance(ipam, dict):
        raise _invalid("ipam", 'must be an object such as {"type": "host-local", ...}')
    kind = ipam.get("type")
    if not isinstance(kind, str) or not _NETWORK_NAME.match(kind):
        raise _invalid("ipam.type", f"must be the file name of an IPAM plugin, not {kind!r}")
    return kind


def _prev_result(document: dict[str, Any]) -> dict[str, Any] | None:
    value = document.get("prevResult")
    if value is not None and not isinstance(value, dict):
        raise _invalid("prevResult", "must be an object")
    return value
