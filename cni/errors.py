"""The error of the plugin, with the codes of the CNI specification 1.0.0, section "Error".

Every failure that somebody may meet is a CniError with one clear sentence. Anything else that escapes is a defect of
ours and is reported by main as INTERNAL.
"""

from __future__ import annotations

INCOMPATIBLE_VERSION = 1
INVALID_ENVIRONMENT = 4
IO_FAILURE = 5
DECODING_FAILURE = 6
INVALID_CONFIG = 7
TRY_AGAIN_LATER = 11
# From 100 on the codes belong to the plugin.
TOOL_MISSING = 100
COMMAND_FAILED = 101
BRIDGE_MISSING = 102
PORT_REFUSED = 103
CHECK_FAILED = 104
IPAM_ANSWER = 105
OVSDB_REFUSED = 106
INTERNAL = 999


class CniError(Exception):
    """A failure that is reported to the runtime: a code, one sentence, and details for the log."""

    def __init__(self, code: int, msg: str, details: str = "") -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg
        self.details = details

    def with_details(self, more: str) -> CniError:
        """Return the same error with one more remark in its details."""
        return CniError(self.code, self.msg, "; ".join(part for part in (self.details, more) if part))
