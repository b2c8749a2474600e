"""Requests to the API server: bytes, lines and errors. Blocking, for one thread at a time; any other may stop it."""

from __future__ import annotations

import contextlib
import http.client
import mmap
import re
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import urllib3

from ryu_netpol.adapters.kube.access import Access, AccessError
from ryu_netpol.adapters.kube.protocol import Query

CONNECT = 10.0
"""Seconds that connecting and TLS may take."""
BEGIN = 30.0
"""Seconds in which any answer must begin, also one that may be silent for longer afterwards."""
CHUNK = FIRST_BODY = 65_536
LONGEST_LINE = 64 * 1024 * 1024
"""Bytes in one event. No object is that large; etcd's limit is about 1.5 MB."""
KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)
"""A peer that has vanished is noticed after half a minute."""

_OWN_WORDS = re.compile(r"^HTTPS?Connection(Pool)?\([^)]*\): ")
_ERRORS = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
"""Everything that a connection can fail with. ValueError: what cannot be put into a header, or is no chunk."""


class ConnectionLost(Exception):
    """No connection, or it broke; one sentence."""

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent


class Response:
    """An answer that has begun."""

    def __init__(self, raw: urllib3.BaseHTTPResponse) -> None:
        self._raw = raw
        self.status = raw.status

    @property
    def retry_after(self) -> float:
        """Seconds after which the server wants to be asked again; 0 if it does not say."""
        text = self._raw.headers.get("Retry-After", "")
        return float(text) if text.isascii() and text.isdigit() else 0.0

    def patience(self, seconds: float) -> None:
        """From now on, be content with a byte every so many seconds."""
        sock = getattr(self._raw.connection, "sock", None)
        if sock is not None:
            sock.settimeout(seconds)

    def body(self, came: Callable[[], object] = lambda: None) -> memoryview:
        """All of it; calls `came` each time that some of it has come. Raises ConnectionLost."""
        # A list of ten thousand pods has 40 MB. Out of the heap, they would stay with the process for ever.
        found, size = mmap.mmap(-1, FIRST_BODY, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), 0
        for chunk in self._chunks():
            if size + len(chunk) > len(found):
                found.resize(2 * (size + len(chunk)))
            found[size : size + len(chunk)] = chunk
            size += len(chunk)
            came()
        return memoryview(found)[:size]

    def lines(self) -> Iterator[bytes]:
        """Line by line as they come; what is cut off at the end is no line. Raises ConnectionLost."""
        rest = bytearray()
        for chunk in self._chunks():
            start = len(rest)
            rest += chunk
            end = rest.rfind(b"\n", start)
            if end >= 0:
                whole = bytes(rest[:end])
                del rest[: end + 1]
                yield from filter(None, whole.split(b"\n"))
            elif len(rest) > LONGEST_LINE:
                raise ConnectionLost(f"a line is longer than {LONGEST_LINE} bytes")
        if rest:
            raise ConnectionLost("it ended in the middle of a line")

    def _chunks(self) -> Iterator[bytes]:
        try:
            yield from self._raw.stream(CHUNK, decode_content=True)
        except _ERRORS as error:
            raise _lost(error) from error


class Client:
    """Asks for one thing after the other."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._raw: urllib3.BaseHTTPResponse | None = None
        self._stopped = self._broken = False

    def get(self, path: str, query: Query = (), *, silence: float) -> contextlib.AbstractContextManager[Response]:
        """Ask. Raises ConnectionLost, also when nothing comes for `silence` seconds."""
        return self.send("GET", path, query, silence=silence)

    @contextlib.contextmanager
    def send(
        self, method: str, path: str, query: Query = (), *, silence: float, body: bytes | None = None, content: str = ""
    ) -> Iterator[Response]:
        """Ask in another way, with a body of a media type. Raises ConnectionLost as `get` does."""
        try:
            session = self._access.session()
        except AccessError as error:
            raise ConnectionLost(f"the credentials cannot be read: {error}") from error
        session.pool.connection_pool_kw["socket_options"] = list(KEEPALIVE)
        headers = {"Accept": "application/json", "User-Agent": "ryu-netpol"}
        if session.authorization:
            headers["Authorization"] = session.authorization
        if content:
            headers["Content-Type"] = content
        try:
            raw = session.pool.request(
                method,
                f"{session.address}{path}" + (f"?{urlencode(query)}" if query else ""),
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT, read=min(silence, BEGIN)),
                preload_content=False,
                retries=False,
                redirect=False,
            )
        except _ERRORS as error:
            raise _lost(error) from error
        try:
            with self._lock:
                self._raw = raw
                unwanted = self._stopped or self._broken
            if unwanted:
                raise ConnectionLost("it is not wanted any more")
            response = Response(raw)
            response.patience(silence)
            yield response
        finally:
            with self._lock:
                self._raw = None
            # What is left of the answer is not worth reading: the connection is closed with it.
            raw.close()

    def renew(self) -> None:
        """The server does not know the credentials."""
        self._access.renew()

    def stop(self) -> None:
        """Break off what is being read, from any thread; nothing is asked any more."""
        with self._lock:
            self._stopped = True
            self._shut_down()

    def break_off(self) -> None:
        """Break off what is being read, or is asked before `go_on`; from any thread."""
        with self._lock:
            self._broken = True
            self._shut_down()

    @property
    def broken(self) -> bool:
        """Whether something was broken off, and nobody has said go_on since."""
        return self._broken

    def go_on(self) -> bool:
        """Ask again; whether something was broken off."""
        with self._lock:
            was, self._broken = self._broken, False
            return was

    def _shut_down(self) -> None:
        if self._raw is not None:
            with contextlib.suppress(*_ERRORS, RuntimeError):
                self._raw.shutdown()


def _lost(error: Exception) -> ConnectionLost:
    silent = isinstance(error, urllib3.exceptions.ReadTimeoutError | TimeoutError)
    reason = "nothing came for too long" if silent else str(error) or type(error).__name__
    # urllib3 begins with the representation of an object of its own.
    return ConnectionLost(_OWN_WORDS.sub("", reason)[:300], silent=silent)
