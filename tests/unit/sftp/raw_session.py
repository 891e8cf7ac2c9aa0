"""SFTP spoken packet by packet, as no client does: in pieces, without waiting, without reading."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncssh import SSHClientConnection, SSHReader, SSHWriter
from asyncssh.packet import String, UInt32, UInt64

from tests.e2e.sftp.gateway import Gateway

OPEN, CLOSE, READ, WRITE, STAT, REALPATH = 3, 4, 5, 6, 17, 16
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
OK, EOF, FAILURE = 0, 1, 4
READING, WRITING = 0x01, 0x1A
"""Flags of OPEN: to read; to write, create and truncate."""

WINDOW = 2 * 1024 * 1024


def packet(kind: int, body: bytes, number: int | None = 0) -> bytes:
    """Return a request; `number` is its id."""
    content = bytes((kind,)) + (b"" if number is None else UInt32(number)) + body
    return UInt32(len(content)) + content


def write(handle: bytes, offset: int, data: bytes, number: int = 0) -> bytes:
    return packet(WRITE, String(handle) + UInt64(offset) + String(data), number)


def read(handle: bytes, offset: int, size: int, number: int = 0) -> bytes:
    return packet(READ, String(handle) + UInt64(offset) + UInt32(size), number)


class Reply:
    """A reply: its type, the id of its request, and what it says."""

    def __init__(self, content: bytes) -> None:
        self.kind = content[0]
        self.number = int.from_bytes(content[1:5], "big")
        self.body = content[5:]

    @property
    def status(self) -> int:
        assert self.kind == STATUS, self.kind
        return int.from_bytes(self.body[:4], "big")

    @property
    def string(self) -> bytes:
        """The handle, or the data."""
        assert self.kind in (HANDLE, DATA), (self.kind, self.body)
        [size] = struct.unpack_from(">I", self.body)
        assert size == len(self.body) - 4
        return self.body[4:]


class RawSession:
    """A channel with the SFTP subsystem."""

    def __init__(self, reader: "SSHReader[bytes]", writer: "SSHWriter[bytes]") -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *packets: bytes) -> None:
        self.writer.write(b"".join(packets))

    async def reply(self) -> Reply:
        [size] = struct.unpack(">I", await self.reader.readexactly(4))
        return Reply(await self.reader.readexactly(size))

    async def ask(self, kind: int, body: bytes) -> Reply:
        self.send(packet(kind, body))
        return await self.reply()

    async def open(self, path: bytes, flags: int) -> bytes:
        return (await self.ask(OPEN, String(path) + UInt32(flags) + UInt32(0))).string

    async def is_over(self) -> bool:
        return await self.reader.read(1) == b""


@asynccontextmanager
async def raw_session(
    connection: SSHClientConnection, *, window: int = WINDOW, packet_bytes: int = 32 * 1024
) -> AsyncIterator[RawSession]:
    """Open a channel, and agree on version 3."""
    writer, reader, _ = await connection.open_session(
        subsystem="sftp", encoding=None, window=window, max_pktsize=packet_bytes
    )
    session = RawSession(reader, writer)
    session.send(packet(1, UInt32(3), None))
    assert (await session.reply()).kind == 2
    yield session
    writer.close()


@asynccontextmanager
async def raw_client(gateway: Gateway) -> AsyncIterator[RawSession]:
    """Connect and open such a channel."""
    async with gateway.connect() as connection, raw_session(connection) as session:
        yield session
