"""Deliveries: bytes of a request, and what their sender says of them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from tests.engine_room import NUMBER, EngineRoom, chunks, customer
from transfer.core.errors import (
    ChecksumMismatchError,
    LengthMismatchError,
    TooLargeError,
    UploadGoneError,
)
from transfer.core.names import parse_path
from transfer.core.uploads import Upload, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.deliveries import Delivery
from transfer.engine.writer import UploadWriter
from transfer.ports import Buffer

DATA = bytes(range(256)) * 1200
ME = customer()


def a_file(length: int | None = None) -> FileToSend:
    return FileToSend(case_number=NUMBER, path=parse_path("a.log"), length=length)


def delivery(
    data: bytes, *, last: bool | None = None, size: int | None = None, length: int | None = None
) -> Delivery:
    return Delivery(source=lambda _: chunks(data), size=size, length=length, last=last)


async def begun(room: EngineRoom, length: int | None = None) -> Upload:
    return await room.uploads.create(ME, a_file(length))


async def test_a_file_ends_where_its_last_delivery_does(room: EngineRoom) -> None:
    upload = await room.uploads.begin(ME, a_file(), delivery(DATA[:1000], last=False))
    assert (upload.state, upload.offset) == (UploadState.RECEIVING, 1000)
    upload = await room.uploads.take(ME, upload.id, 1000, delivery(DATA[1000:], last=True))
    assert (upload.state, upload.length) == (UploadState.RECEIVED, len(DATA))
    assert await room.content("a.log") == DATA


async def test_a_file_goes_on_if_its_sender_says_so_even_with_every_byte_here(
    room: EngineRoom,
) -> None:
    upload = await room.uploads.begin(ME, a_file(len(DATA)), delivery(DATA, last=False))
    assert (upload.state, upload.offset) == (UploadState.RECEIVING, len(DATA))
    upload = await room.uploads.take(ME, upload.id, len(DATA), delivery(b"", last=True))
    assert upload.state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA


@pytest.mark.parametrize(
    ("told", "last"), [(len(DATA) - 1, False), (len(DATA) - 1, True), (len(DATA) + 1, True)]
)
async def test_a_delivery_that_cannot_fit_is_refused_before_it_is_read(
    room: EngineRoom, told: int, *, last: bool
) -> None:
    def unread(_: UploadWriter) -> AsyncIterator[Buffer]:
        raise AssertionError("read")

    upload = await begun(room, told)
    lame = Delivery(source=unread, size=len(DATA), last=last)
    with pytest.raises(LengthMismatchError):
        await room.uploads.take(ME, upload.id, 0, lame)
    upload = await room.uploads.show(ME, upload.id)
    assert (upload.state, upload.offset, upload.length) == (UploadState.RECEIVING, 0, told)


async def test_an_end_that_comes_too_early_is_not_the_end(room: EngineRoom) -> None:
    upload = await begun(room, len(DATA))
    with pytest.raises(LengthMismatchError):
        await room.uploads.take(ME, upload.id, 0, delivery(DATA[:-1], last=True))
    upload = await room.uploads.show(ME, upload.id)
    assert upload.offset == len(DATA) - 1
    upload = await room.uploads.take(ME, upload.id, upload.offset, delivery(DATA[-1:], last=True))
    assert upload.state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA


async def test_a_length_is_announced_before_the_first_byte(room: EngineRoom) -> None:
    upload = await begun(room)

    async def looks(writer: UploadWriter) -> AsyncIterator[Buffer]:
        now = await room.records.uploads.upload(writer.upload.id)
        assert now.length == len(DATA)
        yield DATA

    announcing = Delivery(source=looks, size=len(DATA), length=len(DATA), last=True)
    upload = await room.uploads.take(ME, upload.id, 0, announcing)
    assert upload.state is UploadState.RECEIVED


async def test_a_length_that_changes_is_refused(room: EngineRoom) -> None:
    upload = await begun(room, len(DATA))
    with pytest.raises(LengthMismatchError):
        await room.uploads.take(ME, upload.id, 0, delivery(b"abc", length=len(DATA) + 1))
    assert (await room.uploads.show(ME, upload.id)).offset == 0


async def test_a_length_beyond_what_can_be_stored_is_refused(room: EngineRoom) -> None:
    upload = await begun(room)
    with pytest.raises(TooLargeError):
        await room.uploads.take(ME, upload.id, 0, delivery(b"abc", length=10**15))
    assert (await room.uploads.show(ME, upload.id)).length is None


async def test_an_upload_that_begins_with_less_than_it_says_is_over(room: EngineRoom) -> None:
    with pytest.raises(LengthMismatchError):
        await room.uploads.begin(ME, a_file(len(DATA)), delivery(DATA[:-1], last=True))
    assert await room.records.uploads.unfinished(NUMBER) == []


async def test_a_checked_delivery_that_is_damaged_ends_nothing(room: EngineRoom) -> None:
    upload = await begun(room)
    damaged = Delivery(
        source=lambda _: chunks(DATA),
        checksum=ChunkChecksum("sha256", hashlib.sha256(b"other").digest()),
        last=True,
    )
    with pytest.raises(ChecksumMismatchError):
        await room.uploads.take(ME, upload.id, 0, damaged)
    upload = await room.uploads.show(ME, upload.id)
    assert (upload.state, upload.offset) == (UploadState.RECEIVING, 0)


async def test_a_sender_is_told_each_offset_once_it_is_durable(room: EngineRoom) -> None:
    told: list[int] = []
    upload = await begun(room)

    async def watching(writer: UploadWriter) -> AsyncIterator[Buffer]:
        writer.watch(told.append)
        for start in range(0, len(DATA), 50_000):
            yield DATA[start : start + 50_000]
            last_told = told[-1] if told else 0
            assert last_told <= (await room.records.uploads.upload(upload.id)).offset

    await room.uploads.take(ME, upload.id, 0, Delivery(source=watching, last=False))
    assert told == sorted(set(told))
    assert told[-1] == len(DATA)
    assert len(told) > 2


async def test_an_upload_that_is_a_file_takes_no_delivery(room: EngineRoom) -> None:
    upload = await room.uploads.begin(ME, a_file(), delivery(DATA, last=True))
    with pytest.raises(UploadGoneError):
        await room.uploads.take(ME, upload.id, len(DATA), delivery(b"", last=True))


async def test_who_comes_while_a_delivery_is_under_way_goes_on_after_it(
    running_room: EngineRoom,
) -> None:
    room = running_room
    upload = await begun(room)
    arrived = asyncio.Event()

    async def stalls(_: UploadWriter) -> AsyncIterator[Buffer]:
        yield DATA[:1000]
        arrived.set()
        await asyncio.Event().wait()

    stalled = asyncio.create_task(
        room.uploads.take(ME, upload.id, 0, Delivery(source=stalls, last=True))
    )
    await arrived.wait()
    await room.uploads.take(ME, upload.id, 1000, delivery(DATA[1000:], last=True))
    assert isinstance((await asyncio.gather(stalled, return_exceptions=True))[0], Exception)
    assert await room.content("a.log") == DATA


def test_uploads_tell_how_long_they_live(room: EngineRoom) -> None:
    assert room.uploads.lifetime == room.tools.policy.lifetime
