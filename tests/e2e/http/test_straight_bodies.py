"""Bodies past the parser: whole whatever comes when, ended as others are, and never in the way."""

import asyncio
import gc
import hashlib
import random
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.clock import START
from tests.e2e.http.http_room import OFFSET_TYPE, TUS, HttpRoom, http_room, metadata
from tests.e2e.http.wire import nobody_writes, patch_head, received, wire
from tests.engine_room import KIB, MIB, NUMBER
from transfer.core.errors import StoreUnavailableError
from transfer.core.parts import PartPlan
from transfer.engine.policy import UploadPolicy
from transfer.http.policy import HttpPolicy
from transfer.http.straight_bodies import StraightBody
from transfer.http.tls import own_certificate, server_context
from transfer.ports import Buffer
from transfer.storage.memory import MemoryObjectStore

HEALTH = "GET /healthz HTTP/1.1\nHost: x\n\n"
STRAIGHT = HttpPolicy(straight_bytes=1, lingering=timedelta(seconds=5))

PARTS = UploadPolicy(plan=PartPlan(base_bytes=5 * MIB))


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[HttpRoom]:
    async with http_room(tmp_path, policy=STRAIGHT, engine_policy=PARTS) as room:
        yield room


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [12 * MIB + 17, 10 * MIB])
async def test_a_body_in_pieces_of_any_size_is_whole_and_ends_its_connection(
    room: HttpRoom, seed: int, size: int
) -> None:
    await in_pieces(room, some(size), seed)


@pytest.mark.parametrize("seed", range(3))
async def test_a_body_of_many_small_parts_is_whole(tmp_path: Path, seed: int) -> None:
    parts = UploadPolicy(plan=PartPlan(base_bytes=64 * KIB))
    async with http_room(tmp_path, policy=STRAIGHT, engine_policy=parts) as room:
        await in_pieces(room, some(MIB + 17), seed)


async def in_pieces(room: HttpRoom, data: bytes, seed: int) -> None:
    location, sizes = await room.begin(len(data)), random.Random(seed)
    async with wire(room) as sending:
        await sending.say(patch_head(room, location, 0, len(data)), data[:100])
        start = 100
        while start < len(data):
            size = sizes.choice((1, 1000, 300_000, 5 * MIB))
            await sending.say("", data[start : start + size])
            start += size
        status, head = await sending.hear()
        assert status == 204
        assert "Connection: close" in head
        assert await sending.is_closed()
    assert await room.engine.content("trace.log") == data


