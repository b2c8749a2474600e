"""The raw packets of probes, against independently known bytes."""

import pytest

from ryu_netpol.lab.rawpackets import (
    SCTP_INIT,
    SctpInit,
    crc32c,
    echo_request,
    internet_checksum,
    is_echo_reply,
    without_ip_header,
)


def test_internet_checksum_of_the_example_in_rfc_1071() -> None:
    """RFC 1071, section 3: the sum of the example is 0xddf2."""
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == ~0xDDF2 & 0xFFFF


def test_crc32c_check_value() -> None:
    """The published check value of CRC-32C (RFC 3720, Castagnoli polynomial)."""
    assert crc32c(b"123456789") == 0xE3069283


def test_echo_request_has_a_checksum_that_verifies() -> None:
    """The sum over an ICMP message with its checksum is zero."""
    assert internet_checksum(echo_request(4, 7, 1, b"odd")) == 0


@pytest.mark.parametrize(("version", "reply_type"), [(4, 0), (6, 129)], ids=["IPv4", "IPv6"])
def test_only_the_own_reply_answers(version: int, reply_type: int) -> None:
    """A request is not its own answer, nor is the answer to somebody else's."""
    header = bytes([0x45]) + bytes(19) if version == 4 else b""
    reply = header + bytes([reply_type]) + echo_request(version, 7, 1)[1:]

    assert is_echo_reply(version, reply, 7)
    assert not is_echo_reply(version, reply, 8)
    assert not is_echo_reply(version, header + echo_request(version, 7, 1), 7)
    assert not is_echo_reply(version, header, 7)


def test_ip_header_with_options_is_cut_off() -> None:
    """The header's own length counts."""
    assert without_ip_header(4, bytes([0x46]) + bytes(23) + b"rest") == b"rest"
    assert without_ip_header(6, b"rest") == b"rest"


@pytest.mark.parametrize("name", ["default/web 80", "x", "node/with-a-longer-name 65535"])
def test_init_and_its_answer_survive_the_wire(name: str) -> None:
    """The answer goes back to the asker's port with the asker's tag, and names the responder."""
    init = SctpInit(40000, 80, SCTP_INIT, tag=0, initiate_tag=99)

    assert SctpInit.decode(init.encode()) == init
    answer = SctpInit.decode(init.answer(name).encode())
    assert answer is not None
    assert (answer.source_port, answer.destination_port, answer.tag, answer.cookie.decode()) == (80, 40000, 99, name)


def test_a_damaged_init_is_none() -> None:
    """Checksum, chunk type and length are checked."""
    packet = SctpInit(40000, 80, SCTP_INIT, tag=0, initiate_tag=99).encode()

    assert SctpInit.decode(packet[:-1] + b"\xff") is None
    assert SctpInit.decode(packet[:20]) is None
    assert SctpInit.decode(packet[:12] + b"\x06" + packet[13:]) is None
