"""Bytes that are read and replaced before they are a file, and what becomes of them later."""

import random
from dataclasses import replace

import pytest

from tests.engine_room import KIB, MIB, NUMBER, EngineRoom, chunks, customer
from tests.unit.engine.stalling import a_file
from transfer.core.errors import StoreUnavailableError, UnavailableError, WriterReplacedError
from transfer.core.uploads import Upload, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.revisable import RevisableWriter
from transfer.retention.discards import Discards
from transfer.storage.memory import Call, MemoryObjectStore

PART = 64 * KIB
DATA = random.Random(2).randbytes(6 * MIB + 77)


async def _writer(room: EngineRoom, length: int | None = None) -> RevisableWriter:
    return await room.uploads.create_writer(customer(), a_file(length=length))


async def _aside(writer: RevisableWriter, start: int, size: int) -> bytes:
    async with writer.read_aside(start, size) as stream:
        return b"".join([chunk async for chunk in stream])


async def _upload(room: EngineRoom, writer: RevisableWriter) -> Upload:
    return await room.records.uploads.upload(writer.upload.id)


async def test_what_is_behind_the_last_part_is_at_hand(room: EngineRoom) -> None:
    writer = await _writer(room)
    await writer.write(DATA[: 2 * PART + 100])
    assert writer.bytes_in_parts == 2 * PART
    assert await writer.peek(2 * PART + 10, 20) == DATA[2 * PART + 10 : 2 * PART + 30]
    assert await writer.peek(2 * PART + 90, 20) == DATA[2 * PART + 90 : 2 * PART + 100]
    assert await writer.peek(2 * PART + 100, 20) == b""
    assert await writer.peek(0, 20) == b"", "that is a part by now"
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)


async def test_a_tail_is_at_hand_as_well(room: EngineRoom) -> None:
    writer = await _writer(room)
    await writer.write(DATA[:1000])
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    again = await room.uploads.open_writer(customer(), writer.upload.id)
    assert await again.peek(100, 50) == DATA[100:150]
    await room.uploads.close_writer(again, UploadState.INTERRUPTED)


async def test_bytes_that_only_memory_has_are_replaced(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    writer = await _writer(room)
    await writer.write(b"0123456789")
    assert await writer.rewrite(3, b"xyz")
    assert not await writer.rewrite(8, b"xyz"), "it would make the file longer"
    await writer.flush()
    await writer.write(b"abcdef")
    assert not await writer.rewrite(9, b"xy"), "the tail has the first of them"
    assert await writer.rewrite(10, b"XY")
    await room.uploads.finish_writer(customer(), writer)
    assert await room.content("a.log") == b"012xyz6789XYcdef"
    assert [call.operation for call in store.calls].count("put") == 2


async def test_nothing_is_replaced_where_nothing_is_at_hand(room: EngineRoom) -> None:
    writer = await _writer(room)
    assert not await writer.rewrite(0, b"x")
    await writer.write(DATA[:PART])
    assert not await writer.rewrite(PART - 1, b"x")
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)


@pytest.mark.parametrize("size", [PART, 2 * PART + 100, 5 * PART])
async def test_what_was_set_aside_is_read_and_nothing_more_is_written(
    room: EngineRoom, size: int
) -> None:
    writer = await _writer(room)
    await writer.write(DATA[:size])
    await writer.set_aside()
    assert await _aside(writer, 0, size) == DATA[:size]
    assert await _aside(writer, 10, 100) == DATA[10:110]
    upload = await _upload(room, writer)
    assert (upload.offset, upload.state, upload.is_set_aside) == (size, "receiving", True)
    for refused in (writer.write(b"x"), writer.flush(), writer.finish_whole(customer())):
        with pytest.raises(UnavailableError):
            await refused
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)


@pytest.mark.parametrize("size", [2 * PART + 100, 6 * MIB])
async def test_an_upload_that_was_set_aside_is_continued_by_either_door(
    room: EngineRoom, store: MemoryObjectStore, size: int
) -> None:
    writer = await _writer(room)
    await writer.write(DATA[:size])
    await writer.set_aside()
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    calls = len(store.calls)
    again = await room.uploads.open_writer(customer(), writer.upload.id)
    copied = [call.operation for call in store.calls[calls:]].count("copy_part")
    assert (again.position, bool(copied)) == (size, size >= 5 * MIB)
    await again.write(DATA[size : size + 50])
    await room.uploads.close_writer(again, UploadState.INTERRUPTED)
    await room.uploads.announce(customer(), writer.upload.id, len(DATA))
    await room.append(customer(), writer.upload.id, size + 50, chunks(DATA[size + 50 :]))
    assert await room.content("a.log") == DATA


