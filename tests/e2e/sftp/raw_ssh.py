"""The first packets of SSH, by hand: what no client sends, and what servers say before keys."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.e2e.sftp.gateway import HOST

DISCONNECT, IGNORE, SERVICE_REQUEST, EXT_INFO, KEXINIT = 1, 2, 5, 7, 20
USERAUTH_REQUEST, USERAUTH_SUCCESS, GLOBAL_REQUEST, CHANNEL_OPEN = 50, 52, 80, 90

LISTS = (
    "kex",
    "host key",
    "encryption to server",
    "encryption to client",
    "mac to server",
    "mac to client",
    "compression to server",
    "compression to client",
    "languages to server",
    "languages to client",
)
STRICT = "kex-strict-c-v00@openssh.com"

MODERN: Mapping[str, Sequence[str]] = {
    "kex": ("curve25519-sha256", STRICT),
    "host key": ("ssh-ed25519",),
    "encryption to server": ("aes128-gcm@openssh.com",),
    "encryption to client": ("aes128-gcm@openssh.com",),
    "mac to server": ("hmac-sha2-256-etm@openssh.com",),
    "mac to client": ("hmac-sha2-256-etm@openssh.com",),
    "compression to server": ("none",),
    "compression to client": ("none",),
}


@dataclass
class RawSsh:
    """A connection on which versions were exchanged, and no keys yet."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes

    async def send(self, *payloads: bytes) -> None:
        for payload in payloads:
            padding = 8 - (5 + len(payload)) % 8
            padding += 8 if padding < 4 else 0
            size = 1 + len(payload) + padding
            self.writer.write(struct.pack(">IB", size, padding) + payload + os.urandom(padding))
        await self.writer.drain()

    async def receive(self) -> bytes:
        """The next packet's payload; none once the server has closed."""
        try:
            size, padding = struct.unpack(">IB", await self.reader.readexactly(5))
            rest = await self.reader.readexactly(size - 1)
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        return rest[: len(rest) - padding]

    async def farewell(self, seconds: float = 10) -> list[int]:
        """Wait until the server closes; return the types of the packets until then."""
        seen = []
        async with asyncio.timeout(seconds):
            while payload := await self.receive():
                seen.append(payload[0])
        return seen


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(raw)) + raw


def kexinit(lists: Mapping[str, Sequence[str]] = MODERN) -> bytes:
    names = b"".join(text(",".join(lists.get(name, ()))) for name in LISTS)
    return bytes([KEXINIT]) + os.urandom(16) + names + bytes(5)


def lists_of(payload: bytes) -> dict[str, list[str]]:
    """What a KEXINIT offers."""
    assert payload[0] == KEXINIT
    found, at = {}, 17
    for name in LISTS:
        (size,) = struct.unpack_from(">I", payload, at)
        names = payload[at + 4 : at + 4 + size].decode()
        found[name] = names.split(",") if names else []
        at += 4 + size
    return found


@asynccontextmanager
async def raw_ssh(port: int, *, version: bytes = b"SSH-2.0-Raw") -> AsyncIterator[RawSsh]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        async with asyncio.timeout(10):
            greeting = await reader.readline()
        writer.write(version + b"\r\n")
        yield RawSsh(reader, writer, greeting)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
