"""The asking end of SCTP: one raw socket for each source, whatever number of associations are asked for at once.

Trap: a raw socket hears every SCTP packet that comes to its host. With one for each association every answer would be
read once for each of them, and an ICMP error about one would be taken for an error of all.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket

from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.namespace import open_socket
from ryu_netpol.lab.rawpackets import SCTP_INIT, SCTP_INIT_ACK, SctpInit, without_ip_header

_AT_ONCE = 64


def new_init(port: int) -> SctpInit:
    """The first packet of an association with this port, from a port and with a tag that nobody else has."""
    return SctpInit(secrets.randbelow(28000) + 32768, port, SCTP_INIT, tag=0, initiate_tag=secrets.randbits(32) | 1)


class Associations:
    """Sends INITs and hands each INIT-ACK to whoever waits for it. Close it when all have their answers."""

    def __init__(self) -> None:
        self._sockets: dict[tuple[Place, int], socket.socket] = {}
        self._waiting: dict[tuple[int, int], asyncio.Future[str]] = {}

    async def ask(self, source: Place, destination: Place, port: int, at: tuple[float, ...]) -> str:
        """Send the same INIT at these times (seconds from now) until it is answered; returns who answered.

        Raises OSError where it cannot be sent; without an answer this waits for ever.
        """
        loop = asyncio.get_running_loop()
        raw, init = self._socket(source, destination.version), new_init(port)
        # Its answer comes to our port, with our tag.
        key = (init.source_port, init.initiate_tag)
        answer: asyncio.Future[str] = loop.create_future()
        self._waiting[key] = answer
        try:
            start = loop.time()
            for time in at:
                # Unlike wait_for(), this does not cancel what it waits for.
                await asyncio.wait([answer], timeout=start + time - loop.time())
                if answer.done():
                    break
                await loop.sock_sendto(raw, init.encode(), (destination.address, 0))
            return await answer
        finally:
            del self._waiting[key]

    def close(self) -> None:
        """Hear nothing more."""
        loop = asyncio.get_running_loop()
        for raw in self._sockets.values():
            loop.remove_reader(raw)
            raw.close()

    def _socket(self, source: Place, version: int) -> socket.socket:
        key = (source, version)
        if key not in self._sockets:
            family = socket.AF_INET6 if version == 6 else socket.AF_INET
            raw = open_socket(source.netns, family, socket.SOCK_RAW, socket.IPPROTO_SCTP)
            raw.setblocking(False)
            try:
                if source.address:
                    raw.bind((source.address, 0))
            except OSError:
                raw.close()
                raise
            self._sockets[key] = raw
            asyncio.get_running_loop().add_reader(raw, self._hear, raw, version)
        return self._sockets[key]

    def _hear(self, raw: socket.socket, version: int) -> None:
        # A burst at a time: others want to be heard as well.
        with contextlib.suppress(OSError):
            for _ in range(_AT_ONCE):
                packet = SctpInit.decode(without_ip_header(version, raw.recv(65535)))
                if packet is not None and packet.kind == SCTP_INIT_ACK:
                    waiting = self._waiting.get((packet.destination_port, packet.tag))
                    if waiting is not None and not waiting.done():
                        waiting.set_result(packet.cookie.decode(errors="replace"))
