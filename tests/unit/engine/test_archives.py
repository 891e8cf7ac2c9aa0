"""Archives from real records and a store in memory: read a little ahead, and let go of cleanly."""

import asyncio
import io
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.engine_room import ANALYST, KIB, MIB, NUMBER, EngineRoom, chunks, customer, engine_room
from transfer.core.archive_contents import Selection
from transfer.core.errors import ArchiveChangedError, StoreUnavailableError, UnavailableError
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import DigestState, Direction, FileId, StoredFile, UploadId
from transfer.engine.archive import Archive, Archives
from transfer.engine.beginnings import FileToSend
from transfer.engine.digest import crc64nvme
from transfer.ports import Finished, Lease, NewUpload
from transfer.storage.memory import Call, MemoryObjectStore


async def whole(room: EngineRoom, selection: Selection | None = None) -> bytes:
    async with room.archives.open(ANALYST, NUMBER, selection or Selection()) as archive:
        return await read(room, archive, 0, archive.size)


async def read(room: EngineRoom, archive: Archive, start: int, size: int) -> bytes:
    async with room.archives.read(archive, start, size) as stream:
        return b"".join([chunk async for chunk in stream])


async def old_file(room: EngineRoom, path: str, data: bytes) -> StoredFile:
    """Make a file as an earlier version did, which knew no CRC-32."""
    now = room.clock.now()
    new = NewUpload(
        id=UploadId(f"upload-{path}"),
        case_number=NUMBER,
        path=CasePath(path),
        direction=Direction.FROM_CUSTOMER,
        length=len(data),
        now=now,
        expires_at=now,
    )
    upload = await room.records.uploads.create(new, customer(), Lease("test", now))
    await room.store.put(f"c/{path}", data, crc64nvme=crc64nvme(data))
    done = Finished(
        file_id=FileId(f"file-{path}"),
        object_key=f"c/{path}",
        size=len(data),
        sha256="0" * 64,
        digest=DigestState(sha256=None, crc64nvme=crc64nvme(data)),
        verified=False,
        now=now,
    )
    return await room.records.uploads.finish(upload.id, done, customer(), fence=upload.fence)


# ── The CRC-32 of every file ─────────────────────────────────────────────────────────────────


async def crc32_of(room: EngineRoom, path: str) -> int | None:
    entry = await room.files.entry(ANALYST, NUMBER, CasePath(path))
    assert isinstance(entry, StoredFile)
    return entry.digest.crc32


