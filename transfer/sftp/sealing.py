"""Packets of a channel's data: put together in one place, encrypted to where they are sent from.

Source: RFC 4253, 6: a packet's length, and that of its padding; RFC 4254, 5.2: data of a channel.
"""

import os
from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

from asyncssh.constants import MSG_CHANNEL_DATA

from transfer.ports import Buffer
from transfer.sftp.gcm import HEADER_BYTES, TAG_BYTES, KeptGcm

DATA = Struct(">BBII")
"""How data of a channel begins, and a window that widens: padding, type, channel, size."""

DATA_HEADER = DATA.size

_LEAST_PADDING = 4
_BLOCK = 16
_MOST_PADDING = _BLOCK + _LEAST_PADDING
_OVERHEAD = HEADER_BYTES + DATA_HEADER + _MOST_PADDING + TAG_BYTES

_LONGEST_DATA = 256 * 1024
"""How much data a packet carries at most, whatever its client takes."""


class Sealed(NamedTuple):
    """Packets that can be sent: how many they are, and how long before they were encrypted."""

    data: memoryview
    packets: int
    plain_bytes: int


class Sealer:
    """Encrypts data of channels. One is enough for a loop: its place stays in the CPU's cache."""

    def __init__(self) -> None:
        self._packet = memoryview(bytearray(_LONGEST_DATA + _OVERHEAD))

    def seal(
        self,
        encryption: KeptGcm,
        channel: int,
        pieces: Sequence[Buffer],
        size: int,
        packet_bytes: int,
    ) -> Sealed:
        """Encrypt `pieces`, `size` bytes together, in packets of at most `packet_bytes` of data."""
        packet_bytes = min(packet_bytes, _LONGEST_DATA)
        packets = -(-size // packet_bytes)
        chance = memoryview(os.urandom(packets * _MOST_PADDING))
        sealed = memoryview(bytearray(size + packets * _OVERHEAD))
        packet, gathered = self._packet, _Gathered(pieces)
        plain_bytes = end = 0
        for start in range(0, size, packet_bytes):
            count = min(packet_bytes, size - start)
            stop = DATA_HEADER + count
            padding = padding_of(stop)
            DATA.pack_into(packet, 0, padding, MSG_CHANNEL_DATA, channel, count)
            gathered.fill(packet[DATA_HEADER:stop])
            packet[stop : stop + padding] = chance[:padding]
            chance = chance[padding:]
            header = (stop + padding).to_bytes(HEADER_BYTES, "big")
            sealed[end : end + HEADER_BYTES] = header
            begin, end = end + HEADER_BYTES, end + HEADER_BYTES + stop + padding + TAG_BYTES
            encryption.seal_into(header, packet[: stop + padding], sealed[begin:end])
            plain_bytes += stop + padding
        return Sealed(sealed[:end], packets, plain_bytes)


def padding_of(size: int) -> int:
    """Return how many bytes of padding `size` bytes of a packet get, its length not counted."""
    padding = -size % _BLOCK
    return padding if padding >= _LEAST_PADDING else padding + _BLOCK


class _Gathered:
    """Pieces of bytes, to be copied one after the other to wherever there is room for some."""

    def __init__(self, pieces: Sequence[Buffer]) -> None:
        self._left = iter(pieces)
        self._rest = memoryview(b"")

    def fill(self, room: memoryview) -> None:
        """Copy what comes next, which is enough."""
        at = 0
        while at < len(room):
            if not self._rest:
                self._rest = memoryview(next(self._left))
            piece = self._rest[: len(room) - at]
            room[at : at + len(piece)] = piece
            self._rest = self._rest[len(piece) :]
            at += len(piece)
