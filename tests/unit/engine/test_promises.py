"""The SHA-256 that a sender gives of the whole file: before its end, during it, or afterwards."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.engine_room import NUMBER, EngineRoom, chunks, customer
from tests.unit.engine.stalling import DATA, a_file
from transfer.core.access import Role
from transfer.core.errors import (
    CaseClosedError,
    DigestChangedError,
    DigestMismatchError,
    ForbiddenError,
    UploadGoneError,
    UploadMissingError,
)
from transfer.core.names import CasePath
from transfer.core.uploads import StoredFile, UploadId, UploadState, case_prefix
from transfer.storage.memory import Call, MemoryObjectStore

SHA256 = hashlib.sha256(DATA).hexdigest()
WRONG = "0" * 64
SIZES = [1000, len(DATA)]
"""One PUT, and parts that are put together."""


async def the_file(room: EngineRoom) -> StoredFile:
    entry = await room.files.entry(customer(), NUMBER, CasePath("a.log"))
    assert isinstance(entry, StoredFile)
    return entry


async def audited(room: EngineRoom, beginning: str) -> list[str]:
    events = await room.records.audit.events(NUMBER)
    return [event.action for event in events if event.action.startswith(beginning)]


async def run_jobs(room: EngineRoom, store: MemoryObjectStore) -> None:
    """Discard what was queued for that, as a worker does."""
    now = room.clock.now()
    for job in await room.records.jobs.claim("test", now, now + timedelta(hours=1), 100):
        await store.delete(job.payload["keys"])
        for key, multipart_id in job.payload["multiparts"]:
            await store.abort_multipart(key, multipart_id)


async def left(room: EngineRoom, store: MemoryObjectStore) -> list[str]:
    case = await room.core.case(NUMBER)
    return [item.key for item in await store.list_everything(case_prefix(case.id))]


# ── Before the end ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", SIZES)
async def test_a_promise_that_is_kept_makes_the_file_verified(room: EngineRoom, size: int) -> None:
    upload = await room.uploads.create(customer(), a_file(length=size))
    promised = hashlib.sha256(DATA[:size]).hexdigest()
    told = await room.uploads.promise(customer(), upload.id, promised)
    assert (told.state, told.expected_sha256) == (UploadState.RECEIVING, promised)
    await room.append(customer(), upload.id, 0, chunks(DATA[:size]))
    assert (await the_file(room)).verified


@pytest.mark.parametrize("size", SIZES)
async def test_a_promise_that_is_broken_receives_nothing_and_discards_the_bytes(
    room: EngineRoom, store: MemoryObjectStore, size: int
) -> None:
    upload = await room.uploads.create(customer(), a_file(length=size))
    await room.append(customer(), upload.id, 0, chunks(DATA[: size - 10]))
    await room.uploads.promise(customer(), upload.id, WRONG)
    with pytest.raises(DigestMismatchError):
        await room.append(customer(), upload.id, size - 10, chunks(DATA[size - 10 : size]))
    with pytest.raises(UploadGoneError):
        await room.uploads.show(customer(), upload.id)
    await run_jobs(room, store)
    assert await left(room, store) == []
    assert await audited(room, "file.") == []


async def test_the_same_promise_may_be_repeated_and_another_one_is_refused(
    room: EngineRoom,
) -> None:
    upload = await room.uploads.create(customer(), a_file())
    for _ in range(2):
        await room.uploads.promise(customer(), upload.id, SHA256)
    with pytest.raises(DigestChangedError, match=SHA256):
        await room.uploads.promise(customer(), upload.id, WRONG)
    with pytest.raises(DigestChangedError):
        await room.uploads.announce(customer(), upload.id, len(DATA), WRONG)
    await room.append(customer(), upload.id, 0, chunks(DATA))
    assert (await the_file(room)).verified


async def test_a_promise_survives_the_process_that_took_it(room: EngineRoom) -> None:
    upload = await room.uploads.create(customer(), a_file())
    await room.uploads.promise(customer(), upload.id, WRONG)
    node = room.another_node()
    with pytest.raises(DigestMismatchError):
        await node.append(customer(), upload.id, 0, chunks(DATA))


async def test_nothing_is_promised_of_an_upload_that_is_over(room: EngineRoom) -> None:
    with pytest.raises(UploadMissingError):
        await room.uploads.promise(customer(), UploadId("none"), SHA256)
    upload = await room.uploads.create(customer(), a_file())
    room.clock.advance(timedelta(days=8))
    with pytest.raises(UploadGoneError, match="expired"):
        await room.uploads.promise(customer(), upload.id, SHA256)
    await room.uploads.abandon(customer(), upload.id)
    with pytest.raises(UploadGoneError, match="cancelled"):
        await room.uploads.promise(customer(), upload.id, SHA256)


# ── During the end ───────────────────────────────────────────────────────────────────────────────


def when(
    operation: str, step: Callable[[], Awaitable[object]]
) -> Callable[[Call], Awaitable[None]]:
    """Do `step` once, ahead of the first such call to the store."""
    done: list[bool] = []

    async def hook(call: Call) -> None:
        if call.operation == operation and not done:
            done.append(True)
            await step()

    return hook


@pytest.mark.parametrize(("size", "last_step"), [(1000, "put"), (len(DATA), "complete_multipart")])
@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_promise_that_comes_in_the_midst_of_the_finish_counts(
    room: EngineRoom, store: MemoryObjectStore, size: int, last_step: str, is_kept: bool
) -> None:
    upload = await room.uploads.create(customer(), a_file(length=size))
    sha256 = hashlib.sha256(DATA[:size]).hexdigest() if is_kept else WRONG
    store.before = when(last_step, lambda: room.uploads.promise(customer(), upload.id, sha256))
    if is_kept:
        await room.append(customer(), upload.id, 0, chunks(DATA[:size]))
        assert (await the_file(room)).verified
        return
    with pytest.raises(DigestMismatchError):
        await room.append(customer(), upload.id, 0, chunks(DATA[:size]))
    with pytest.raises(UploadGoneError):
        await room.uploads.show(customer(), upload.id)
    await run_jobs(room, store)
    assert await left(room, store) == []


async def test_a_store_that_is_away_then_changes_nothing_about_the_answer(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    upload = await room.uploads.create(customer(), a_file(length=1000))
    store.before = when("put", lambda: room.uploads.promise(customer(), upload.id, WRONG))
    store.fail_next("delete")
    with pytest.raises(DigestMismatchError):
        await room.append(customer(), upload.id, 0, chunks(DATA[:1000]))
    assert (await room.records.uploads.upload(upload.id)).state is UploadState.ABANDONED


# ── Afterwards ───────────────────────────────────────────────────────────────────────────────────


async def test_a_received_file_is_compared_and_becomes_verified(room: EngineRoom) -> None:
    upload = await room.send("a.log", DATA)
    assert not (await the_file(room)).verified
    for _ in range(2):
        await room.uploads.promise(customer(), upload.id, SHA256)
    file = await the_file(room)
    assert (file.verified, file.claimed_sha256) == (True, None)
    assert await audited(room, "file.verified") == ["file.verified"]


async def test_a_received_file_that_is_another_one_is_kept_and_shown_as_not_verified(
    room: EngineRoom,
) -> None:
    upload = await room.send("a.log", DATA, sha256=SHA256)
    for _ in range(2):
        with pytest.raises(DigestMismatchError, match=SHA256):
            await room.uploads.promise(customer(), upload.id, WRONG)
    file = await the_file(room)
    assert (file.verified, file.claimed_sha256) == (False, WRONG)
    assert await room.content("a.log") == DATA
    assert await audited(room, "file.digest") == ["file.digest-mismatch"]
    await room.uploads.promise(customer(), upload.id, SHA256)
    file = await the_file(room)
    assert (file.verified, file.claimed_sha256) == (True, None)


async def test_of_a_file_that_was_removed_nothing_can_be_claimed(room: EngineRoom) -> None:
    upload = await room.send("a.log", DATA)
    await room.files.remove(customer(), NUMBER, CasePath("a.log"))
    with pytest.raises(UploadGoneError, match="removed since"):
        await room.uploads.promise(customer(), upload.id, SHA256)


async def test_only_who_may_send_may_promise_and_not_once_the_case_is_closed(
    room: EngineRoom,
) -> None:
    upload = await room.send("a.log", DATA)
    with pytest.raises(ForbiddenError):
        await room.uploads.promise(customer(role=Role.READ_ONLY), upload.id, SHA256)
    with pytest.raises(UploadMissingError):
        await room.uploads.promise(customer("0000000099"), upload.id, SHA256)
    await room.core.close(NUMBER, None, "analyst")
    with pytest.raises(CaseClosedError):
        await room.uploads.promise(customer(), upload.id, SHA256)
    assert not (await the_file(room)).verified
