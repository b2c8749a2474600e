"""OpenFlow errors by name. Source: OpenFlow 1.4 specification, section 7.5.4; ofp-errors.h of Open vSwitch 3.1."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from ryu_netpol.flows.wire.codes import HEADER_LENGTH

_CODES = {
    1: (
        "OFPET_BAD_REQUEST",
        "OFPBRC_",
        "BAD_VERSION BAD_TYPE BAD_MULTIPART BAD_EXPERIMENTER BAD_EXP_TYPE EPERM BAD_LEN BUFFER_EMPTY "
        "BUFFER_UNKNOWN BAD_TABLE_ID IS_SLAVE BAD_PORT BAD_PACKET MULTIPART_BUFFER_OVERFLOW "
        "MULTIPART_REQUEST_TIMEOUT MULTIPART_REPLY_TIMEOUT",
    ),
    2: (
        "OFPET_BAD_ACTION",
        "OFPBAC_",
        "BAD_TYPE BAD_LEN BAD_EXPERIMENTER BAD_EXP_TYPE BAD_OUT_PORT BAD_ARGUMENT EPERM TOO_MANY "
        "BAD_QUEUE BAD_OUT_GROUP MATCH_INCONSISTENT UNSUPPORTED_ORDER BAD_TAG BAD_SET_TYPE BAD_SET_LEN "
        "BAD_SET_ARGUMENT",
    ),
    3: (
        "OFPET_BAD_INSTRUCTION",
        "OFPBIC_",
        "UNKNOWN_INST UNSUP_INST BAD_TABLE_ID UNSUP_METADATA UNSUP_METADATA_MASK BAD_EXPERIMENTER "
        "BAD_EXP_TYPE BAD_LEN EPERM DUP_INST",
    ),
    4: (
        "OFPET_BAD_MATCH",
        "OFPBMC_",
        "BAD_TYPE BAD_LEN BAD_TAG BAD_DL_ADDR_MASK BAD_NW_ADDR_MASK BAD_WILDCARDS BAD_FIELD BAD_VALUE "
        "BAD_MASK BAD_PREREQ DUP_FIELD EPERM",
    ),
    5: (
        "OFPET_FLOW_MOD_FAILED",
        "OFPFMFC_",
        "UNKNOWN TABLE_FULL BAD_TABLE_ID OVERLAP EPERM BAD_TIMEOUT BAD_COMMAND BAD_FLAGS CANT_SYNC BAD_PRIORITY",
    ),
    10: (
        "OFPET_SWITCH_CONFIG_FAILED",
        "OFPSCFC_",
        "BAD_FLAGS BAD_LEN EPERM",
    ),
    12: (
        "OFPET_METER_MOD_FAILED",
        "OFPMMFC_",
        "UNKNOWN METER_EXISTS INVALID_METER UNKNOWN_METER BAD_COMMAND BAD_FLAGS BAD_RATE BAD_BURST "
        "BAD_BAND BAD_BAND_VALUE OUT_OF_METERS OUT_OF_BANDS",
    ),
    17: (
        "OFPET_BUNDLE_FAILED",
        "OFPBFC_",
        "UNKNOWN EPERM BAD_ID BUNDLE_EXIST BUNDLE_CLOSED OUT_OF_BUNDLES BAD_TYPE BAD_FLAGS MSG_BAD_LEN "
        "MSG_BAD_XID MSG_UNSUP MSG_CONFLICT MSG_TOO_MANY MSG_FAILED TIMEOUT BUNDLE_IN_PROGRESS",
    ),
}
"""Type -> its name, prefix of its codes, codes from 0 upwards; those that our messages can cause."""
_NAMES = {
    (kind, code): prefix + name
    for kind, (_, prefix, names) in _CODES.items()
    for code, name in enumerate(names.split())
}

_EXPERIMENTER = 0xFFFF
_ERROR = Struct("!HH").unpack_from
_VENDOR = Struct("!I").unpack_from


@dataclass(frozen=True, slots=True)
class OpenFlowError:
    """What the switch refused a message for."""

    type: int
    code: int
    vendor: int | None = None
    """Whose error it is, where it is not one of the specification."""

    def __str__(self) -> str:
        if self.vendor is not None:
            return f"error {self.code} of vendor {self.vendor:#x}"
        kind = _CODES[self.type][0] if self.type in _CODES else f"error type {self.type}"
        return f"{_NAMES.get((self.type, self.code), f'code {self.code}')} ({kind})"


METER_EXISTS = OpenFlowError(12, 1)
UNKNOWN_METER = OpenFlowError(12, 3)


def decode_error(message: bytes) -> OpenFlowError:
    """The error that a whole error message reports. Raises struct.error for one that is cut off."""
    kind, code = _ERROR(message, HEADER_LENGTH)
    if kind == _EXPERIMENTER and len(message) >= HEADER_LENGTH + 8:
        return OpenFlowError(kind, code, _VENDOR(message, HEADER_LENGTH + 4)[0])
    return OpenFlowError(kind, code)
