"""An ovs-vswitchd of which there is nothing but the control socket, and that answers when the test says so."""

from __future__ import annotations

import json
import queue
import socket
import threading
from pathlib import Path

NUMBER = 4711


class Daemon:
    """Listens in a run directory from construction to close(); `asked` has the commands that came in."""

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir / f"ovs-vswitchd.{NUMBER}.ctl"
        (run_dir / "ovs-vswitchd.pid").write_text(f"{NUMBER}\n")
        self.asked: queue.SimpleQueue[tuple[str, socket.socket]] = queue.SimpleQueue()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            request = json.loads(connection.recv(65536))
            self.asked.put((" ".join((request["method"], *request["params"])), connection))

    def next(self) -> tuple[str, socket.socket]:
        """The next command, and where it waits for its answer."""
        return self.asked.get(timeout=5)

    def answer(self, text: str = "", *, error: str | None = None) -> str:
        """Answer the next command; returns it."""
        command, connection = self.next()
        reply = {"id": 0, "result": None if error else text, "error": error}
        connection.sendall(json.dumps(reply).encode())
        return command

    def close(self) -> None:
        """End it, and every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._open:
            connection.close()
