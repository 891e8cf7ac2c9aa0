"""A proxy that ends TLS, and damages bytes on their way to the server, as bad memory would."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.service import Service
from transfer.http.tls import server_context

_CHUNK_BYTES = 64 * 1024


class DamagingProxy:
    """Passes bytes on; of those with `marker` among them, it damages as many as it is told to."""

    def __init__(self, service: Service) -> None:
        self.damaged = 0
        self._service = service
        self._marker = b""
        self._left = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where browsers find it."""
        assert self._server is not None
        return f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def damage(self, marker: bytes, times: int = 1) -> None:
        """Change `marker` where it comes next on its way to the server."""
        self._marker, self._left = marker, times

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1, with the service's own certificate."""
        key = self._service.data / "tls-key.pem"
        context = server_context(self._service.certificate, key)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)

    async def close(self) -> None:
        """Listen no more, and drop what is open."""
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        host, _, port = self._service.url.partition("//")[2].partition(":")
        try:
            there = await asyncio.open_connection(host, int(port), ssl=self._service.tls)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass_on(reader, there[1], damages=True))
                    group.create_task(self._pass_on(there[0], writer, damages=False))
            finally:
                await _shut(there[1])
        except* (OSError, ssl.SSLError):
            pass
        except* asyncio.CancelledError:
            pass  # by `close`; asyncio's streams would log it as a fault
        finally:
            await _shut(writer)
            self._tasks.discard(task)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, damages: bool
    ) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(self._damaged(chunk) if damages else chunk)
            await writer.drain()
        writer.close()  # TLS has no half-closed connections

    def _damaged(self, chunk: bytes) -> bytes:
        at = chunk.find(self._marker) if self._left else -1
        if at < 0:
            return chunk
        self._left -= 1
        self.damaged += 1
        return chunk[:at] + bytes([chunk[at] ^ 1]) + chunk[at + 1 :]


async def _shut(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


@asynccontextmanager
async def damaging_proxy(service: Service) -> AsyncIterator[DamagingProxy]:
    """Run a proxy in front of a service."""
    proxy = DamagingProxy(service)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
