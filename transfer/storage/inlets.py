"""Bytes from a socket into memory that is used again, taken by the loop itself.

A thread that reads ahead wants the interpreter's lock for every piece that comes, and is handed
over to and from for every chunk; of a fast download that costs more than the bytes do.
"""

import asyncio
import os
import socket


class Lender:
    """Memory of `size` bytes, lent again and again, but never while somebody looks at it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._memory = bytearray(size)
        self._lent = memoryview(b"")

    def lend(self, size: int) -> memoryview:
        """Return `size` bytes to be filled. What was lent before is void.

        Slices of that are not: where there still are any, these keep their memory.
        """
        self._lent.release()
        try:
            # What a view refers to can't change its size.
            self._memory.append(self._memory.pop())
        except BufferError:
            self._memory = bytearray(self._size)
        self._lent = memoryview(self._memory)[:size]
        return self._lent


class Inlet:
    """What comes by a socket that doesn't block, in chunks of up to `chunk_bytes`."""

    def __init__(self, descriptor: int, chunk_bytes: int, *, timeout_seconds: float) -> None:
        """Take a copy of a socket's file descriptor: the loop watches nothing of its owner's.

        Raises:
            OSError: there are no more file descriptors.
        """
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._lender = Lender(chunk_bytes)
        self._timeout_seconds = timeout_seconds

    async def take(self, wanted: int) -> memoryview:
        """Return the next `wanted` bytes, fewer at the end; valid until the next are taken.

        Raises:
            OSError: the connection is lost, or nothing came for too long.
        """
        await _turn()
        chunk = self._lender.lend(wanted)
        taken = 0
        while taken < wanted:
            try:
                count = self._socket.recv_into(chunk[taken:])
            except BlockingIOError:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._readable()
                continue
            if not count:
                return chunk[:taken]
            taken += count
        return chunk

    def close(self) -> None:
        """Let go of the socket. Repeatable."""
        self._socket.close()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._socket, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._socket)


async def _turn() -> None:
    """Let others have theirs: between a fast store and a fast client nothing ever waits."""
    come = asyncio.Event()
    asyncio.get_running_loop().call_soon(come.set)
    await come.wait()
