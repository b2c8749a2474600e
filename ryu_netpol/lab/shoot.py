"""The asking end of probes: one question each by TCP, UDP, ICMP or SCTP, many at once, answers awaited together.

What comes back is what happened on the wire, not yet a verdict: `answered`, `silent`, `refused` (a reset, an ICMP
error, no route: somebody or something said no, which a dropped packet never does). probe.py makes verdicts of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.namespace import open_socket
from ryu_netpol.lab.rawpackets import echo_request, is_echo_reply
from ryu_netpol.lab.sctp import Associations, new_init

# A question is asked three times within the timeout: one lost packet must not look like a policy's drop, and the
# kernel would repeat a SYN only after a second.
ASK_AT = (0.0, 0.3, 0.6)


class Wire(Enum):
    """What happened on the wire."""

    ANSWERED = "answered"
    SILENT = "silent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Shot:
    """One question. `port` is 0 for ICMP."""

    source: Place
    destination: Place
    protocol: str
    port: int


@dataclass(frozen=True, slots=True)
class Echo:
    """What became of a shot; `words` is what the listener said, or the error."""

    wire: Wire
    words: str = ""


async def shoot(shots: Iterable[Shot], *, timeout: float, parallel: int = 200) -> list[Echo]:
    """Ask all, at most `parallel` at once, and return what happened in the same order."""
    _raise_file_limit()
    gate, associations = asyncio.Semaphore(parallel), Associations()

    async def sctp(shot: Shot) -> str:
        return await associations.ask(shot.source, shot.destination, shot.port, ASK_AT)

    async def one(shot: Shot) -> Echo:
        async with gate:
            return await _ask(shot, timeout, sctp=sctp)

    try:
        return list(await asyncio.gather(*(one(shot) for shot in shots)))
    finally:
        associations.close()


async def _ask(shot: Shot, timeout: float, *, sctp: Callable[[Shot], Awaitable[str]]) -> Echo:
    ask = {"TCP": _tcp, "UDP": _udp, "ICMP": _icmp, "SCTP": sctp}.get(shot.protocol)
    if ask is None:
        raise LabError(f"Probes know TCP, UDP, SCTP and ICMP, not {shot.protocol}.")
    try:
        async with asyncio.timeout(timeout):
            return Echo(Wire.ANSWERED, await ask(shot))
    except TimeoutError as error:
        # The kernel's own ETIMEDOUT is a TimeoutError as well, and means the same.
        return Echo(Wire.SILENT, error.strerror or "")
    except OSError as error:
        return Echo(Wire.REFUSED, error.strerror or str(error))


def send_first(shot: Shot) -> None:
    """Send the first packet of the connection, once, and do not wait for what comes back. Raises OSError."""
    match shot.protocol:
        case "TCP":
            with _open(shot, socket.SOCK_STREAM) as connection, contextlib.suppress(BlockingIOError):
                # Nothing is repeated, and nothing else is sent: it is closed before there can be an answer.
                connection.connect((shot.destination.address, shot.port))
        case "UDP":
            with _open(shot, socket.SOCK_DGRAM) as udp:
                udp.sendto(b"?", (shot.destination.address, shot.port))
        case "SCTP":
            with _open(shot, socket.SOCK_RAW, socket.IPPROTO_SCTP) as raw:
                raw.sendto(new_init(shot.port).encode(), (shot.destination.address, 0))
        case _:
            with _open_echo(shot) as raw:
                raw.sendto(echo_request(shot.destination.version, _identifier(), 1), (shot.destination.address, 0))


def _open(shot: Shot, kind: int, protocol: int = 0) -> socket.socket:
    """A socket at the source's place and address; without an address the route chooses one."""
    opened = open_socket(shot.source.netns, shot.destination.family, kind, protocol)
    opened.setblocking(False)
    try:
        if shot.source.address:
            opened.bind((shot.source.address, 0))
    except OSError:
        opened.close()
        raise
    return opened


async def _tcp(shot: Shot) -> str:
    loop = asyncio.get_running_loop()

    async def attempt(after: float) -> str:
        await asyncio.sleep(after)
        with _open(shot, socket.SOCK_STREAM) as connection:
            await loop.sock_connect(connection, (shot.destination.address, shot.port))
            return (await loop.sock_recv(connection, 256)).decode(errors="replace")

    attempts = [loop.create_task(attempt(after)) for after in ASK_AT]
    try:
        done, _ = await asyncio.wait(attempts, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in attempts:
            task.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)


async def _udp(shot: Shot) -> str:
    with _open(shot, socket.SOCK_DGRAM) as udp:
        udp.connect((shot.destination.address, shot.port))
        return (await _repeat(udp, b"?", lambda _: True)).decode(errors="replace")


async def _icmp(shot: Shot) -> str:
    version, identifier = shot.destination.version, _identifier()
    with _open_echo(shot) as raw:
        # A connected raw socket hears its peer only, not every other probe's answers.
        raw.connect((shot.destination.address, 0))
        await _repeat(raw, echo_request(version, identifier, 1), lambda p: is_echo_reply(version, p, identifier))
    return shot.destination.name


def _open_echo(shot: Shot) -> socket.socket:
    protocol = socket.IPPROTO_ICMP if shot.destination.version == 4 else socket.IPPROTO_ICMPV6
    return _open(shot, socket.SOCK_RAW, protocol)


def _identifier() -> int:
    return secrets.randbelow(65535) + 1


async def _repeat(opened: socket.socket, packet: bytes, answers: Callable[[bytes], bool]) -> bytes:
    """Send at the times of ASK_AT until a packet comes that answers; the caller bounds the time."""
    loop = asyncio.get_running_loop()

    async def send() -> None:
        before = 0.0
        for after in ASK_AT:
            await asyncio.sleep(after - before)
            before = after
            await loop.sock_sendall(opened, packet)

    sending = loop.create_task(send())
    try:
        while not answers(received := await loop.sock_recv(opened, 65535)):
            pass
        return received
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


def _raise_file_limit() -> None:
    # Several sockets per probe in flight, and one per listener: the usual soft limit of 1024 is soon reached.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
