"""Reads and writes of the S3 store that stall, break off, or are given up."""

import asyncio
import errno
import gc
import os
import random
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psutil
import pytest

from tests.unit.storage.fake_s3 import SETTINGS, Answer, Asked, fake_s3, read_all, say_ok, until
from transfer.clock import SystemClock
from transfer.core.errors import StoreUnavailableError
from transfer.ports import LentReading, Piped, PipedReading
from transfer.storage.pipes import PipeSupply
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_downloads import Download

MIB = 1 << 20


# ── Reading ──────────────────────────────────────────────────────────────────────────────────


def ranged(sent: bytes, *, promised: int | None = None, total: int = 10 * MIB) -> bytes:
    """An answer to a range from 0 that promises more than it sends, if wanted."""
    length = len(sent) if promised is None else promised
    return (
        f"HTTP/1.1 206 Partial Content\r\nContent-Length: {length}\r\n"
        f"Content-Range: bytes 0-{length - 1}/{total}\r\n\r\n"
    ).encode() + sent


async def test_a_read_that_is_left_early_is_cut_and_not_drained() -> None:
    cut = asyncio.Event()
    sent = 0

    async def endless(_: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        try:
            writer.write(ranged(b"", promised=1 << 40, total=1 << 40))
            while True:
                writer.write(bytes(MIB))
                sent += MIB
                await writer.drain()
        except ConnectionError:
            cut.set()

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = endless
        async with store.read("key", 0, 1 << 40) as chunks:
            assert await anext(chunks)
        await until(cut)
    assert sent < 64 * MIB


async def test_a_read_that_is_cancelled_cuts_the_connection() -> None:
    stalled, go_on, cut = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stalling(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(ranged(bytes(MIB), promised=1 << 40, total=1 << 40))
        await writer.drain()
        stalled.set()
        await go_on.wait()
        try:
            while True:
                writer.write(bytes(MIB))
                await writer.drain()
        except ConnectionError:
            cut.set()

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = stalling
        reading = asyncio.create_task(read_all(store, 1 << 40))
        await until(stalled)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        go_on.set()
        await until(cut)


async def test_a_read_that_is_cancelled_before_it_began_leaves_no_connection() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def late(_: Asked, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go_on.wait()
        writer.write(ranged(bytes(MIB), promised=2 * MIB))

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = late
        download = store.read("key", 0, 2 * MIB)
        opening = asyncio.ensure_future(download.__aenter__())
        await until(asked)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        go_on.set()
        await asyncio.wait_for(asyncio.gather(*fake.connections), 20)
        del download  # not before: what nobody refers to is closed anyway


@pytest.mark.parametrize(
    "answer",
    [
        ranged(bytes(100), promised=MIB),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + bytes(MIB),
        ranged(bytes(100)),
    ],
    ids=["cut", "not a range", "another range"],
)
async def test_an_answer_that_is_short_or_not_the_range_is_no_answer(answer: bytes) -> None:
    async def once(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(0)  # so that drain() means sent
        writer.write(answer)
        await writer.drain()
        raise ConnectionAbortedError

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = once
        with pytest.raises(StoreUnavailableError):
            await read_all(store, MIB)


def breaking(data: bytes, *, sends: int, etags: list[str]) -> Answer:
    """Answers to ranges of `data`, each broken off after so many bytes; an ETag for each."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        first, last = map(int, asked.headers["range"].removeprefix("bytes=").split("-"))
        writer.transport.set_write_buffer_limits(0)  # so that drain() means sent
        writer.write(
            f"HTTP/1.1 206 Partial Content\r\nContent-Length: {last - first + 1}\r\n"
            f"ETag: {etags.pop(0)}\r\n"
            f"Content-Range: bytes {first}-{last}/{len(data)}\r\n\r\n".encode()
        )
        writer.write(data[first : min(first + sends, last + 1)])
        await writer.drain()
        if last - first + 1 > sends:
            writer.close()

    return answer


async def test_what_is_missing_is_asked_for_once_more_where_the_store_breaks_off() -> None:
    data = random.Random(1).randbytes(4 * MIB)
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = breaking(data, sends=MIB + 1000, etags=['"e"'] * 9)
        async with store.read("key", 100, len(data) - 100) as chunks:
            assert b"".join([chunk async for chunk in chunks]) == data[100:]
    starts = [asked.headers["range"] for asked in fake.asked]
    assert starts == [f"bytes={100 + at * MIB}-{len(data) - 1}" for at in range(4)]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems can't splice")
@pytest.mark.parametrize("sends", [1 << 40, 5 * MIB + 1000], ids=["whole", "broken off"])
async def test_what_comes_by_pipe_is_the_same(sends: int) -> None:
    data, by_pipe = random.Random(2).randbytes(16 * MIB), 0
    before = psutil.Process().num_fds()
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = breaking(data, sends=sends, etags=['"e"'] * 9)
        async with store.read("key", 100, len(data) - 100) as chunks:
            assert isinstance(chunks, PipedReading)
            got = b""
            async for chunk in chunks.piped():
                got += emptied(chunk) if isinstance(chunk, Piped) else chunk
                by_pipe += chunk.size if isinstance(chunk, Piped) else 0
    assert got == data[100:]
    assert by_pipe > 4 * MIB
    starts = [int(asked.headers["range"].split("=")[1].split("-")[0]) for asked in fake.asked]
    # After the break whole chunks are read, and what is left of the last is asked for again.
    assert starts == (
        [100] if sends > len(data) else [100, *range(100 + sends, len(data), 5 * MIB)]
    )
    del (
        chunks
    )  # it has the pool of its connection, and what urllib3 has pooled the collector closes
    async with asyncio.timeout(20):  # the other ends of our connections are here, too
        while psutil.Process().num_fds() > before:
            gc.collect()
            await SystemClock().sleep(0.01)


def emptied(piped: Piped) -> bytes:
    data = b""
    while len(data) < piped.size:
        data += os.read(piped.pipe, piped.size - len(data))
    return data


@pytest.mark.parametrize("way", ["piped", "lent"])
async def test_an_answer_that_comes_in_pieces_goes_by_no_other_way(way: str) -> None:
    data = random.Random(3).randbytes(6 * MIB)

    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Range: bytes 0-%d/%d\r\n\r\n" % (len(data) - 1, len(data))
        )
        for at in range(0, len(data), 100_000):
            piece = data[at : at + 100_000]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answer
        async with store.read("key", 0, len(data)) as chunks:
            got = [chunk async for chunk in getattr(chunks, way)()]
    assert b"".join(chunk for chunk in got if isinstance(chunk, bytes)) == data


@pytest.mark.parametrize("sends", [1 << 40, 5 * MIB + 1000], ids=["whole", "broken off"])
async def test_what_is_lent_is_the_same(sends: int) -> None:
    data, lent = random.Random(5).randbytes(16 * MIB), 0
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = breaking(data, sends=sends, etags=['"e"'] * 9)
        async with store.read("key", 100, len(data) - 100) as chunks:
            assert isinstance(chunks, LentReading)
            got = b""
            async for chunk in chunks.lent():
                got += chunk
                lent += len(chunk) if isinstance(chunk, memoryview) else 0
    assert got == data[100:]
    assert lent > 4 * MIB
    starts = [int(asked.headers["range"].split("=")[1].split("-")[0]) for asked in fake.asked]
    assert starts == (
        [100] if sends > len(data) else [100, *range(100 + sends, len(data), 5 * MIB)]
    )


async def test_without_a_file_descriptor_to_spare_threads_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_left(_: int) -> int:
        raise OSError(errno.EMFILE, "too many open files")

    data = random.Random(6).randbytes(6 * MIB)
    monkeypatch.setattr("transfer.storage.inlets.os.dup", none_left)
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = breaking(data, sends=1 << 40, etags=['"e"'] * 2)
        async with store.read("key", 0, len(data)) as chunks:
            assert isinstance(chunks, LentReading)
            assert b"".join([bytes(chunk) async for chunk in chunks.lent()]) == data


async def test_a_store_that_stalls_while_it_lends_is_asked_once_more() -> None:
    data, go_on = random.Random(7).randbytes(6 * MIB), asyncio.Event()

    async def stalling(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if len(fake.asked) > 1:
            go_on.set()
            await breaking(data, sends=1 << 40, etags=['"e"'])(asked, writer)
            return
        head = 'HTTP/1.1 206 Partial Content\r\nContent-Length: {0}\r\nETag: "e"\r\n'
        writer.write(
            (head + "Content-Range: bytes 0-{1}/{0}\r\n\r\n")
            .format(len(data), len(data) - 1)
            .encode()
            + data[: 3 * MIB]
        )
        await writer.drain()
        await go_on.wait()

    template = replace(SETTINGS, read_timeout_seconds=0.5)
    async with fake_s3(template) as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = stalling
        async with store.read("key", 0, len(data)) as chunks:
            assert isinstance(chunks, LentReading)
            assert b"".join([bytes(chunk) async for chunk in chunks.lent()]) == data
    assert len(fake.asked) == 2


async def test_a_socket_that_was_left_in_the_middle_of_a_chunk_is_never_read_on() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    size = 5 * MIB
    asked: list[str] = []
    resumed: list[bool] = []

    class Raw:
        chunked = False

        def fileno(self) -> int:
            return ours.fileno()

        def read1(self, _: int) -> bytes:
            return b"head"

    class Body:
        def __init__(self) -> None:
            self._raw_stream = Raw()
            self._is_first = not asked

        def read(self, wanted: int) -> bytes:
            resumed.append(self._is_first)
            return b"x" * wanted

        def close(self) -> None:
            pass

    def request(wanted: str) -> Any:  # noqa: ANN401 -- what boto3 answers
        body = Body()
        asked.append(wanted)
        return {"Body": body, "ContentRange": f"{wanted.replace('=', ' ')}/{size}"}

    with ours, theirs, ThreadPoolExecutor(1) as pool:
        theirs.send(b"half a chunk, and then nothing for too long")
        supply = PipeSupply()
        async with Download(pool, request, 0, size, supply=supply, timeout_seconds=0.1) as chunks:
            got = b"".join([bytes(chunk) async for chunk in chunks.lent()])
    assert got == b"head" + b"x" * (size - 4)
    assert asked == [f"bytes=0-{size - 1}", f"bytes=4-{size - 1}"]
    assert not any(resumed)


async def test_a_lender_that_is_cancelled_cuts_the_connection() -> None:
    stalled, go_on, cut = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stalling(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(ranged(bytes(3 * MIB), promised=1 << 40, total=1 << 40))
        await writer.drain()
        stalled.set()
        await go_on.wait()
        try:
            while True:
                writer.write(bytes(MIB))
                await writer.drain()
        except ConnectionError:
            cut.set()

    async def take(chunks: LentReading) -> None:
        async for _ in chunks.lent():
            pass

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = stalling
        async with store.read("key", 0, 1 << 40) as chunks:
            assert isinstance(chunks, LentReading)
            taking = asyncio.create_task(take(chunks))
            await until(stalled)
            taking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await taking
        go_on.set()
        await until(cut)


async def test_the_rest_of_another_object_is_no_rest() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = breaking(bytes(4 * MIB), sends=MIB + 1000, etags=['"e"', '"f"'])
        with pytest.raises(StoreUnavailableError, match="another one"):
            await read_all(store, 4 * MIB)


async def test_a_store_that_breaks_off_at_the_same_place_again_is_not_asked_a_third_time() -> None:
    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = breaking(bytes(MIB), sends=1000, etags=['"e"'] * 9)
        with pytest.raises(StoreUnavailableError):
            await read_all(store, MIB)
    assert len(fake.asked) == 2


async def test_nothing_is_asked_for_once_more_for_who_has_left() -> None:
    asked: list[str] = []
    reading, left = threading.Event(), threading.Event()

    class Body:
        def read(self, _: int) -> bytes:
            reading.set()
            left.wait(20)
            raise ConnectionResetError

        def close(self) -> None:
            pass

    def request(wanted: str) -> Any:  # noqa: ANN401 -- what boto3 answers
        asked.append(wanted)
        return {"Body": Body(), "ContentRange": "bytes 0-9/10", "ETag": '"e"'}

    with ThreadPoolExecutor(1) as pool:
        async with Download(pool, request, 0, 10):
            assert await asyncio.to_thread(reading.wait, 20)
        left.set()
    assert asked == ["bytes=0-9"]


async def test_reads_that_stall_hold_up_no_write() -> None:
    go_on = asyncio.Event()

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method == "GET":
            await go_on.wait()
            writer.write(ranged(b"x"))
        else:
            await say_ok(asked, writer)

    async def read(store: S3ObjectStore) -> bytes:
        async with store.read("key", 0, 1) as chunks:
            return await anext(chunks)

    template = replace(SETTINGS, read_threads=2, write_threads=2)
    async with fake_s3(template) as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answer
        readers = [asyncio.create_task(read(store)) for _ in range(5)]
        await asyncio.wait_for(store.put("key", bytes(MIB), crc64nvme=0), 20)
        go_on.set()
        assert await asyncio.gather(*readers) == [b"x"] * 5


async def test_a_slow_consumer_takes_no_thread() -> None:
    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(ranged(bytes(4 * MIB)))

    template = replace(SETTINGS, read_threads=1)
    async with fake_s3(template) as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answer
        async with store.read("key", 0, 4 * MIB) as idle:
            await anext(idle)
            assert await read_all(store, 4 * MIB) == 4 * MIB


async def test_a_connection_is_used_again_after_a_whole_read() -> None:
    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(ranged(bytes(3 * MIB)))

    async with fake_s3() as fake, S3ObjectStore(fake.settings) as store:
        fake.answer = answer
        for _ in range(3):
            assert await read_all(store, 3 * MIB) == 3 * MIB
    assert len(fake.connections) == 1


# ── Cancelled writes ─────────────────────────────────────────────────────────────────────────


async def test_a_cancelled_write_stops_to_look_at_its_buffer() -> None:
    """The server takes nothing in: most of the buffer is unsent when the caller gives up."""
    begun, released, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    received = 0

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        received += len(await reader.read(1))
        begun.set()
        await released.wait()
        with suppress(ConnectionError):
            while chunk := await reader.read(MIB):
                received += len(chunk)
        writer.close()
        await writer.wait_closed()
        ended.set()

    size = 64 * MIB
    server = await asyncio.start_server(slowly, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = replace(SETTINGS, endpoint_url=f"http://127.0.0.1:{port}")
    async with server, S3ObjectStore(settings) as store:
        writing = asyncio.create_task(store.put("key", bytearray(size), crc64nvme=0))
        await until(begun)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        released.set()
        await until(ended)
    assert received < size
