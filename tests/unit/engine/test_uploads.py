"""Uploads: what comes in comes out, an offset is durable, and nothing is sent twice."""

import base64
import hashlib
import random
from datetime import timedelta

import pytest

from tests.engine_room import (
    ANALYST,
    KIB,
    NUMBER,
    EngineRoom,
    chunks,
    customer,
    cut,
)
from transfer.core.access import Role
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    CaseClosedError,
    CaseMissingError,
    ChecksumMismatchError,
    DigestMismatchError,
    ForbiddenError,
    LengthMismatchError,
    OffsetMismatchError,
    StoreUnavailableError,
    TooLargeError,
    UploadGoneError,
    UploadMissingError,
)
from transfer.core.names import CasePath
from transfer.core.uploads import StoredFile, Upload, UploadId, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.checksums import ChunkChecksum
from transfer.storage.memory import MemoryObjectStore

DATA = random.Random(1).randbytes(300 * KIB)


def a_file(path: str = "a.log", length: int | None = len(DATA), **more: object) -> FileToSend:
    return FileToSend(case_number=NUMBER, path=CasePath(path), length=length, **more)  # type: ignore[arg-type]  # spelled out by each test


def sha1(data: bytes) -> ChunkChecksum:
    return ChunkChecksum("sha1", hashlib.sha1(data, usedforsecurity=False).digest())


@pytest.mark.parametrize("size", [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 300 * KIB])
async def test_a_file_sent_at_once_comes_out_as_it_went_in(room: EngineRoom, size: int) -> None:
    upload = await room.send("logs/a.log", DATA[:size])
    assert upload.state is UploadState.RECEIVED
    assert await room.content("logs/a.log") == DATA[:size]


async def test_a_file_below_one_part_is_one_put(room: EngineRoom, store: MemoryObjectStore) -> None:
    await room.send("a.log", DATA[:1000])
    assert [call.operation for call in store.calls] == ["put"]


