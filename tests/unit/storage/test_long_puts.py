"""Long bodies, which the loop sends from where they lie: whole, or not at all and told why."""

import asyncio
import errno
import os
import random
import socket
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from tests.unit.storage.fake_s3 import OK, SETTINGS, answering, fake_s3
from transfer.core.errors import StoreUnavailableError
from transfer.storage.s3 import S3ObjectStore

MIB = 1 << 20
BODY = random.Random(3).randbytes(8 * MIB)
LENGTH = f"content-length: {len(BODY)}".encode()
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
DEAF = 4096
"""A receive buffer so small that the sender has to wait."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Seen:
    """What a store was sent on its connections."""

    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def store_at(
    serve: Serve, seen: Seen, *, attempts: int = 1, read_seconds: float = 20
) -> AsyncIterator[S3ObjectStore]:
    """A store whose server reads a request's head, and does what `serve` does."""

    connections: set[asyncio.Task[None] | None] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        connections.add(asyncio.current_task())
        try:
            # asyncio complains of a connection whose task ends as cancelled.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    seen.heads.append(await reader.readuntil(b"\r\n\r\n"))
                    await serve(reader, writer)
                    await writer.drain()
        finally:
            writer.transport.abort()

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DEAF)
    server = await asyncio.start_server(connected, sock=listening, limit=DEAF)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    settings = replace(
        SETTINGS, endpoint_url=url, attempts=attempts, read_timeout_seconds=read_seconds
    )
    try:
        async with server, S3ObjectStore(settings) as store:
            yield store
    finally:
        waited = [task for task in connections if task is not None]
        for task in waited:
            task.cancel()
        await asyncio.gather(*waited, return_exceptions=True)


async def upload(store: S3ObjectStore) -> str:
    return await store.upload_part("key", "id", 1, memoryview(BODY), crc64nvme=0)


async def taking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Seen) -> None:
    seen.bodies.append(await reader.readexactly(len(BODY)))
    writer.write(OK)


async def test_it_comes_whole_by_a_connection_that_is_used_again() -> None:
    seen = Seen()
    async with store_at(lambda reader, writer: taking(reader, writer, seen), seen) as store:
        assert [await upload(store) for _ in range(2)] == ['"e"', '"e"']
    assert seen.bodies == [BODY, BODY]
    assert [LENGTH in head for head in seen.heads] == [True, True]
    assert seen.connections == 1


async def test_none_of_it_is_copied_for_a_store_that_takes_it_slowly() -> None:
    begun, go_on, seen = asyncio.Event(), asyncio.Event(), Seen()

    async def waiting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        await taking(reader, writer, seen)

    async with store_at(waiting, seen) as store:
        tracemalloc.start()
        try:
            sending = asyncio.create_task(upload(store))
            await asyncio.wait_for(begun.wait(), 20)
            await asyncio.wait({sending}, timeout=0.1)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        go_on.set()
        await sending
    assert peak < MIB
    assert seen.bodies == [BODY]


async def test_a_store_may_take_longer_than_its_time_as_long_as_it_takes_some() -> None:
    seen = Seen()

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = bytearray()
        while len(body) < len(BODY):
            body += await reader.readexactly(MIB)
            await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=0.1)
        seen.bodies.append(bytes(body))
        writer.write(OK)

    async with store_at(slowly, seen, read_seconds=0.4) as store:
        await upload(store)
    assert seen.bodies == [BODY]


async def test_a_store_that_takes_no_more_is_unavailable() -> None:
    seen = Seen()

    async def never(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with store_at(never, seen, read_seconds=0.2) as store:
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            await upload(store)


@pytest.mark.parametrize("closes", [False, True], ids=["stays", "closes"])
async def test_a_store_that_refuses_before_it_has_all_of_it_is_heard(closes: bool) -> None:
    seen = Seen()

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if seen.connections > 1:
            await taking(reader, writer, seen)
            return
        writer.write(REFUSED)
        await writer.drain()
        if closes:
            writer.close()
        else:
            await asyncio.Event().wait()

    async with store_at(early, seen) as store:
        with pytest.raises(StoreUnavailableError, match="403"):
            await upload(store)
        assert await upload(store) == '"e"', "by another connection"
    assert seen.connections == 2
    assert seen.bodies == [BODY]


async def test_a_connection_that_breaks_in_the_middle_is_another_try() -> None:
    seen = Seen()

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if seen.connections > 1:
            await taking(reader, writer, seen)
            return
        await reader.readexactly(2 * MIB)
        writer.transport.abort()
        raise ConnectionAbortedError

    async with store_at(cut, seen, attempts=2) as store:
        assert await upload(store) == '"e"'
    assert seen.bodies == [BODY]
    assert seen.connections == 2


async def test_without_a_file_descriptor_to_spare_the_store_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Seen()

    def none_left(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    async with store_at(lambda reader, writer: taking(reader, writer, seen), seen) as store:
        with monkeypatch.context() as few:
            few.setattr(os, "dup", none_left)
            with pytest.raises(StoreUnavailableError):
                await upload(store)
        assert await upload(store) == '"e"'
    assert seen.bodies == [BODY]


async def test_a_part_without_an_etag_is_none() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answering("200 OK")
        with pytest.raises(StoreUnavailableError, match="what it has stored"):
            await upload(store)
