"""A connection on which a test says every byte itself, and what it then waits for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.e2e.http.http_room import HttpRoom

PAUSE_SECONDS = 0.2
"""So long a pause, and nothing more is expected from a sender."""


class Wire:
    """A connection on which a test says every byte itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, text: str, body: bytes = b"") -> None:
        self.writer.write(text.replace("\n", "\r\n").encode() + body)
        await self.writer.drain()

    async def hear(self) -> tuple[int, str]:
        """Return the status and the head of the next response, and skip its body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = [line for line in head.splitlines() if line.lower().startswith("content-length")]
        if length:
            await self.reader.readexactly(int(length[0].partition(":")[2]))
        return int(head.split()[1]), head

    async def is_closed(self) -> bool:
        async with asyncio.timeout(5):
            return await self.reader.read() == b""

    def cut(self) -> None:
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def wire(room: HttpRoom) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection(room.host, room.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def patch_head(room: HttpRoom, location: str, offset: int, size: int, more: str = "") -> str:
    return (
        f"PATCH {location} HTTP/1.1\nHost: x\nTus-Resumable: 1.0.0\n"
        f"Authorization: Bearer {room.tokens['designated']}\n"
        "Content-Type: application/offset+octet-stream\n"
        f"Upload-Offset: {offset}\nContent-Length: {size}\n{more}\n"
    )


async def received(room: HttpRoom, size: int) -> None:
    """Wait until the engine has taken `size` bytes of the one upload that is running.

    Its sender pauses then: who asks for the upload next needn't wait for more to come.
    """
    async with asyncio.timeout(5):
        while [writer.position for writer in room.engine.leases.writers] != [size]:
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    room.engine.clock.advance(PAUSE_SECONDS)


async def nobody_writes(room: HttpRoom) -> None:
    """Wait until the engine has let go of all uploads."""
    async with asyncio.timeout(5):
        while room.engine.leases.writers:
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
