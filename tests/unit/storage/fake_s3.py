"""A server that records what it is asked, and answers what the test wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from transfer.http.tls import own_certificate
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings

SETTINGS = S3Settings(bucket="bucket", access_key="access", secret_key="secret", attempts=1)

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "e"\r\n\r\n'


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


async def say_ok(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


def answering(
    status: str, body: bytes = b"", *, length: int | None = None, **headers: str
) -> Answer:
    """An answer that is always the same; `length` is what it says to have."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return answer


class FakeS3:
    """What it was asked, and how it answers; requests of one connection come one by one."""

    def __init__(self, settings: S3Settings) -> None:
        self.settings = settings
        self.answer: Answer = say_ok
        self.asked: list[Asked] = []
        self.connections: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        if connection is not None:
            self.connections.add(connection)
        try:
            # asyncio complains of a connection whose task ends as cancelled.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    asked = await _request(reader, writer)
                    self.asked.append(asked)
                    await self.answer(asked, writer)
                    await writer.drain()
        finally:
            writer.transport.abort()


@asynccontextmanager
async def fake_s3(template: S3Settings = SETTINGS, *, tls: bool = False) -> AsyncIterator[FakeS3]:
    """Run a fake on a free port, to be reached by settings that are otherwise `template`."""
    fake = FakeS3(template)
    with TemporaryDirectory() as folder:
        context, settings = _secured(Path(folder), template) if tls else (None, template)
        server = await asyncio.start_server(fake.serve, "127.0.0.1", 0, ssl=context)
        scheme, port = "https" if tls else "http", server.sockets[0].getsockname()[1]
        fake.settings = replace(settings, endpoint_url=f"{scheme}://127.0.0.1:{port}")
        try:
            yield fake
        finally:
            server.close()
            for connection in fake.connections:
                connection.cancel()
            await asyncio.gather(*fake.connections, return_exceptions=True)


def _secured(folder: Path, template: S3Settings) -> tuple[ssl.SSLContext, S3Settings]:
    """Return what a server of TLS needs, and settings that trust it."""
    made = own_certificate(folder, [], datetime.now(UTC))  # noqa: TID251 - OpenSSL asks no clock of ours
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate, made.key)
    return context, replace(template, ca_file=str(made.certificate))


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    if "expect" in headers:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body)


async def read_all(store: S3ObjectStore, size: int) -> int:
    async with store.read("key", 0, size) as chunks:
        return sum([len(chunk) async for chunk in chunks])


async def until(condition: asyncio.Event) -> None:
    await asyncio.wait_for(condition.wait(), 20)
