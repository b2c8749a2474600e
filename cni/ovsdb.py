"""The OVSDB protocol over its Unix socket, with nothing but json and socket (RFC 7047).

Callers: ``cni.ovs``, and the commands to open a connection. Waiting is the server's own "wait" operation (section
5.2.6), so nothing is polled. One Database is one connection and one request at a time.
"""

from __future__ import annotations

import codecs
import json
import socket
import time

from cni import errors
from cni.errors import CniError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SCHEMA = "Open_vSwitch"
_PATIENCE_SECONDS = 5.0


class Refused(CniError):
    """The server refused a transaction; ``reason`` is its word for it, ``index`` the operation."""

    def __init__(self, index: int, reason: str, details: str) -> None:
        super().__init__(errors.OVSDB_REFUSED, f"OVSDB refused a change: {reason}", details)
        self.index = index
        self.reason = reason


class Database:
    """A connection to ovsdb-server; use it as a context manager."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text = ""
        self._serial = 0
        try:
            self._socket.settimeout(_PATIENCE_SECONDS)
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise self._unreachable(error) from error

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def transact(self, *operations: dict[str, Any], wait: float = 0.0) -> list[dict[str, Any]]:
        """Run operations in one transaction; ``wait`` is how long the server may take beyond the usual."""
        self._serial += 1
        give_up = time.monotonic() + wait + _PATIENCE_SECONDS
        try:
            self._send({"method": "transact", "params": [_SCHEMA, *operations], "id": self._serial})
            reply = self._reply(give_up)
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from error
        if reply.get("error") is not None:
            raise Refused(-1, "the request as a whole", json.dumps(reply["error"]))
        results: list[dict[str, Any]] = reply["result"]
        for index, result in enumerate(results):
            if result and "error" in result:
                raise Refused(index, result["error"], result.get("details", ""))
        return results

    def wait_until(
        self, table: str, uuid: str, where: list[Any], *, row: dict[str, Any], until: str, by: float
    ) -> bool:
        """Wait until a row is (or is not) as given, or the monotonic clock shows ``by``; tell which it was."""
        seconds = max(0.0, by - time.monotonic())
        operation = {
            "op": "wait",
            "table": table,
            "where": [["_uuid", "==", ["uuid", uuid]], *where],
            "columns": list(row),
            "until": until,
            "rows": [row],
            "timeout": int(seconds * 1000),
        }
        try:
            self.transact(operation, wait=seconds)
        except Refused as refusal:
            if refusal.reason == "timed out":
                return False
            raise
        return True

    def _send(self, message: dict[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode())

    def _reply(self, give_up: float) -> dict[str, Any]:
        while True:
            message = self._receive(give_up)
            if message.get("method") == "echo":
                # The server asks whether we are alive (RFC 7047, section 4.1.11); silence would end the connection.
                self._send({"id": message.get("id"), "result": message.get("params"), "error": None})
            elif message.get("id") == self._serial and "method" not in message:
                return message

    def _receive(self, give_up: float) -> dict[str, Any]:
        """Return the next message; they follow each other without any separator."""
        while True:
            self._text = self._text.lstrip()
            try:
                message, end = json.JSONDecoder().raw_decode(self._text)
            except ValueError:
                self._socket.settimeout(max(0.001, give_up - time.monotonic()))
                chunk = self._socket.recv(65536)
                if not chunk:
                    raise OSError("the connection was closed") from None
                self._text += self._decode(chunk)
            else:
                self._text = self._text[end:]
                if not isinstance(message, dict):
                    raise ValueError(f"not a JSON-RPC message: {message!r}")
                return message

    def _unreachable(self, error: Exception) -> CniError:
        return CniError(
            errors.TRY_AGAIN_LATER,
            f"OVSDB does not answer at {self._path}: is ovsdb-server running on this node?",
            repr(error),
        )
