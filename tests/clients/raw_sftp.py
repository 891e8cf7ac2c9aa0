"""SFTP version 3 packet by packet, so that a test decides on each, and on their order."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncssh
from asyncssh.constants import (
    FILEXFER_ATTR_ACMODTIME,
    FILEXFER_ATTR_PERMISSIONS,
    FILEXFER_ATTR_SIZE,
    FX_EOF,
    FX_OK,
    FXP_ATTRS,
    FXP_DATA,
    FXP_HANDLE,
    FXP_INIT,
    FXP_NAME,
    FXP_STATUS,
    FXP_VERSION,
)

from tests.clients.asyncssh_client import signed_in
from tests.clients.client import Login

VERSION = 3


class StatusError(Exception):
    """What a server answers that doesn't do what it was asked."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Reply:
    """A packet that answers a request."""

    kind: int
    body: bytes

    def succeeded(self) -> None:
        """Raise what it says, if that isn't success."""
        self._is(FXP_STATUS)

    @property
    def handle(self) -> bytes:
        """The handle that it gives."""
        return self._is(FXP_HANDLE)[4:]

    @property
    def data(self) -> bytes:
        """The bytes that were read, none at the end of the file."""
        if self.kind == FXP_STATUS and self._code == FX_EOF:
            return b""
        return self._is(FXP_DATA)[4:]

    @property
    def size(self) -> int:
        """The size among the attributes that it gives."""
        body = self._is(FXP_ATTRS)
        (flags,) = struct.unpack_from(">I", body)
        assert flags & FILEXFER_ATTR_SIZE
        (size,) = struct.unpack_from(">Q", body, 4)
        return int(size)

    @property
    def path(self) -> bytes:
        """The first of the names that it gives."""
        body = self._is(FXP_NAME)
        (length,) = struct.unpack_from(">I", body, 4)
        return body[8 : 8 + length]

    @property
    def _code(self) -> int:
        return int.from_bytes(self.body[:4])

    def _is(self, kind: int) -> bytes:
        if self.kind == FXP_STATUS and not (kind == FXP_STATUS and self._code == FX_OK):
            (length,) = struct.unpack_from(">I", self.body, 4)
            raise StatusError(self._code, self.body[8 : 8 + length].decode())
        assert self.kind == kind, f"packet {self.kind} instead of {kind}"
        return self.body


class RawSftp:
    """One session. `send` waits for no reply; `reply` waits for one, whatever comes before it."""

    def __init__(
        self, reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]"
    ) -> None:
        self.extensions: dict[bytes, bytes] = {}
        self._reader = reader
        self._writer = writer
        self._replies: dict[int, Reply] = {}
        self._last_id = 0

    async def start(self) -> None:
        """Agree on the version, and learn which extensions there are."""
        self._write(bytes([FXP_INIT]) + struct.pack(">I", VERSION))
        packet = await self._packet()
        assert packet[0] == FXP_VERSION
        assert packet[1:5] == struct.pack(">I", VERSION)
        strings, at = [], 5
        while at < len(packet):
            length = int.from_bytes(packet[at : at + 4])
            strings.append(packet[at + 4 : at + 4 + length])
            at += 4 + length
        self.extensions = dict(zip(strings[::2], strings[1::2], strict=True))

    async def send(self, kind: int, *parts: bytes) -> int:
        """Send a request, and return its number."""
        self._last_id += 1
        self._write(bytes([kind]) + struct.pack(">I", self._last_id) + b"".join(parts))
        await self._writer.drain()
        return self._last_id

    async def reply(self, number: int) -> Reply:
        """Return the reply to the request of that number."""
        while number not in self._replies:
            packet = await self._packet()
            self._replies[int.from_bytes(packet[1:5])] = Reply(packet[0], packet[5:])
        return self._replies.pop(number)

    async def ask(self, kind: int, *parts: bytes) -> Reply:
        """Send a request, and return the reply to it."""
        return await self.reply(await self.send(kind, *parts))

    def _write(self, packet: bytes) -> None:
        self._writer.write(struct.pack(">I", len(packet)) + packet)

    async def _packet(self) -> bytes:
        length = int.from_bytes(await self._reader.readexactly(4))
        return await self._reader.readexactly(length)


@asynccontextmanager
async def raw_session(login: Login) -> AsyncIterator[RawSftp]:
    """Sign in, and begin a session."""
    async with signed_in(login) as connection:
        writer, reader, _ = await connection.open_session(subsystem="sftp", encoding=None)
        session = RawSftp(reader, writer)
        await session.start()
        yield session


def number(value: int) -> bytes:
    """Return a number of 32 bits."""
    return struct.pack(">I", value)


def offset_of(value: int) -> bytes:
    """Return a number of 64 bits."""
    return struct.pack(">Q", value)


def string(value: bytes | str) -> bytes:
    """Return a string with its length."""
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(data)) + data


def attributes(
    *, size: int | None = None, permissions: int | None = None, mtime: int | None = None
) -> bytes:
    """Return attributes of a file."""
    flags, values = 0, b""
    if size is not None:
        flags |= FILEXFER_ATTR_SIZE
        values += struct.pack(">Q", size)
    if permissions is not None:
        flags |= FILEXFER_ATTR_PERMISSIONS
        values += struct.pack(">I", permissions)
    if mtime is not None:
        flags |= FILEXFER_ATTR_ACMODTIME
        values += struct.pack(">II", mtime, mtime)
    return struct.pack(">I", flags) + values
