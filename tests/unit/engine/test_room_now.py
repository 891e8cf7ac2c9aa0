"""A writer's room: bytes that are put straight into a part count as those that are written."""

import hashlib
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.engine_room import KIB, MIB, NUMBER, EngineRoom, customer, engine_room
from transfer.core.errors import ShuttingDownError
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import StoredFile, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.policy import UploadPolicy
from transfer.engine.writer import UploadWriter

DATA = random.Random(7).randbytes(12 * MIB + 5)
PART_ENDS = (5 * MIB, 10 * MIB, len(DATA))
POLICY = UploadPolicy(plan=PartPlan(base_bytes=5 * MIB), max_file_bytes=13 * MIB)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    async with engine_room(tmp_path, policy=POLICY) as room:
        yield room


async def begun(room: EngineRoom, length: int | None = len(DATA)) -> UploadWriter:
    file = FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=length)
    writer = await room.uploads.create_writer(customer(), file)
    assert writer.room_now() is None, "nothing is held for who sends nothing"
    await writer.make_room()
    return writer


def put(writer: UploadWriter, data: bytes) -> int:
    """Put as much of `data` as goes at once; return how much."""
    taken = 0
    while taken < len(data) and (place := writer.room_now()) is not None:
        size = min(len(place), len(data) - taken)
        place[:size] = data[taken : taken + size]
        taken += size
        assert writer.filled_now(size) is (writer.position not in PART_ENDS)
    return taken


async def put_all(writer: UploadWriter, data: bytes) -> None:
    while data:
        data = data[put(writer, data) :]
        await writer.make_room()


async def is_received(room: EngineRoom, writer: UploadWriter) -> None:
    file = await room.uploads.finish_writer(customer(), writer)
    assert isinstance(file, StoredFile)
    assert await room.content_of(file) == DATA


async def test_a_file_put_straight_into_its_parts_is_whole(room: EngineRoom) -> None:
    writer = await begun(room)
    await put_all(writer, DATA)
    assert writer.is_whole
    assert writer.room_now() is None
    await is_received(room, writer)


async def test_what_is_written_goes_behind_what_was_put(room: EngineRoom) -> None:
    writer = await begun(room)
    taken = put(writer, DATA)
    assert taken == 5 * MIB, "a part, full and not sent yet"
    assert not writer.write_now(memoryview(DATA)[taken : taken + 10])
    await writer.write(DATA[taken : taken + 10])
    taken += 10
    taken += put(writer, DATA[taken : taken + 1000])
    await writer.write(DATA[taken:])
    await is_received(room, writer)


@pytest.mark.parametrize("size", [5 * MIB, 7 * MIB, 1000])
async def test_it_is_durable_as_soon_as_it_is_flushed(room: EngineRoom, size: int) -> None:
    writer = await begun(room)
    taken = put(writer, DATA[:size])
    assert writer.offset == 0
    assert await writer.flush() == taken
    stored = await room.records.uploads.upload(writer.upload.id)
    assert stored.offset == taken
    assert stored.tail is None or taken < 5 * MIB, "a full part is kept as that, not as a tail"
    await put_all(writer, DATA[taken:])
    await is_received(room, writer)


async def test_a_full_part_is_durable_when_its_sender_leaves(room: EngineRoom) -> None:
    writer = await begun(room)
    assert put(writer, DATA) == 5 * MIB
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    stored = await room.records.uploads.upload(writer.upload.id)
    assert (stored.offset, stored.tail) == (5 * MIB, None)


async def test_there_is_no_room_beyond_the_file(room: EngineRoom) -> None:
    announced = await begun(room, 10)
    place = announced.room_now()
    assert place is not None
    assert len(place) == 10
    unlimited = await begun(room, None)
    await put_all(unlimited, bytes(13 * MIB))
    assert unlimited.room_now() is None, "no file may be larger"


async def test_there_is_none_for_bytes_that_must_be_checked_first(room: EngineRoom) -> None:
    file = FileToSend(case_number=NUMBER, path=CasePath("b.log"), length=10)
    upload = await room.uploads.create(customer(), file)
    leased = await room.leases.acquire(upload.id)
    writer = UploadWriter(leased, room.tools, withhold=True)
    await writer.write(b"01234")
    assert writer.room_now() is None
    expected = ChunkChecksum("sha256", hashlib.sha256(b"0123456789").digest())
    expected.update(b"0123456789")
    expected.verify()
    await writer.write(b"56789")
    await writer.vouch()
    assert (await room.uploads.finish_writer(customer(), writer)).size == 10


async def test_there_is_none_while_something_is_done_or_due(room: EngineRoom) -> None:
    writer = await begun(room)
    put(writer, DATA[:1000])
    async with writer._lock:
        assert writer.room_now() is None
    room.clock.advance(room.tools.policy.flush_interval + timedelta(seconds=1))
    assert writer.room_now() is None
    await writer.make_room()
    assert writer.offset == 1000, "what was due is durable"
    assert writer.room_now() is not None
    await writer.hand_over(ShuttingDownError("It is over."))
    assert writer.room_now() is None


async def test_memory_is_counted_before_anything_is_put_there(tmp_path: Path) -> None:
    async with engine_room(tmp_path, policy=POLICY) as room:
        writer = await begun(room)
        for _ in range(4):
            place = writer.room_now()
            assert place is not None
            assert room.tools.pool.used_bytes >= writer.position + len(place)
            place[: 300 * KIB] = bytes(300 * KIB)
            writer.filled_now(300 * KIB)
        assert room.tools.pool.used_bytes == 2 * MIB
        await writer.release(UploadState.INTERRUPTED)
        assert room.tools.pool.used_bytes == 0
