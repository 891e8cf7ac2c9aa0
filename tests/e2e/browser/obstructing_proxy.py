"""A proxy that ends TLS and gets in the way, as those of companies do."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.service import Service
from transfer.clock import SystemClock
from transfer.http.tls import server_context

_CHUNK_BYTES = 64 * 1024
_MOST_HEAD_BYTES = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, kw_only=True)
class Request:
    """The head of a request, as far as a proxy looks at it."""

    head: bytes
    method: str
    path: str
    length: int


@dataclass(kw_only=True)
class Obstacles:
    """What the proxy does to requests.

    `refuses` answers those with 413; `cuts` cuts them off without a word. Of the others it passes
    a body on only when it has all of it if it `collects`, at `bytes_per_second` from the client,
    and so it does with answers. Of those that it `damages` it changes the last byte.
    """

    refuses: Callable[[Request], bool] = lambda _: False
    cuts: Callable[[Request], bool] = lambda _: False
    collects: bool = False
    bytes_per_second: int | None = None
    damages: Callable[[Request], bool] = lambda _: False


class ObstructingProxy:
    """Each connection carries one request."""

    def __init__(self, service: Service, obstacles: Obstacles) -> None:
        self._service = service
        self._obstacles = obstacles
        self._clock = SystemClock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where browsers find it."""
        assert self._server is not None
        return f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1, with the service's own certificate."""
        context = server_context(self._service.certificate, self._service.data / "tls-key.pem")
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, ssl=context, limit=_MOST_HEAD_BYTES
        )

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
        try:
            await self._serve(reader, writer)
        except* (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            await _shut(writer)
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = _parsed(await reader.readuntil(_END_OF_HEAD))
        if self._obstacles.cuts(request):
            writer.transport.abort()
            return
        if self._obstacles.refuses(request):
            writer.write(
                b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            await writer.drain()
            await _swallow(reader)
            return
        host, _, port = self._service.url.partition("//")[2].partition(":")
        there, to = await asyncio.open_connection(host, int(port), ssl=self._service.tls)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send_on(request, reader, to))
                group.create_task(self._answer(there, writer))
        finally:
            await _shut(to)

    async def _send_on(
        self, request: Request, reader: asyncio.StreamReader, to: asyncio.StreamWriter
    ) -> None:
        held, left = bytearray(request.head), request.length
        while True:
            if not self._obstacles.collects or not left:
                to.write(bytes(held))
                await to.drain()
                held.clear()
            if not left:
                return
            chunk = await reader.read(min(left, _CHUNK_BYTES))
            if not chunk:
                to.transport.abort()
                return
            left -= len(chunk)
            if not left and self._obstacles.damages(request):
                chunk = chunk[:-1] + bytes([chunk[-1] ^ 1])
            held += chunk
            if self._obstacles.bytes_per_second is not None:
                await self._clock.sleep(len(chunk) / self._obstacles.bytes_per_second)

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._obstacles.collects:
            writer.write(await there.read())
        else:
            while chunk := await there.read(_CHUNK_BYTES):
                writer.write(chunk)
                await writer.drain()
        await writer.drain()
        writer.close()


def _parsed(head: bytes) -> Request:
    """Return what a head says, and the head as it is passed on: for this request alone."""
    first, *fields = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    named = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
    kept = [field for field in fields if not field.lower().startswith("connection:")]
    passed_on = "\r\n".join([first, *kept, "Connection: close", "", ""])
    return Request(
        head=passed_on.encode("latin-1"),
        method=method,
        path=path,
        length=int(named.get("content-length", 0)),
    )


async def _swallow(reader: asyncio.StreamReader) -> None:
    """Read what comes anyway, so that the client gets to see the answer."""
    while await reader.read(_CHUNK_BYTES):
        pass


async def _shut(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


@asynccontextmanager
async def obstructing_proxy(
    service: Service, obstacles: Obstacles
) -> AsyncIterator[ObstructingProxy]:
    """Run a proxy before `service`."""
    proxy = ObstructingProxy(service, obstacles)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
