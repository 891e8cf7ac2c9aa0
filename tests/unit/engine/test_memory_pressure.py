"""Too little memory: bytes give way into the store, and count all the same."""

import asyncio
import hashlib
import random
from pathlib import Path

import pytest

from tests.engine_room import (
    KIB,
    MIB,
    NUMBER,
    EngineRoom,
    customer,
    engine_room,
)
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.buffers import BufferPool
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.policy import UploadPolicy
from transfer.engine.writer import UploadWriter
from transfer.storage.memory import MemoryObjectStore

DATA = random.Random(1).randbytes(300 * KIB)


def a_file(path: str = "a.log", length: int | None = len(DATA)) -> FileToSend:
    return FileToSend(case_number=NUMBER, path=CasePath(path), length=length)


def sha256(data: bytes) -> ChunkChecksum:
    return ChunkChecksum("sha256", hashlib.sha256(data).digest())


async def test_checked_bytes_that_gave_way_for_memory_still_count(tmp_path: Path) -> None:
    """Put aside in the store, also twice without a new byte in between."""
    policy = UploadPolicy(plan=PartPlan(base_bytes=4 * MIB))
    data = random.Random(3).randbytes(3 * MIB)
    store = MemoryObjectStore()
    async with engine_room(tmp_path, store=store, policy=policy) as room:
        begun = await room.uploads.create(customer(), a_file(length=len(data)))
        leased = await room.leases.acquire(begun.id)
        writer = UploadWriter(leased, room.tools, withhold=True)
        for start in range(0, len(data), MIB):
            await writer.write(data[start : start + MIB])
            await writer._give_way()
            assert room.tools.pool.used_bytes == 0
            await writer._room()
            await writer._give_way()
            assert len([key for key in store.objects if key.endswith(".aside")]) == 1
        await writer.vouch()
        assert await writer.flush() == len(data), "put aside, then vouched for: a tail"
        file = await room.uploads.finish_writer(customer(), writer)
        assert await room.content_of(file) == data
        assert not any(".aside" in key for key in store.objects)


async def test_checked_bytes_put_aside_may_be_the_whole_file(room: EngineRoom) -> None:
    begun = await room.uploads.create(customer(), a_file(length=1000))
    writer = UploadWriter(await room.leases.acquire(begun.id), room.tools, withhold=True)
    await writer.write(DATA[:1000])
    await writer._give_way()
    await writer.vouch()
    file = await room.uploads.finish_writer(customer(), writer)
    assert await room.content_of(file) == DATA[:1000]


async def test_nothing_to_give_back_is_given_back(room: EngineRoom) -> None:
    begun = await room.uploads.create(customer(), a_file())
    writer = UploadWriter(await room.leases.acquire(begun.id), room.tools, withhold=True)
    await writer._give_way()
    await writer._send()
    writer._drop_buffer()
    assert room.tools.pool.used_bytes == 0
    await room.uploads.close_writer(writer, UploadState.RECEIVING)


async def test_a_slow_writer_gives_back_its_memory_when_others_wait(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    await writer.write(DATA[:100])
    pool = room.tools.pool
    waiting = asyncio.create_task(pool.charge(pool.buffer(64 * MIB), 64 * MIB))
    await asyncio.sleep(0)  # noqa: TID251 - lets it begin to wait
    room.clock.advance(2)
    await writer.write(DATA[100:200])
    await waiting
    assert writer.offset == 200


async def test_a_wait_for_memory_that_is_given_up_before_its_turn_leaves_no_trace() -> None:
    pool = BufferPool(2 * MIB)
    first, second, third = (pool.buffer(2 * MIB) for _ in range(3))
    await pool.charge(first, 2 * MIB)
    given_up = asyncio.create_task(pool.charge(second, MIB))
    waiting = asyncio.create_task(pool.charge(third, MIB))
    await asyncio.sleep(0)  # noqa: TID251 - lets them begin to wait
    given_up.cancel()
    pool.give_back(first)
    await waiting
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert pool.used_bytes == MIB
