"""What a client takes of an answer, as fast as it does; from a pipe without a copy of it."""

import asyncio
import os
from types import TracebackType
from typing import Self

from aiohttp import web

from transfer.http.policy import HttpPolicy
from transfer.ports import Piped

_SLICE_BYTES = 256 * 1024
"""What must be taken within `stalled_write`: slow receivers are welcome, absent ones are not."""

Chunk = bytes | memoryview | Piped


def takes_pipes(request: web.Request) -> bool:
    """Whether the connection of `request` is one whose bytes we needn't touch: without TLS."""
    transport = request.transport
    return transport is not None and transport.get_extra_info("sslcontext") is None


class Outlet:
    """The way of a body that has begun: its connection, to be left before the answer ends."""

    def __init__(
        self, request: web.Request, response: web.StreamResponse, policy: HttpPolicy
    ) -> None:
        self._request = request
        self._response = response
        self._stalled_seconds = policy.stalled_write.total_seconds()
        self._buffer_bytes = max(policy.write_buffer_bytes, 2 * _SLICE_BYTES)
        self._socket: int | None = None

    def __enter__(self) -> Self:
        self._buffer(self._buffer_bytes)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._socket is not None:
            os.close(self._socket)

    async def write(self, chunk: Chunk) -> None:
        """Send `chunk`; on return its pipe is empty, and its bytes in a buffer at worst.

        Raises:
            TimeoutError: the client takes nothing.
            ConnectionError: it is gone.
        """
        if isinstance(chunk, Piped):
            await self._pour(chunk)
            return
        if self._socket is not None:
            self._buffer(self._buffer_bytes)
        view = memoryview(chunk)
        for start in range(0, len(view), _SLICE_BYTES):
            async with self._in_time():
                await self._response.write(view[start : start + _SLICE_BYTES])

    def _in_time(self) -> asyncio.Timeout:
        return asyncio.timeout(self._stalled_seconds)

    def _buffer(self, size: int) -> None:
        """Let a whole chunk wait in the socket's buffer; small ones cost a download dearly."""
        if self._request.transport is not None:
            low = max(0, size - _SLICE_BYTES)
            self._request.transport.set_write_buffer_limits(high=size, low=low)

    async def _pour(self, chunk: Piped) -> None:
        async with self._in_time():
            socket = await self._bare_socket()
        for start in range(0, chunk.size, _SLICE_BYTES):
            size = min(_SLICE_BYTES, chunk.size - start)
            async with self._in_time():
                await _splice(chunk.pipe, socket, size)
            self._request.writer.output_size += size

    async def _bare_socket(self) -> int:
        """Return the connection's socket, with everything gone that was written before.

        It is a copy of the file descriptor: the loop watches no other of a transport for us.
        """
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        if transport.get_write_buffer_size():
            self._buffer(0)
            await self._request.writer.drain()
        if self._socket is None:
            self._socket = os.dup(transport.get_extra_info("socket").fileno())
        return self._socket


async def _splice(pipe: int, socket: int, size: int) -> None:
    """Move `size` bytes, which the pipe has, as fast as they are taken."""
    while size:
        try:
            size -= os.splice(pipe, socket, size)
        except BlockingIOError:
            await _writable(socket)


async def _writable(socket: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(socket, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(socket)
