"""What a case may hold, where the operator sets a limit."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine_room import (
    ANALYST,
    KIB,
    MIB,
    NUMBER,
    SMALL_PARTS,
    EngineRoom,
    chunks,
    customer,
    engine_room,
)
from tests.unit.engine.stalling import DATA, a_file
from transfer.core.access import Door
from transfer.core.errors import RecordsUnavailableError, TooLargeError
from transfer.core.names import CasePath
from transfer.core.uploads import StoredFile, UploadState
from transfer.engine.policy import UploadPolicy

LIMIT = 400 * KIB
BY_SFTP = replace(customer(), door=Door.SFTP)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    policy = UploadPolicy(plan=SMALL_PARTS, max_case_bytes=LIMIT)
    async with engine_room(tmp_path, policy=policy) as made:
        yield made


@pytest.fixture
async def large_room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    """A case in which there is room for a file that the store can copy, but not for two."""
    async with engine_room(tmp_path, policy=UploadPolicy(max_case_bytes=8 * MIB)) as made:
        yield made


async def test_a_file_that_has_no_room_is_refused_before_its_first_byte(room: EngineRoom) -> None:
    await room.send("one", DATA)
    with pytest.raises(TooLargeError, match=f"at most {LIMIT} bytes"):
        await room.send("two", DATA)
    await room.send("two", DATA[: LIMIT - len(DATA)])
    with pytest.raises(TooLargeError):
        await room.uploads.create(customer(), a_file(length=None))


async def test_customer_care_may_go_beyond(room: EngineRoom) -> None:
    await room.send("one", DATA)
    await room.send("two", DATA, principal=ANALYST)
    with pytest.raises(TooLargeError):
        await room.send("three", b"x")


async def test_a_file_of_unknown_length_goes_as_far_as_there_is_room(room: EngineRoom) -> None:
    await room.send("one", DATA)
    left = LIMIT - len(DATA)
    writer = await room.uploads.create_writer(customer(), a_file(length=None))
    await writer.write(DATA[: left - 10])
    assert writer.write_now(memoryview(DATA)[:5])
    assert not writer.write_now(memoryview(DATA)[:6])
    with pytest.raises(TooLargeError):
        await writer.write(DATA[:6])
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    upload = await room.records.uploads.upload(writer.upload.id)
    assert upload.offset == left - 5
    again = await room.uploads.open_writer(customer(), upload.id)
    await again.write(DATA[:5])
    with pytest.raises(TooLargeError):
        await again.write(b"x")
    await room.uploads.close_writer(again, UploadState.INTERRUPTED)


async def test_a_request_of_unknown_length_is_kept_within_it_too(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file(length=None))
    data = DATA + DATA
    with pytest.raises(TooLargeError):
        await room.append(customer(), upload.id, 0, chunks(data))
    offset = (await room.records.uploads.upload(upload.id)).offset
    assert LIMIT - 40_000 < offset <= LIMIT


async def test_a_limit_that_cannot_be_found_out_leaves_the_upload_free(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> tuple[int, int]:
        raise RecordsUnavailableError("not now")

    upload = await room.uploads.create(customer(), a_file(length=None))
    with monkeypatch.context() as patch:
        patch.setattr(room.records.tree, "usage", broken)
        with pytest.raises(RecordsUnavailableError):
            await room.uploads.open_writer(customer(), upload.id)
    assert not (await room.records.uploads.upload(upload.id)).held


async def test_a_file_that_replaces_another_is_counted_instead_of_it(room: EngineRoom) -> None:
    await room.send("one", DATA)
    await room.send("one", DATA + DATA[: LIMIT - len(DATA)], replaces=True)
    with pytest.raises(TooLargeError):
        await room.send("one", bytes(LIMIT + 1), replaces=True)
    with pytest.raises(TooLargeError):
        await room.send("two", b"x")


async def test_an_upload_that_is_begun_anew_has_the_room_of_the_one_before(
    room: EngineRoom,
) -> None:
    for size in (len(DATA), LIMIT - 10):
        writer = await room.uploads.create_writer(
            BY_SFTP, replace(a_file(length=None), replaces=True)
        )
        await writer.write(bytes(size))
        await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    again = await room.uploads.open_writer(BY_SFTP, writer.upload.id)
    await again.write(bytes(10))
    with pytest.raises(TooLargeError):
        await again.write(b"x")
    await room.uploads.finish_writer(BY_SFTP, again)


@pytest.mark.parametrize("size", [6 * MIB, 5 * MIB], ids=["all of it", "shortened"])
async def test_a_file_that_is_gone_on_with_has_the_room_that_it_leaves(
    large_room: EngineRoom, size: int
) -> None:
    room, limit = large_room, large_room.tools.policy.max_case_bytes
    assert limit is not None
    await room.send("one", bytes(6 * MIB))
    file = await room.files.entry(customer(), NUMBER, CasePath("one"))
    assert isinstance(file, StoredFile)
    writer = await room.uploads.extend(BY_SFTP, file, size)
    await writer.write(bytes(limit - size))
    with pytest.raises(TooLargeError):
        await writer.write(b"x")
    await room.uploads.finish_writer(BY_SFTP, writer)
    assert (await room.files.usage(customer(), NUMBER)).size_bytes == limit


async def test_a_copy_needs_room_like_any_file(large_room: EngineRoom) -> None:
    room = large_room
    await room.send("one", bytes(6 * MIB))
    file = await room.files.entry(customer(), NUMBER, CasePath("one"))
    assert isinstance(file, StoredFile)
    writer = await room.uploads.create_writer(BY_SFTP, a_file(length=None))
    with pytest.raises(TooLargeError):
        await room.uploads.copy(BY_SFTP, writer, file)
    await room.uploads.give_up_writer(BY_SFTP, writer)
    assert (await room.files.usage(customer(), NUMBER)).size_bytes == 6 * MIB


async def test_an_upload_that_is_not_begun_after_all_is_given_up(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([(0, 0)])

    async def answering_once(*_: object) -> tuple[int, int]:
        for answer in answers:
            return answer
        raise RecordsUnavailableError("not now")

    monkeypatch.setattr(room.records.tree, "usage", answering_once)
    with pytest.raises(RecordsUnavailableError):
        await room.uploads.create_writer(customer(), a_file(length=None))
    assert not await room.records.uploads.unfinished(NUMBER)


async def test_what_is_left_is_told(room: EngineRoom) -> None:
    await room.send("one", DATA)
    usage = await room.files.usage(customer(), NUMBER)
    assert (usage.size_bytes, usage.limit_bytes) == (len(DATA), LIMIT)