async def test_a_file_comes_in_requests_of_any_size(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    offset = 0
    for size in (1, 7, 63 * KIB, 1, 64 * KIB, 130 * KIB, 1 << 20):
        piece = DATA[offset : offset + size]
        upload = await room.append(customer(), upload.id, offset, chunks(piece))
        offset += len(piece)
        assert upload.offset == offset
        if offset < len(DATA):
            assert upload.state is UploadState.RECEIVING
    assert upload.state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA


async def test_requests_below_a_part_leave_one_tail_and_no_garbage(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    for offset in range(0, 60 * KIB, 10 * KIB):
        await room.append(customer(), upload.id, offset, chunks(DATA[offset : offset + 10 * KIB]))
    stood = await room.records.uploads.upload(upload.id)
    assert stood.tail is not None
    assert stood.tail.size == stood.offset == 60 * KIB
    now = room.clock.now()
    jobs = await room.records.jobs.claim("w", now, now + timedelta(minutes=1), 100)
    discarded = {key for job in jobs for key in job.payload["keys"]}
    assert set(store.objects) - discarded == {stood.tail.key}


async def test_a_wrong_offset_writes_nothing_and_tells_the_right_one(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    await room.append(customer(), upload.id, 0, chunks(DATA[:100]))
    for wrong in (0, 99, 101, len(DATA)):
        with pytest.raises(OffsetMismatchError) as caught:
            await room.append(customer(), upload.id, wrong, chunks(b"xx"))
        assert caught.value.offset == 100
    await room.append(customer(), upload.id, 100, chunks(DATA[100:]))
    assert await room.content("a.log") == DATA


async def test_what_came_before_a_cut_is_kept_and_shown_as_interrupted(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    with pytest.raises(ConnectionResetError):
        await room.append(customer(), upload.id, 0, chunks(DATA[: 100 * KIB + 5], then=cut))
    stood = await room.uploads.show(customer(), upload.id)
    assert (stood.offset, stood.state) == (100 * KIB + 5, UploadState.INTERRUPTED)
    await room.append(customer(), upload.id, stood.offset, chunks(DATA[stood.offset :]))
    assert await room.content("a.log") == DATA


async def test_a_right_checksum_lets_the_chunk_count(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    for start in range(0, len(DATA), 150 * KIB):
        piece = DATA[start : start + 150 * KIB]
        upload = await room.append(customer(), upload.id, start, chunks(piece), sha1(piece))
    assert upload.state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA


@pytest.mark.parametrize("size", [10, 64 * KIB, 200 * KIB])
async def test_a_wrong_checksum_leaves_offset_and_content_as_they_were(
    room: EngineRoom, size: int
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    await room.append(customer(), upload.id, 0, chunks(DATA[:1000]))
    before = await room.records.uploads.upload(upload.id)
    with pytest.raises(ChecksumMismatchError):
        await room.append(customer(), upload.id, 1000, chunks(bytes(size)), sha1(b"something else"))
    after = await room.records.uploads.upload(upload.id)
    assert (after.offset, after.tail, after.digest) == (1000, before.tail, before.digest)
    assert await room.records.uploads.parts(upload.id) == []
    await room.append(customer(), upload.id, 1000, chunks(DATA[1000:]))
    assert await room.content("a.log") == DATA


async def test_a_checked_chunk_that_is_cut_counts_for_nothing(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    with pytest.raises(ConnectionResetError):
        await room.append(customer(), upload.id, 0, chunks(DATA[: 200 * KIB], then=cut), sha1(DATA))
    assert (await room.uploads.show(customer(), upload.id)).offset == 0


async def test_more_bytes_than_announced_are_refused_and_what_fits_is_kept(
    room: EngineRoom,
) -> None:
    upload = await room.uploads.create(customer(), a_file(length=50_000))
    with pytest.raises(LengthMismatchError):
        await room.append(customer(), upload.id, 0, chunks(DATA[:60_000]))
    assert (await room.uploads.show(customer(), upload.id)).offset == 40_000
    await room.append(customer(), upload.id, 40_000, chunks(DATA[40_000:50_000]))
    assert await room.content("a.log") == DATA[:50_000]


async def test_a_length_that_comes_later_is_final(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file(length=None))
    await room.append(customer(), upload.id, 0, chunks(DATA[:70_000]))
    with pytest.raises(LengthMismatchError):
        await room.uploads.announce(customer(), upload.id, 69_999)
    await room.uploads.announce(customer(), upload.id, len(DATA))
    with pytest.raises(LengthMismatchError):
        await room.uploads.announce(customer(), upload.id, len(DATA) + 1)
    await room.append(customer(), upload.id, 70_000, chunks(DATA[70_000:]))
    assert await room.content("a.log") == DATA


async def test_an_upload_that_is_whole_by_its_announcement_is_finished_by_a_look(
    room: EngineRoom,
) -> None:
    upload = await room.uploads.create(customer(), a_file(length=None))
    await room.append(customer(), upload.id, 0, chunks(DATA[:100_000]))
    await room.uploads.announce(customer(), upload.id, 100_000)
    shown = await room.uploads.show(customer(), upload.id)
    assert shown.state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA[:100_000]


async def test_a_promised_digest_that_matches_makes_the_file_verified(room: EngineRoom) -> None:
    await room.send("a.log", DATA, sha256=hashlib.sha256(DATA).hexdigest())
    await room.send("b.log", DATA)
    files = (await room.files.listing(customer(), NUMBER)).files
    assert {file.path: file.verified for file in files} == {"a.log": True, "b.log": False}


@pytest.mark.parametrize("size", [1000, len(DATA)])
async def test_a_promised_digest_that_differs_keeps_the_file_from_being_received(
    room: EngineRoom, size: int
) -> None:
    with pytest.raises(DigestMismatchError):
        await room.send("a.log", DATA[:size], sha256="0" * 64)
    listing = await room.files.listing(customer(), NUMBER)
    assert (listing.files, listing.uploads) == ([], [])


async def test_finish_is_repeatable_and_refuses_what_is_not_whole(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    with pytest.raises(OffsetMismatchError):
        await room.uploads.finish(customer(), upload.id)
    await room.append(customer(), upload.id, 0, chunks(DATA))
    first = await room.uploads.finish(customer(), upload.id)
    assert await room.uploads.finish(customer(), upload.id) == first
    with pytest.raises(UploadGoneError):
        await room.append(customer(), upload.id, len(DATA), chunks(b"x"))


async def test_a_store_that_fails_at_the_end_is_told_and_the_next_look_finishes(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    store.fail_next("complete_multipart")
    with pytest.raises(StoreUnavailableError):
        await room.append(customer(), upload.id, 0, chunks(DATA))
    assert (await room.records.uploads.upload(upload.id)).state is UploadState.COMPLETING
    for _ in range(2):
        shown = await room.uploads.show(customer(), upload.id)
        assert shown.state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA


async def test_what_is_left_half_finished_can_be_removed(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    store.fail_next("complete_multipart")
    with pytest.raises(StoreUnavailableError):
        await room.append(customer(), upload.id, 0, chunks(DATA))
    await room.files.remove(customer(), NUMBER, CasePath("a.log"))
    assert (await room.files.listing(customer(), NUMBER)).files == []
    assert (await room.records.uploads.upload(upload.id)).state is UploadState.RECEIVED


async def test_a_finish_whose_answer_was_lost_is_done_once(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    store.fail_next("complete_multipart", done=True)
    with pytest.raises(StoreUnavailableError):
        await room.append(customer(), upload.id, 0, chunks(DATA))
    file = await room.uploads.finish(customer(), upload.id)
    assert await room.content_of(file) == DATA
    assert len((await room.files.listing(customer(), NUMBER)).files) == 1


async def test_a_part_that_fails_while_the_next_one_succeeds_never_moves_the_offset(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    store.fail_next("upload_part", part_number=2)
    with pytest.raises(StoreUnavailableError):
        await room.append(customer(), upload.id, 0, chunks(DATA))
    stood = await room.uploads.show(customer(), upload.id)
    assert stood.offset == 64 * KIB
    assert {3, 2} <= {call.part_number for call in store.calls}
    await room.append(customer(), upload.id, stood.offset, chunks(DATA[stood.offset :]))
    numbers = [call.part_number for call in store.calls if call.operation == "upload_part"]
    assert len(numbers) == len(set(numbers)), "a part number was used twice"
    assert await room.content("a.log") == DATA


async def test_a_second_file_of_the_same_name_is_numbered_beside_the_first(
    room: EngineRoom,
) -> None:
    for size in (10, 20, 30):
        await room.send("trace.log", DATA[:size])
    files = (await room.files.listing(customer(), NUMBER)).files
    assert {file.path for file in files} == {"trace.log", "trace (2).log", "trace (3).log"}


async def test_a_replacing_file_takes_the_place_only_once_it_is_whole(room: EngineRoom) -> None:
    await room.send("a.log", b"old")
    upload = await room.uploads.create(customer(), a_file(replaces=True))
    assert isinstance(await room.files.entry(customer(), NUMBER, CasePath("a.log")), Upload)
    await room.uploads.abandon(customer(), upload.id)
    assert await room.content("a.log") == b"old"
    await room.send("a.log", DATA, replaces=True)
    assert await room.content("a.log") == DATA
    assert len((await room.files.listing(customer(), NUMBER)).files) == 1


async def test_a_cancelled_upload_is_over(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    await room.append(customer(), upload.id, 0, chunks(DATA[:1000]))
    await room.uploads.abandon(customer(), upload.id)
    with pytest.raises(UploadGoneError):
        await room.uploads.show(customer(), upload.id)
    with pytest.raises(UploadGoneError):
        await room.append(customer(), upload.id, 1000, chunks(b"x"))
    with pytest.raises(UploadGoneError):
        await room.uploads.abandon(customer(), upload.id)


async def test_an_upload_expires_and_the_worker_abandons_it(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    room.clock.advance(room.tools.policy.lifetime)
    with pytest.raises(UploadGoneError):
        await room.uploads.show(customer(), upload.id)
    assert await room.uploads.tend_overdue() == 1
    stood = await room.records.uploads.upload(upload.id)
    assert stood.state is UploadState.ABANDONED
    assert await room.uploads.tend_overdue() == 0


async def test_what_a_lost_process_left_half_finished_is_finished_by_the_worker(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    store.fail_next("complete_multipart")
    with pytest.raises(StoreUnavailableError):
        await room.append(customer(), upload.id, 0, chunks(DATA))
    room.clock.advance(61)
    store.fail_next("complete_multipart")
    assert await room.uploads.tend_overdue() == 1
    room.clock.advance(61)
    assert await room.uploads.tend_overdue() == 1
    assert await room.content("a.log") == DATA


async def test_append_to_a_received_file_copies_it_inside_the_store(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    big = random.Random(2).randbytes(5 << 20)
    await room.send("a.log", big)
    before = await room.files.entry(customer(), NUMBER, CasePath("a.log"))
    assert isinstance(before, StoredFile)
    store.calls.clear()
    writer = await room.uploads.extend(customer(), before, before.size)
    assert writer.position == len(big)
    await writer.write(DATA)
    file = await room.uploads.finish_writer(customer(), writer)
    assert "read" not in {call.operation for call in store.calls}
    assert await room.content_of(file) == big + DATA
    assert len((await room.files.listing(customer(), NUMBER)).files) == 1


@pytest.mark.parametrize("size", [0, 1, 100_000, 200_000])
async def test_a_file_is_shortened_or_extended_from_any_byte(room: EngineRoom, size: int) -> None:
    await room.send("a.log", DATA[:200_000])
    before = await room.files.entry(customer(), NUMBER, CasePath("a.log"))
    assert isinstance(before, StoredFile)
    writer = await room.uploads.extend(customer(), before, size)
    await writer.write(b"end")
    file = await room.uploads.finish_writer(customer(), writer)
    assert await room.content_of(file) == DATA[:size] + b"end"


async def test_an_extension_that_fails_leaves_the_file_as_it_was(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    big = bytes(5 << 20)
    await room.send("a.log", big)
    before = await room.files.entry(customer(), NUMBER, CasePath("a.log"))
    assert isinstance(before, StoredFile)
    store.fail_next("copy_part")
    with pytest.raises(StoreUnavailableError):
        await room.uploads.extend(customer(), before, before.size)
    assert await room.content("a.log") == big


async def test_roles_decide_who_may_send(room: EngineRoom) -> None:
    with pytest.raises(ForbiddenError):
        await room.send("a.log", b"x", principal=customer(role=Role.READ_ONLY))
    with pytest.raises(CaseMissingError):
        await room.send("a.log", b"x", principal=customer("0000000042"))
    with pytest.raises(ForbiddenError):
        await room.send("shared/a.log", b"x")
    await room.send("fix.zip", b"x", principal=ANALYST)
    assert await room.content("shared/fix.zip") == b"x"


async def test_someone_elses_upload_is_not_there(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    stranger = customer("0000000042")
    for attempt in (
        room.uploads.show(stranger, upload.id),
        room.append(stranger, upload.id, 0, chunks(b"x")),
        room.uploads.abandon(stranger, upload.id),
        room.uploads.announce(stranger, upload.id, 1),
        room.uploads.finish(stranger, upload.id),
        room.uploads.show(customer(), UploadId("none")),
    ):
        with pytest.raises(UploadMissingError):
            await attempt


async def test_a_case_that_closes_on_the_way_keeps_the_bytes_and_takes_no_more(
    room: EngineRoom,
) -> None:
    upload = await room.uploads.create(customer(), a_file())

    async def close() -> None:
        await room.core.close(NUMBER, None, "analyst")

    with pytest.raises(CaseClosedError):
        await room.append(customer(), upload.id, 0, chunks(DATA, then=close))
    with pytest.raises(CaseClosedError):
        await room.append(customer(), upload.id, 0, chunks(DATA))
    await room.core.reopen(NUMBER, "analyst")
    assert (await room.uploads.show(customer(), upload.id)).state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA


async def test_a_length_that_cannot_be_stored_is_refused_at_once(room: EngineRoom) -> None:
    with pytest.raises(TooLargeError):
        await room.uploads.create(customer(), a_file(length=1 << 60))
    with pytest.raises(CaseMissingError):
        await room.uploads.create(
            ANALYST, FileToSend(case_number=CaseNumber("0000000042"), path=CasePath("a"))
        )


async def test_a_lost_hash_state_is_found_again_by_reading_back(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a platform whose libcrypto can't save the state of a hash."""
    monkeypatch.setattr("transfer.engine.digest.can_save_state", lambda: False)
    upload = await room.uploads.create(customer(), a_file())
    await room.append(customer(), upload.id, 0, chunks(DATA[:100_000]))
    await room.append(customer(), upload.id, 100_000, chunks(DATA[100_000:]))
    assert await room.content("a.log") == DATA
    small = await room.uploads.create(customer(), a_file("b.log", 2000))
    await room.append(customer(), small.id, 0, chunks(DATA[:1000]))
    await room.append(customer(), small.id, 1000, chunks(DATA[1000:2000]))
    assert await room.content("b.log") == DATA[:2000]


def test_a_checksum_header_of_tus_is_understood() -> None:
    header = "sha1 " + base64.b64encode(hashlib.sha1(b"x", usedforsecurity=False).digest()).decode()
    checksum = ChunkChecksum.parse(header)
    checksum.update(b"x")
    checksum.verify()
