import asyncio
import random
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.engine_room import KIB, MIB, NUMBER, EngineRoom, customer, engine_room
from transfer.core.errors import EntryMissingError, StoreUnavailableError
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import StoredFile
from transfer.sftp.readahead import MAX_READ_BYTES, FileReader
from transfer.storage.memory import MemoryObjectStore

SIZE = 12 * MIB + 333
DATA = bytes(range(256)) * (SIZE // 256 + 1)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    async with engine_room(tmp_path, plan=PartPlan()) as made:
        yield made


@pytest.fixture
async def file(room: EngineRoom) -> StoredFile:
    await room.send("trace.log", DATA[:SIZE])
    found = await room.files.entry(customer(), NUMBER, CasePath("trace.log"))
    assert isinstance(found, StoredFile)
    store(room).calls.clear()
    return found


@pytest.fixture
async def reader(room: EngineRoom, file: StoredFile) -> AsyncIterator[FileReader]:
    made = FileReader(partial(room.files.read, customer(), file), file.size)
    yield made
    await made.close()


def store(room: EngineRoom) -> MemoryObjectStore:
    assert isinstance(room.store, MemoryObjectStore)
    return room.store


async def test_a_file_read_in_order_is_one_stream_in_little_memory(
    room: EngineRoom, reader: FileReader
) -> None:
    position = 0
    while data := await reader.read(position, 100 * KIB):
        assert data == DATA[position : position + len(data)]
        position += len(data)
        assert reader.window_bytes <= 3 * MIB
    assert position == SIZE
    assert [call.operation for call in store(room).calls] == ["read"]


async def test_a_read_gives_all_that_was_asked_for_but_at_the_end(reader: FileReader) -> None:
    assert len(await reader.read(0, 10 * MIB)) == MAX_READ_BYTES
    assert len(await reader.read(MIB - 5, 100)) == 100
    assert len(await reader.read(SIZE - 5, 100)) == 5
    assert await reader.read(SIZE, 100) == b""
    assert await reader.read(2 * SIZE, 100) == b""


async def test_reads_that_are_a_little_mixed_need_no_other_stream(
    room: EngineRoom, reader: FileReader
) -> None:
    for block in (0, 2, 1, 4, 3, 30, 29):
        start = block * 128 * KIB
        assert await reader.read(start, 128 * KIB) == DATA[start : start + 128 * KIB]
    assert len(store(room).calls) == 1


async def test_a_read_far_off_begins_another_stream(room: EngineRoom, reader: FileReader) -> None:
    for start in (0, 11 * MIB, 0):
        assert await reader.read(start, 10) == DATA[start : start + 10]
    assert len(store(room).calls) == 3


async def test_nothing_is_asked_of_the_store_before_the_first_read(
    room: EngineRoom, reader: FileReader
) -> None:
    await reader.close()
    assert store(room).calls == []


async def test_after_a_failure_the_same_read_may_be_sent_again(
    room: EngineRoom, reader: FileReader
) -> None:
    store(room).fail_next("read")
    with pytest.raises(StoreUnavailableError):
        await reader.read(5, 10)
    assert await reader.read(5, 10) == DATA[5:15]


async def test_bytes_that_are_gone_are_said_to_be(room: EngineRoom, reader: FileReader) -> None:
    await store(room).delete(list(store(room).objects))
    for _ in range(2):
        with pytest.raises(EntryMissingError):
            await reader.read(0, 10)


async def test_a_read_that_is_given_up_leaves_the_reader_usable(
    room: EngineRoom, reader: FileReader
) -> None:
    async def hang(_: object) -> None:
        await asyncio.Event().wait()

    store(room).before = hang
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await reader.read(0, 10)
    store(room).before = None
    assert await reader.read(0, 10) == DATA[:10]


@pytest.mark.parametrize("seed", range(5))
async def test_any_reads_give_the_bytes_of_the_file(reader: FileReader, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(40):
        start, size = dice.randrange(SIZE + 10), dice.randrange(300 * KIB)
        end = min(start + min(size, MAX_READ_BYTES), SIZE)
        assert await reader.read(start, size) == DATA[start : max(start, end)]
