import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine_room import KIB, MIB, NUMBER, EngineRoom, customer, engine_room
from transfer.core.errors import EntryMissingError, StoreUnavailableError
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import StoredFile
from transfer.sftp.readahead import MAX_READ_BYTES, FileReader
from transfer.sftp.reading import Download
from transfer.sftp.reading_room import ReadingRoom
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
    made = reader_of(room, file, ReadingRoom())
    yield made
    await made.close()


def reader_of(room: EngineRoom, file: StoredFile, shared: ReadingRoom) -> FileReader:
    return FileReader(Download(room.files, customer(), file).stream, file.size, shared)


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


# ── Many readers ─────────────────────────────────────────────────────────────────────────────────


async def test_readers_beyond_the_room_get_what_they_ask_for_and_nothing_ahead(
    room: EngineRoom, file: StoredFile
) -> None:
    shared = ReadingRoom(limit_bytes=12 * MIB)
    readers = [reader_of(room, file, shared) for _ in range(40)]
    for position in (0, 100 * KIB):
        for reader in readers:
            expected = DATA[position : position + 100 * KIB]
            assert await reader.read(position, 100 * KIB) == expected
    assert sum(reader.window_bytes > 0 for reader in readers) == 2
    assert shared.used_bytes == 12 * MIB
    assert len(store(room).calls) == 2 + 38 * 2
    for reader in readers:
        await reader.close()
    assert shared.used_bytes == 0


async def test_a_reader_that_rests_makes_room_and_goes_on_later(
    room: EngineRoom, file: StoredFile
) -> None:
    shared = ReadingRoom(limit_bytes=6 * MIB, resting_after_seconds=0)
    first, second = reader_of(room, file, shared), reader_of(room, file, shared)
    for start in (0, 100):
        for reader, other in ((first, second), (second, first)):
            assert await reader.read(start, 10) == DATA[start : start + 10]
            assert reader.window_bytes
            assert not other.window_bytes
            assert other.read_now(start, 10) is None
    await first.close()
    await second.close()


async def test_a_reader_is_not_made_to_leave_while_it_reads(
    room: EngineRoom, file: StoredFile
) -> None:
    shared = ReadingRoom(limit_bytes=6 * MIB, resting_after_seconds=0)
    first, second = reader_of(room, file, shared), reader_of(room, file, shared)
    may_go_on, waits = asyncio.Event(), asyncio.Event()

    async def wait(_: object) -> None:
        waits.set()
        await may_go_on.wait()

    store(room).before = wait
    reading = asyncio.create_task(first.read(0, 10))
    await waits.wait()
    store(room).before = None
    assert await second.read(0, 10) == DATA[:10]
    assert not second.window_bytes
    may_go_on.set()
    assert await reading == DATA[:10]
    await first.close()


async def test_small_files_take_no_more_room_than_they_have_bytes(room: EngineRoom) -> None:
    await room.send("note.txt", b"hello")
    note = await room.files.entry(customer(), NUMBER, CasePath("note.txt"))
    assert isinstance(note, StoredFile)
    shared = ReadingRoom()
    reader = reader_of(room, note, shared)
    assert await reader.read(0, 10) == b"hello"
    assert shared.used_bytes == 5
    await reader.close()


async def test_bytes_that_are_read_without_reading_ahead_may_end_early_too(
    room: EngineRoom, file: StoredFile
) -> None:
    download = Download(room.files, customer(), file)
    reader = FileReader(download.stream, file.size + 10, ReadingRoom(limit_bytes=0))
    with pytest.raises(StoreUnavailableError):
        await reader.read(SIZE - 5, 15)


class _Neighbour:
    """Reads all the time."""

    rests_since = None

    async def close(self) -> None:
        raise AssertionError("It isn't to be disturbed.")


async def test_no_more_than_192_mib_are_read_ahead_together() -> None:
    shared = ReadingRoom()
    entered = [await shared.enter(_Neighbour(), 6 * MIB) for _ in range(40)]
    assert entered == [True] * 32 + [False] * 8
    assert shared.used_bytes == 192 * MIB


async def test_a_download_is_noted_once_however_often_the_store_is_asked(
    room: EngineRoom, file: StoredFile
) -> None:
    reader = reader_of(room, file, ReadingRoom(limit_bytes=0))
    for start in (100, 200, 300, 0, 50):
        await reader.read(start, 10)
    noted = [
        event.details["start"]
        for event in await room.records.audit.events(NUMBER)
        if event.action == "file.downloaded"
    ]
    assert noted == [100, 0]
