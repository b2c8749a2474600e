"""ICMP errors on real packets: those of a connection's ends come back, nobody else reaches anybody by them (NP-53)."""

import contextlib
import ipaddress
import socket
import struct
import time

import pytest

from ryu_netpol.lab.lab import Lab

PATIENCE = 2.0
PORT_UNREACHABLE = (3, 3)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def unreachable(source: tuple[str, int], destination: tuple[str, int], secret: bytes) -> bytes:
    """An ICMP error about a TCP segment from source to destination."""
    ends = (ipaddress.ip_address(source[0]).packed, ipaddress.ip_address(destination[0]).packed)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, *ends)
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    about = header + struct.pack("!HHI", source[1], destination[1], 1) + secret
    body = struct.pack("!BBHI", *PORT_UNREACHABLE, 0, 0) + about
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def hears(listener: socket.socket, secret: bytes, *, within: float) -> bool:
    """Whether a packet with this secret arrives."""
    end = time.monotonic() + within
    while (left := end - time.monotonic()) > 0:
        listener.settimeout(left)
        with contextlib.suppress(TimeoutError):
            if secret in listener.recv(2048):
                return True
    return False


@pytest.mark.parametrize(
    ("family", "to"), [(socket.AF_INET, "10.244.1.21"), (socket.AF_INET6, "fd00:10:244:1::21")], ids=["v4", "v6"]
)
def test_a_refusal_comes_back(shop: Lab, family: int, to: str) -> None:
    """Nobody listens at the allowed port of an isolated pod: its kernel says so, and the sender hears it."""
    with shop.socket("lab/probe", family, socket.SOCK_DGRAM) as sender:
        sender.settimeout(PATIENCE)
        sender.connect((to, 53))
        sender.send(b"is anybody there?")

        with pytest.raises(ConnectionRefusedError):
            sender.recv(100)


def test_errors_about_connections_of_others_do_not_arrive(shop: Lab) -> None:
    """A pod that may not reach another does not, by an error about a connection of it with somebody else."""
    web, db = "10.244.1.20", "10.244.1.21"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(shop.socket("shop/db", socket.AF_INET, socket.SOCK_STREAM))
        server.bind((db, 80))
        server.listen()
        client = stack.enter_context(shop.socket("shop/web", socket.AF_INET, socket.SOCK_STREAM))
        client.settimeout(PATIENCE)
        client.connect((db, 80))
        port = client.getsockname()[1]
        ear = stack.enter_context(shop.socket("shop/db", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))

        def sends(pod: str, secret: bytes) -> None:
            with shop.socket(pod, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
                sender.sendto(unreachable((db, 80), (web, port), secret), (db, 0))

        for pod, secret, arrives in (
            ("shop/web", b"one end, before.", True),
            ("shop/cache", b"a stranger to it", False),
            ("lab/probe", b"another stranger", False),
            ("shop/web", b"one end, after..", True),
        ):
            sends(pod, secret)

            assert hears(ear, secret, within=PATIENCE if arrives else 0.5) == arrives, pod