async def test_another_request_behind_it_is_not_read_as_anything(room: HttpRoom) -> None:
    data = some(MIB)
    location = await room.begin(len(data))
    for start, end in ((0, MIB // 2), (MIB // 2, MIB)):
        async with wire(room) as sending:
            await sending.say(patch_head(room, location, start, end - start), data[start:][:10])
            await received(room, start + 10)
            behind = HEALTH.replace("\n", "\r\n").encode()
            await sending.say("", data[start + 10 : end] + behind)
            assert (await sending.hear())[0] == 204
            assert await sending.is_closed()
            await nobody_writes(room)
    assert await room.engine.content("trace.log") == data


async def test_only_what_has_as_much_left_ends_its_connection(tmp_path: Path) -> None:
    data = some(1000)
    policy = HttpPolicy(straight_bytes=991)
    async with http_room(tmp_path, policy=policy) as room, wire(room) as sending:
        for name in ("a.log", "b.log"):
            location = await room.begin(len(data), name)
            await sending.say(patch_head(room, location, 0, len(data)), data[:10])
            await received(room, 10)
            await sending.say("", data[10:])
            assert (await sending.hear())[0] == 204
            await nobody_writes(room)
        assert HttpPolicy().straight_bytes == 64 * MIB


async def test_sixteen_go_past_the_parser_at_once_and_more_by_it(room: HttpRoom) -> None:
    async def is_ended(number: int) -> bool:
        location = await room.begin(20, f"{number}.log")
        async with wire(room) as sending:
            await sending.say(patch_head(room, location, 0, 20), bytes(10))
            async with asyncio.timeout(5):
                while not taken_of(location):
                    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            begun.append(number)
            if len(begun) == 17:
                all_begun.set()
            await all_begun.wait()
            await sending.say("", bytes(10))
            return "Connection: close" in (await sending.hear())[1]

    def taken_of(location: str) -> int:
        writers = room.engine.leases.writers
        return sum(one.position for one in writers if one.upload.id in location)

    begun: list[int] = []
    all_begun = asyncio.Event()
    async with asyncio.timeout(20):
        ended = await asyncio.gather(*(is_ended(number) for number in range(17)))
    assert sum(ended) == 16
    assert await is_ended(17), "those that are over make room"


async def test_what_came_before_a_cut_is_kept(room: HttpRoom) -> None:
    data = some(7 * MIB)
    location = await room.begin(len(data))
    async with wire(room) as cut:
        await cut.say(patch_head(room, location, 0, len(data)), data[: 6 * MIB])
        await received(room, 6 * MIB)
        cut.cut()
    await nobody_writes(room)
    assert await room.offset(location) == 6 * MIB
    assert (await room.patch(location, 6 * MIB, data[6 * MIB :])).status == 204
    assert await room.engine.content("trace.log") == data


async def test_a_sender_who_pauses_too_long_is_ended_with_what_came_kept(tmp_path: Path) -> None:
    policy = HttpPolicy(
        straight_bytes=1, idle=timedelta(seconds=0.3), lingering=timedelta(seconds=0.3)
    )
    async with http_room(tmp_path, policy=policy) as room:
        location = await room.begin(MIB)
        async with wire(room) as slow:
            await slow.say(patch_head(room, location, 0, MIB), bytes(1000))
            assert (await slow.hear())[0] == 408
            assert await slow.is_closed()
        assert await room.offset(location) == 1000


async def test_a_new_request_takes_over_and_the_rest_is_dropped(room: HttpRoom) -> None:
    data = some(3 * MIB)
    location = await room.begin(len(data))
    async with wire(room) as hanging:
        await hanging.say(patch_head(room, location, 0, len(data)), data[:100_000])
        await received(room, 100_000)
        offset = await room.offset(location)
        assert (await room.patch(location, offset, data[offset:])).status == 204
        assert (await hanging.hear())[0] == 423
        await hanging.say("", bytes(len(data) - 100_000))
        assert await hanging.is_closed()
    assert await room.engine.content("trace.log") == data


async def test_a_stop_makes_durable_what_came_and_tells_the_sender(room: HttpRoom) -> None:
    location = await room.begin(MIB)
    async with wire(room) as sending:
        await sending.say(patch_head(room, location, 0, MIB), bytes(100_000))
        await received(room, 100_000)
        await room.server.stop_accepting()
        await room.engine.leases.close()
        assert (await sending.hear())[0] == 503
        async with asyncio.timeout(5):
            await room.server.stop()


async def test_a_stop_ends_a_sender_whom_nothing_else_does(tmp_path: Path) -> None:
    grace = timedelta(seconds=0.2)
    policy = HttpPolicy(straight_bytes=1, stop_grace=grace, lingering=grace)
    async with http_room(tmp_path, policy=policy) as room:
        location = await room.begin(MIB)
        async with wire(room) as sending:
            await sending.say(patch_head(room, location, 0, MIB), bytes(100_000))
            await received(room, 100_000)
            gc.disable()
            try:
                async with asyncio.timeout(5):
                    await room.server.stop()
                assert not StraightBody.alive, "it has made room, whatever still refers to it"
            finally:
                gc.enable()
            assert await sending.is_closed()


async def test_it_is_whole_over_tls(tmp_path: Path) -> None:
    made = own_certificate(tmp_path / "tls", ["files.example.com"], START)
    context = server_context(made.certificate, made.key)
    trusting = ssl.create_default_context(cafile=str(made.certificate))
    data = some(12 * MIB + 17)
    opened = http_room(tmp_path, policy=STRAIGHT, tls=lambda: context)
    async with opened as room:
        headers = {
            **TUS,
            **OFFSET_TYPE,
            **room.bearer("designated"),
            "Upload-Length": str(len(data)),
            "Upload-Metadata": metadata(filename="a.log"),
        }
        reader, writer = await asyncio.open_connection(
            room.host, room.port, ssl=trusting, server_hostname="files.example.com"
        )
        lines = [f"POST /api/v1/cases/{NUMBER}/uploads HTTP/1.1", "Host: x"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(data)}", "", ""]
        writer.write("\r\n".join(lines).encode())
        for start in range(0, len(data), 700_001):
            writer.write(data[start : start + 700_001])
            await writer.drain()
        answer = await reader.read()  # to the end that the service makes
        assert answer.startswith(b"HTTP/1.1 201 ")
        writer.close()
        assert await room.engine.content("a.log") == data


@pytest.mark.parametrize("secured", [False, True])
async def test_a_cut_is_no_surprise_and_makes_room(tmp_path: Path, *, secured: bool) -> None:
    made = own_certificate(tmp_path / "tls", ["files.example.com"], START)
    context = server_context(made.certificate, made.key)
    trusting = ssl.create_default_context(cafile=str(made.certificate))
    policy = HttpPolicy(straight_bytes=1)
    opened = http_room(tmp_path, policy=policy, tls=(lambda: context) if secured else None)
    gc.disable()
    try:
        async with opened as room:
            with capture_logs() as logs:
                _, writer = await asyncio.open_connection(
                    room.host,
                    room.port,
                    ssl=trusting if secured else None,
                    server_hostname="files.example.com" if secured else None,
                )
                head = (
                    f"POST /api/v1/cases/{NUMBER}/uploads HTTP/1.1\nHost: x\n"
                    f"Tus-Resumable: 1.0.0\nAuthorization: Bearer {room.tokens['designated']}\n"
                    "Content-Type: application/offset+octet-stream\n"
                    f"Upload-Metadata: {metadata(filename='a.log')}\n"
                    f"Upload-Length: {MIB}\nContent-Length: {MIB}\n\n"
                )
                writer.write(head.replace("\n", "\r\n").encode() + bytes(300_000))
                await received(room, 300_000)
                assert len(StraightBody.alive) == 1
                writer.transport.abort()
                await nobody_writes(room)
                async with asyncio.timeout(5):
                    while StraightBody.alive or not any(one["event"] == "request" for one in logs):
                        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            assert [one for one in logs if one["log_level"] == "error"] == []
    finally:
        gc.enable()


class WaitingStore(MemoryObjectStore):
    """Takes no part before it is let; then fails, if it is to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.may = asyncio.Event()
        self.fails = False

    async def upload_part(
        self,
        key: str,
        multipart_id: str,
        part_number: int,
        body: Buffer,
        *,
        crc64nvme: int,
        customer_key: bytes | None = None,
    ) -> str:
        self.asked.set()
        await self.may.wait()
        if self.fails:
            raise StoreUnavailableError("The object store is away.")
        return await super().upload_part(
            key, multipart_id, part_number, body, crc64nvme=crc64nvme, customer_key=customer_key
        )


async def test_a_sender_waits_for_a_slow_store_and_nothing_is_lost(tmp_path: Path) -> None:
    store, data = WaitingStore(), some(64 * MIB)
    opened = http_room(tmp_path, policy=STRAIGHT, engine_policy=PARTS, store=store)
    async with opened as room:
        location = await room.begin(len(data))
        async with wire(room) as sending:
            await sending.say(patch_head(room, location, 0, len(data)))
            said = asyncio.create_task(sending.say("", data))
            await store.asked.wait()
            await asyncio.wait({said}, timeout=1)
            left = sending.writer.transport.get_write_buffer_size()
            assert left > 24 * MIB
            assert not said.done()
            store.may.set()
            await said
            assert (await sending.hear())[0] == 204
        content = await room.engine.content("trace.log")
        assert hashlib.sha256(content).digest() == hashlib.sha256(data).digest()


async def test_a_sender_who_still_sends_hears_that_the_store_is_away(tmp_path: Path) -> None:
    store, data = WaitingStore(), some(30 * MIB)
    store.fails = True
    store.may.set()
    opened = http_room(tmp_path, policy=STRAIGHT, engine_policy=PARTS, store=store)
    async with opened as room:
        location = await room.begin(len(data))
        async with wire(room) as sending:
            await sending.say(patch_head(room, location, 0, len(data)), data)
            assert (await sending.hear())[0] == 503
            assert await sending.is_closed()
