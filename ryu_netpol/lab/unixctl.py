"""The control socket of Open vSwitch daemons, without a process per question.

`ovs-appctl` is a JSON-RPC call over a Unix socket. Speaking it directly costs a fraction of a millisecond instead of
the start of a program, which is what makes thousands of `ofproto/trace` questions affordable.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

from ryu_netpol.lab.errors import LabError


def call(path: Path, method: str, *params: str, timeout: float = 30.0) -> str:
    """Run one command on the daemon that listens at `path` and return its text; its refusal is a LabError."""
    request = {"id": 0, "method": method, "params": list(params)}
    decoder = json.JSONDecoder()
    text = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode())
            # The reply has no length and no end mark. It is over when it parses, and it can only parse at a brace.
            while chunk := connection.recv(1 << 16):
                text += chunk
                if not text.rstrip().endswith(b"}"):
                    continue
                try:
                    reply = decoder.decode(text.decode())
                except ValueError:
                    continue
                if reply["error"] is not None:
                    raise LabError(f"'{' '.join((method, *params))}' failed: {str(reply['error']).strip()}")
                return str(reply["result"])
    except OSError as error:
        raise LabError(f"The switch does not answer at {path}: {error.strerror or 'timed out'}.") from error
    raise LabError(f"The switch at {path} ended without an answer to '{method}'.")
