"""The few raw packets that probes need: ICMP echo, and the first two messages of an SCTP association. Pure.

SCTP by raw packets, because the kernels that the lab runs on may have no SCTP: the prober sends an INIT, and a
responder in the destination answers with INIT-ACK. Policy judges the same packets as a real association would send.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

ICMP_ECHO, ICMP_ECHO_REPLY = 8, 0
ICMPV6_ECHO, ICMPV6_ECHO_REPLY = 128, 129
SCTP_INIT, SCTP_INIT_ACK = 1, 2
STATE_COOKIE = 7


def internet_checksum(data: bytes) -> int:
    """RFC 1071: the ones' complement of the ones' complement sum."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(version: int, identifier: int, sequence: int, payload: bytes = b"netpol") -> bytes:
    """An echo request. For IPv6 the checksum stays zero: the kernel fills it in, since it needs the addresses."""
    kind = ICMP_ECHO if version == 4 else ICMPV6_ECHO
    header = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence)
    if version == 6:
        return header + payload
    return struct.pack("!BBHHH", kind, 0, internet_checksum(header + payload), identifier, sequence) + payload


def is_echo_reply(version: int, packet: bytes, identifier: int) -> bool:
    """Whether a packet, as a raw socket delivers it, answers our question."""
    body = without_ip_header(version, packet)
    if len(body) < 8:
        return False
    kind, code, _, answered, _ = struct.unpack_from("!BBHHH", body)
    return (kind, code, answered) == (ICMP_ECHO_REPLY if version == 4 else ICMPV6_ECHO_REPLY, 0, identifier)


def without_ip_header(version: int, packet: bytes) -> bytes:
    """Raw IPv4 sockets deliver the IP header, raw IPv6 sockets do not."""
    if version == 6 or not packet:
        return packet
    return packet[(packet[0] & 0x0F) * 4 :]


def _crc32c_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC32C = _crc32c_table()


def crc32c(data: bytes) -> int:
    """The checksum of SCTP (RFC 3309)."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _CRC32C[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class SctpInit:
    """An INIT or INIT-ACK: what we need of it. `cookie` is the state cookie of an INIT-ACK: our responder's name."""

    source_port: int
    destination_port: int
    kind: int
    tag: int
    """Verification tag of the packet: 0 for an INIT, the initiator's tag for its answer."""
    initiate_tag: int
    cookie: bytes = b""

    def encode(self) -> bytes:
        """The packet from the SCTP common header on."""
        parameters = b""
        if self.cookie:
            parameters = struct.pack("!HH", STATE_COOKIE, 4 + len(self.cookie)) + self.cookie
        length = 20 + len(parameters)
        chunk = struct.pack("!BBHIIHHI", self.kind, 0, length, self.initiate_tag, 65535, 1, 1, 1) + parameters
        chunk += b"\0" * (-len(chunk) % 4)
        ports = struct.pack("!HHI", self.source_port, self.destination_port, self.tag)
        # The checksum is the one little-endian field, and is computed with zeroes in its place.
        return ports + struct.pack("<I", crc32c(ports + b"\0\0\0\0" + chunk)) + chunk

    @classmethod
    def decode(cls, packet: bytes) -> SctpInit | None:
        """The first chunk of a packet, if that is an INIT or INIT-ACK with a right checksum."""
        if len(packet) < 32 or packet[12] not in (SCTP_INIT, SCTP_INIT_ACK):
            return None
        (checksum,) = struct.unpack_from("<I", packet, 8)
        if checksum != crc32c(packet[:8] + b"\0\0\0\0" + packet[12:]):
            return None
        source, destination, tag = struct.unpack_from("!HHI", packet)
        kind, _, length, initiate_tag = struct.unpack_from("!BBHI", packet, 12)
        cookie = b""
        if length >= 24 and len(packet) >= 36:
            parameter, size = struct.unpack_from("!HH", packet, 32)
            if parameter == STATE_COOKIE:
                cookie = packet[36 : 32 + size]
        return cls(source, destination, kind, tag, initiate_tag, cookie)

    def answer(self, name: str) -> SctpInit:
        """The INIT-ACK for this INIT, from a responder with a name."""
        return SctpInit(
            source_port=self.destination_port,
            destination_port=self.source_port,
            kind=SCTP_INIT_ACK,
            tag=self.initiate_tag,
            initiate_tag=self.initiate_tag ^ 0x5A5A5A5A or 1,
            cookie=name.encode(),
        )