async def test_http_takes_up_what_was_set_aside(room: EngineRoom) -> None:
    writer = await _writer(room, len(DATA))
    await writer.write(DATA[: 3 * PART])
    await writer.set_aside()
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    await room.append(customer(), writer.upload.id, 3 * PART, chunks(DATA[3 * PART :]))
    assert await room.content("a.log") == DATA


async def test_a_store_that_is_away_leaves_it_as_it_was(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    writer = await _writer(room)
    await writer.write(DATA[: 2 * PART + 100])
    store.fail_next("complete_multipart")
    with pytest.raises(StoreUnavailableError):
        await writer.set_aside()
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    upload = await _upload(room, writer)
    assert (upload.offset, upload.is_set_aside) == (2 * PART + 100, False)
    again = await room.uploads.open_writer(customer(), upload.id)
    await again.write(DATA[2 * PART + 100 :])
    await room.uploads.finish_writer(customer(), again)
    assert await room.content("a.log") == DATA


@pytest.mark.parametrize(
    ("size", "operation"), [(2 * PART, "read"), (2 * PART, "put"), (6 * MIB, "copy_part")]
)
async def test_taking_up_is_tried_again_after_the_store_was_away(
    room: EngineRoom, store: MemoryObjectStore, size: int, operation: str
) -> None:
    writer = await _writer(room)
    await writer.write(DATA[:size])
    await writer.set_aside()
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    store.fail_next(operation)
    with pytest.raises(StoreUnavailableError):
        await room.uploads.open_writer(customer(), writer.upload.id)
    assert not store.multiparts
    upload = await _upload(room, writer)
    assert (upload.state, upload.held, upload.offset) == ("interrupted", False, size)
    again = await room.uploads.open_writer(customer(), upload.id)
    await again.write(DATA[size:])
    await room.uploads.finish_writer(customer(), again)
    assert await room.content("a.log") == DATA


async def test_who_is_replaced_while_taking_up_leaves_no_copy(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    writer = await _writer(room)
    await writer.write(DATA[: 6 * MIB])
    await writer.set_aside()
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)

    async def replace_it(call: Call) -> None:
        if call.operation == "copy_part":
            store.before = None
            lease, now = room.leases.lease(), room.clock.now()
            await room.records.uploads.acquire(writer.upload.id, lease, now, force=True)

    store.before = replace_it
    with pytest.raises(WriterReplacedError):
        await room.uploads.open_writer(customer(), writer.upload.id)
    assert not store.multiparts


@pytest.mark.parametrize("size", [2 * PART, 2 * PART + 100, 6 * MIB])
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "behind"])
async def test_who_comes_after_a_crash_goes_on_with_what_was_just_set_aside(
    room: EngineRoom, store: MemoryObjectStore, size: int, *, is_done: bool
) -> None:
    writer = await _writer(room)
    await writer.write(DATA[:size])
    store.fail_next("complete_multipart", done=is_done)
    with pytest.raises(StoreUnavailableError):
        await writer.set_aside()
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED, drop=True)
    upload = await _upload(room, writer)
    assert (upload.offset, upload.is_sealed) == (size, True)
    again = await room.uploads.open_writer(customer(), upload.id)
    await again.write(DATA[size:])
    await room.uploads.finish_writer(customer(), again)
    assert await room.content("a.log") == DATA


async def test_a_writer_that_was_replaced_sets_nothing_aside(
    running_room: EngineRoom,
) -> None:
    room = running_room
    writer = await _writer(room)
    await writer.write(DATA[: 2 * PART])
    newcomer = await room.uploads.open_writer(customer(), writer.upload.id)
    for refused in (writer.set_aside(), writer.peek(0, 1), writer.rewrite(0, b"x")):
        with pytest.raises(WriterReplacedError):
            await refused
    await newcomer.write(DATA[2 * PART :])
    await room.uploads.finish_writer(customer(), newcomer)
    assert await room.content("a.log") == DATA


async def test_nothing_is_left_of_what_was_set_aside_and_given_up(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    writer = await _writer(room)
    await writer.write(DATA[: 2 * PART + 100])
    await writer.set_aside()
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED, drop=True)
    await room.uploads.abandon(customer(), writer.upload.id)
    room.clock.advance(60)
    await Discards(jobs=room.records.jobs, store=room.store, clock=room.clock).run()
    assert not store.objects
    assert not store.multiparts


async def test_it_shows_what_is_set_aside_only_while_it_can_grow(room: EngineRoom) -> None:
    writer = await room.uploads.create_writer(
        customer(), FileToSend(case_number=NUMBER, path=a_file().path)
    )
    assert not writer.upload.is_set_aside
    aside = replace(writer.upload, object_key="key")
    assert aside.is_set_aside
    assert not replace(aside, state=UploadState.RECEIVED).is_set_aside
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED, drop=True)
