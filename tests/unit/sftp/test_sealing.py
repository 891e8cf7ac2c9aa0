"""Packets that we put together are such as asyncssh opens, whatever the pieces are like."""

from collections.abc import Sequence

from asyncssh.constants import MSG_CHANNEL_DATA
from asyncssh.encryption import GCMEncryption, get_encryption
from hypothesis import given
from hypothesis import strategies as st

from tests.engine_room import KIB
from transfer.sftp.gcm import TAG_BYTES, KeptGcm
from transfer.sftp.sealing import Sealer

SEALER = Sealer()
CHANNEL = 3


def stock() -> GCMEncryption:
    made = get_encryption(b"aes128-gcm@openssh.com", bytes(16), bytes(12))
    assert isinstance(made, GCMEncryption)
    return made


def opened(sealed: memoryview) -> list[bytes]:
    """Return the packets, without their lengths."""
    encryption, at, packets = stock(), 0, []
    while at < len(sealed):
        header, begin = bytes(sealed[at : at + 4]), at + 4
        end = begin + int.from_bytes(header, "big")
        rest, tag = bytes(sealed[begin:end]), bytes(sealed[end : end + TAG_BYTES])
        packet = encryption.decrypt_packet(0, header, rest, 4, tag)
        assert packet is not None
        packets.append(packet)
        at = end + TAG_BYTES
    return packets


def data_in(packet: bytes) -> bytes:
    padding, kind = packet[0], packet[1]
    channel, size = (int.from_bytes(packet[at : at + 4], "big") for at in (2, 6))
    assert (kind, channel) == (MSG_CHANNEL_DATA, CHANNEL)
    assert 4 <= padding < 20
    assert len(packet) % 16 == 0
    assert len(packet) == 10 + size + padding
    return packet[10 : 10 + size]


@given(st.lists(st.binary(max_size=70), min_size=1), st.integers(1, 90))
def test_data_comes_out_as_it_went_in(pieces: Sequence[bytes], packet_bytes: int) -> None:
    data = b"".join(pieces)
    made = SEALER.seal(KeptGcm(stock()), CHANNEL, pieces, len(data), packet_bytes)
    packets = opened(made.data)
    assert b"".join(map(data_in, packets)) == data
    assert [len(data_in(packet)) for packet in packets[:-1]] == [packet_bytes] * (len(packets) - 1)
    assert made.packets == len(packets)
    assert made.plain_bytes == sum(map(len, packets))


def test_a_client_that_takes_huge_packets_gets_some_of_256_kib() -> None:
    data = bytes(600 * KIB)
    made = SEALER.seal(KeptGcm(stock()), CHANNEL, [data], len(data), 1 << 31)
    sizes = [len(data_in(packet)) for packet in opened(made.data)]
    assert sizes == [256 * KIB, 256 * KIB, 88 * KIB]


def test_padding_is_not_what_the_packet_before_had_there() -> None:
    made = SEALER.seal(KeptGcm(stock()), CHANNEL, [b"x" * 14], 14, 7)
    paddings = [packet[-packet[0] :] for packet in opened(made.data)]
    assert len(paddings) == len(set(paddings)) == 2