@pytest.mark.parametrize("size", [0, 1, 1000, 300 * KIB])
async def test_a_file_s_crc_32_is_known_when_it_is_received(room: EngineRoom, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    await room.send("trace.log", data[:size])
    assert await crc32_of(room, "trace.log") == zlib.crc32(data[:size])


async def test_a_resumed_upload_s_crc_32_goes_on_on_another_node(room: EngineRoom) -> None:
    data = bytes(range(251)) * 1000
    file = FileToSend(case_number=NUMBER, path=CasePath("trace.log"), length=len(data))
    upload = await room.uploads.receive(customer(), file, chunks(data[:100_001]))
    assert upload.offset == 100_001
    node = room.another_node()
    await node.append(customer(), upload.id, 100_001, chunks(data[100_001:]))
    assert await crc32_of(room, "trace.log") == zlib.crc32(data)


async def test_an_append_goes_on_with_the_crc_32_of_the_file(tmp_path: Path) -> None:
    async with engine_room(tmp_path, plan=PartPlan()) as room:
        data = bytes(range(256)) * (6 * MIB // 256)
        await room.send("trace.log", data)
        entry = await room.files.entry(customer(), NUMBER, CasePath("trace.log"))
        assert isinstance(entry, StoredFile)
        writer = await room.uploads.extend(customer(), entry, entry.size)
        await writer.write(b"more")
        await room.uploads.finish_writer(customer(), writer)
        assert await crc32_of(room, "trace.log") == zlib.crc32(data + b"more")


async def test_a_crc_32_that_nobody_knows_is_found_by_one_reading(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    data = bytes(range(256)) * (3 * MIB // 256)
    await old_file(room, "old.bin", data)
    await old_file(room, "older.txt", b"text")
    first = await whole(room)
    with zipfile.ZipFile(io.BytesIO(first)) as unpacked:
        assert unpacked.testzip() is None
        assert unpacked.read("old.bin") == data
    assert await crc32_of(room, "old.bin") == zlib.crc32(data)
    store.calls.clear()
    assert await whole(room) == first
    assert sorted(call.key for call in store.calls) == ["c/old.bin", "c/older.txt"]


async def test_the_end_of_an_archive_finds_what_it_needs(room: EngineRoom) -> None:
    await old_file(room, "old.txt", b"text")
    async with room.archives.open(ANALYST, NUMBER, Selection()) as archive:
        end = await read(room, archive, archive.size - 200, 200)
    assert zlib.crc32(b"text").to_bytes(4, "little") in end
    assert (await whole(room))[-200:] == end


# ── Reading ahead ────────────────────────────────────────────────────────────────────────────


def tasks() -> set["asyncio.Task[object]"]:
    return asyncio.all_tasks()


async def test_small_files_are_fetched_while_others_are_sent(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    for number in range(20):
        await room.send(f"file-{number:02}", b"x" * 200 * KIB)
    store.calls.clear()
    async with (
        room.archives.open(ANALYST, NUMBER, Selection()) as archive,
        room.archives.read(archive, 0, archive.size) as stream,
    ):
        assert len(await anext(stream)) == 256 * KIB
        ahead = len(store.calls)
        assert 2 < ahead <= 8


async def test_a_large_file_is_one_request(room: EngineRoom, store: MemoryObjectStore) -> None:
    await room.send("a-small", b"x" * 100)
    await room.send("big", b"y" * 3 * MIB)
    await room.send("z-small", b"z" * 100)
    store.calls.clear()
    with zipfile.ZipFile(io.BytesIO(await whole(room))) as unpacked:
        assert unpacked.testzip() is None
    assert len(store.calls) == 3


async def test_what_was_fetched_ahead_is_given_up_with_the_reading(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    for number in range(4):
        await room.send(f"file-{number}", b"x" * 300 * KIB)
    before = tasks()
    stalled = asyncio.Event()

    async def stall(_: Call) -> None:
        if len([one for one in store.calls if one.operation == "read"]) > 1:
            stalled.set()
            await asyncio.Event().wait()

    store.calls.clear()
    store.before = stall
    async with (
        room.archives.open(ANALYST, NUMBER, Selection()) as archive,
        room.archives.read(archive, 0, archive.size) as stream,
    ):
        await anext(stream)
        async with asyncio.timeout(10):
            await stalled.wait()
        assert tasks() > before
    assert tasks() == before


async def test_a_store_that_fails_ahead_is_told_where_it_matters(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    for number in range(12):
        await room.send(f"file-{number:02}", b"x" * 300 * KIB)
    before, taken = tasks(), bytearray()

    async def take_all(archive: Archive) -> None:
        async with room.archives.read(archive, 0, archive.size) as stream:
            async for chunk in stream:
                if not taken:
                    store.fail_next("read")
                    store.fail_next("read")
                taken.extend(chunk)

    async with room.archives.open(ANALYST, NUMBER, Selection()) as archive:
        with pytest.raises(StoreUnavailableError):
            await take_all(archive)
    assert 1 * MIB < len(taken) < archive.size
    assert tasks() == before


async def test_a_range_within_a_large_file_is_nothing_else(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    await room.send("big", bytes(range(256)) * (3 * MIB // 256))
    expected = await whole(room)
    async with room.archives.open(ANALYST, NUMBER, Selection()) as archive:
        store.calls.clear()
        assert await read(room, archive, 256 * KIB, 2 * MIB) == expected[256 * KIB :][: 2 * MIB]
    assert len(store.calls) == 1


# ── Limits ───────────────────────────────────────────────────────────────────────────────────


async def test_too_many_archives_at_once_have_to_wait(room: EngineRoom) -> None:
    await room.send("trace.log", b"x")
    archives = Archives(room.tools, members_at_once=3)
    async with archives.open(ANALYST, NUMBER, Selection()):
        with pytest.raises(UnavailableError):
            async with archives.open(ANALYST, NUMBER, Selection()):
                pass
    async with archives.open(ANALYST, NUMBER, Selection()) as archive:
        assert archive.size


async def test_a_continued_download_is_of_the_archive_that_was_begun(room: EngineRoom) -> None:
    await room.send("one.log", b"x")
    async with room.archives.open(ANALYST, NUMBER, Selection()) as archive:
        await room.archives.begin(ANALYST, archive, start=0, known=False)
        await room.archives.begin(ANALYST, archive, start=5, known=False)
    await room.send("two.log", b"x")
    async with room.archives.open(ANALYST, NUMBER, Selection()) as archive:
        with pytest.raises(ArchiveChangedError):
            await room.archives.begin(ANALYST, archive, start=5, known=False)
        await room.archives.begin(customer(), archive, start=5, known=False)
        await room.archives.begin(ANALYST, archive, start=5, known=True)
        await room.archives.begin(ANALYST, archive, start=5, known=False)
    events = await room.records.audit.events(NUMBER)
    begun = [event.actor for event in events if event.action == "archive.downloaded"]
    assert begun == ["analyst", "customer", "analyst"]
