"""A TCP proxy between a client and a server that cuts, stalls or slows what goes through it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transfer.clock import SystemClock

_CHUNK_BYTES = 16 * 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing drops what is queued, and sends RST


class CuttingProxy:
    """Passes bytes on until told otherwise; `sent_bytes` have gone to the server so far."""

    def __init__(self, host: str, port: int) -> None:
        self.sent_bytes = 0
        self.cut = asyncio.Event()
        self._target = (host, port)
        self._clock = SystemClock()
        self._cut_at: int | None = None
        self._bytes_per_second: float | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where clients connect, on 127.0.0.1."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    # ── What tests ask for ───────────────────────────────────────────────────────────────────

    def cut_after(self, size: int) -> None:
        """Cut all connections once `size` more bytes have gone to the server; `cut` is set then."""
        self.cut.clear()
        self._cut_at = self.sent_bytes + size

    def cut_now(self) -> None:
        """Cut all connections without a word: both ends see a reset."""
        self._cut_at = None
        for writer in tuple(self._writers):
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        self.cut.set()

    def stall(self) -> None:
        """Pass nothing on, in either direction, until `resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        """Pass bytes on again."""
        self._flowing.set()

    def slow_down(self, bytes_per_second: float | None) -> None:
        """Pass at most as much to the server a second, None for no limit."""
        self._bytes_per_second = bytes_per_second

    # ── Inside ───────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        """Cut what is open, and listen no more."""
        assert self._server is not None
        self._server.close()
        self.cut_now()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            there = await asyncio.open_connection(*self._target)
            self._writers.add(there[1])
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass_on(reader, there[1], counted=True))
                    group.create_task(self._pass_on(there[0], writer, counted=False))
            finally:
                await self._shut(there[1])
        except* OSError:
            pass
        except* asyncio.CancelledError:
            pass  # by `close`; asyncio's streams would log it as a fault
        finally:
            await self._shut(writer)
            self._tasks.discard(task)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            await self._flowing.wait()
            if counted:
                if self._bytes_per_second is not None:
                    await self._clock.sleep(len(chunk) / self._bytes_per_second)
                if self._cut_at is not None and self.sent_bytes + len(chunk) >= self._cut_at:
                    self.cut_now()
                    return
                self.sent_bytes += len(chunk)
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()

    async def _shut(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def cutting_proxy(port: int, host: str = "127.0.0.1") -> AsyncIterator[CuttingProxy]:
    """Run a proxy in front of `host`:`port`."""
    proxy = CuttingProxy(host, port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
