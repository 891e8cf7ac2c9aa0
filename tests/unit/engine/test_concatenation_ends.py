"""Pieces and wholes whose time is over, or whose turn ends otherwise than well."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from tests.engine_room import (
    MIB,
    NUMBER,
    EngineRoom,
    chunks,
    customer,
    engine_room,
)
from tests.unit.engine.pieces import (
    DATA,
    PARTS,
    fill,
    send_pieces,
    shown,
    waiting,
    whole_of,
)
from tests.unit.engine.pieces import room as room
from tests.unit.engine.pieces import running_room as running_room
from transfer.core.errors import (
    EntryMissingError,
    ShuttingDownError,
    StoreUnavailableError,
    TooLargeError,
    UploadGoneError,
)
from transfer.core.uploads import UploadId, UploadState
from transfer.engine.policy import UploadPolicy
from transfer.ports import Advance, UploadLedger
from transfer.storage.memory import Call, MemoryObjectStore

# ── Time ─────────────────────────────────────────────────────────────────────────────────────────


async def discard(room: EngineRoom) -> set[str]:
    now = room.clock.now()
    jobs = await room.records.jobs.claim("w", now, now + timedelta(minutes=1), 100)
    await room.records.jobs.done(jobs)
    return {key for job in jobs for key in job.payload["keys"]}


async def test_used_pieces_go_after_an_hour_and_unused_ones_when_they_expire(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    used, unused = await send_pieces(room, [6 * MIB, 100])
    keys = {
        piece: (await room.records.uploads.upload(piece)).object_key for piece in (used, unused)
    }
    await room.uploads.create(customer(), whole_of([used]))
    await discard(room)
    room.clock.advance(timedelta(minutes=59))
    assert await room.uploads.tend_overdue() == 0
    room.clock.advance(timedelta(minutes=1))
    with pytest.raises(UploadGoneError):
        await room.uploads.show(customer(), used)
    assert await room.uploads.tend_overdue() == 1
    assert await discard(room) == {keys[used]}
    room.clock.advance(timedelta(days=7))
    assert await room.uploads.tend_overdue() == 1
    assert await discard(room) == {keys[unused]}
    assert await room.uploads.tend_overdue() == 0
    assert await room.content("a.log") == DATA[: 6 * MIB]


async def test_a_final_and_the_pieces_it_needs_stay_as_long_as_one_may_be_continued(
    room: EngineRoom,
) -> None:
    final, piece = await waiting(room)
    room.clock.advance(timedelta(days=6))
    await room.append(customer(), piece, 0, chunks(DATA[100:150]))
    room.clock.advance(timedelta(days=6))
    assert await room.uploads.tend_overdue() == 0
    assert (await room.uploads.show(customer(), final.id)).length == 200
    await room.append(customer(), piece, 50, chunks(DATA[150:200]))
    await shown(room, final.id)
    assert await room.content("a.log") == DATA[:200]


async def test_what_waits_in_vain_expires_with_its_pieces(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    final, piece = await waiting(room)
    room.clock.advance(timedelta(days=7))
    with pytest.raises(UploadGoneError):
        await room.uploads.show(customer(), final.id)
    for _ in range(3):
        await room.uploads.tend_overdue()
    assert await room.uploads.tend_overdue() == 0
    for upload_id in (final.id, piece):
        assert (await room.records.uploads.upload(upload_id)).state is UploadState.ABANDONED
    assert set(store.objects) == await discard(room)


async def test_a_final_that_expires_in_the_worker_s_hands_is_given_up(room: EngineRoom) -> None:
    final, piece = await waiting(room)
    await room.records.uploads.abandon(final.id, None, "test", room.clock.now())
    again = await room.uploads.create(customer(), whole_of([piece]))
    room.clock.advance(timedelta(days=8))
    stood = await room.records.uploads.upload(again.id)
    await room.uploads._concatenations.tend(stood)
    assert (await room.records.uploads.upload(again.id)).state is UploadState.ABANDONED


async def test_the_worker_goes_on_with_what_a_lost_process_left(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    pieces = await send_pieces(room, [6 * MIB, 6 * MIB])
    store.fail_next("copy_part")
    with pytest.raises(StoreUnavailableError):
        await room.uploads.create(customer(), whole_of(pieces))
    assert await room.uploads.tend_overdue() == 0
    room.clock.advance(61)
    assert await room.uploads.tend_overdue() == 1
    (upload,) = (await room.files.listing(customer(), NUMBER)).uploads
    await shown(room, upload.id)
    assert await room.content("a.log") == DATA[: 12 * MIB]


async def test_the_worker_completes_what_was_left_completing(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    final, piece = await waiting(room, 3 * MIB)
    store.fail_next("complete_multipart")
    with pytest.raises(StoreUnavailableError):
        await fill(room, piece, 3 * MIB)
    room.clock.advance(61)
    await room.uploads.tend_overdue()
    await shown(room, final.id)
    store.fail_next("complete_multipart")
    whole = whole_of([piece, piece], "b.log")
    with pytest.raises(StoreUnavailableError):
        await room.uploads.create(customer(), whole)
    room.clock.advance(61)
    await room.uploads.tend_overdue()
    twice = await room.uploads.create(customer(), whole)
    assert twice.state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA[: 100 + 3 * MIB]
    assert await room.content("b.log") == DATA[100 : 100 + 3 * MIB] * 2


async def test_a_whole_beyond_the_limit_is_given_up(tmp_path: Path) -> None:
    policy = UploadPolicy(plan=PARTS, max_file_bytes=150)
    async with engine_room(tmp_path, policy=policy) as room:
        pieces = await send_pieces(room, [100, 100])
        with pytest.raises(TooLargeError):
            await room.uploads.create(customer(), whole_of(pieces))
        assert (await room.files.listing(customer(), NUMBER)).uploads == []


async def test_asking_again_completes_what_was_left_completing(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    pieces = await send_pieces(room, [6 * MIB, 6 * MIB])
    for ask_again in (True, False):
        whole = whole_of(pieces, f"{ask_again}.log")
        store.fail_next("complete_multipart")
        with pytest.raises(StoreUnavailableError):
            await room.uploads.create(customer(), whole)
        if ask_again:
            await room.uploads.create(customer(), whole)
        else:
            (upload,) = (await room.files.listing(customer(), NUMBER)).uploads
            await shown(room, upload.id)
        assert await room.content(f"{ask_again}.log") == DATA[: 12 * MIB]


# ── Ends that nobody wanted ──────────────────────────────────────────────────────────────────────


async def test_a_stop_of_the_service_ends_a_turn_and_the_next_node_goes_on(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    pieces = await send_pieces(room, [6 * MIB, 6 * MIB])
    stopping = room.another_node()

    async def stall_forever(call: Call) -> None:
        if call.operation == "copy_part":
            reached.set()
            await asyncio.Event().wait()

    reached = asyncio.Event()
    store.before = stall_forever
    creation = asyncio.create_task(stopping.uploads.create(customer(), whole_of(pieces)))
    await reached.wait()
    await stopping.leases.close()
    with pytest.raises(ShuttingDownError):
        await creation
    store.before = None
    assert (await room.uploads.create(customer(), whole_of(pieces))).state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA[: 12 * MIB]


async def left_leased(room: EngineRoom, pieces: Sequence[UploadId]) -> UploadId:
    """Return a final upload that is leased to a process which does nothing any more."""
    assert isinstance(room.store, MemoryObjectStore)
    room.store.fail_next("read")
    with pytest.raises(StoreUnavailableError):
        await room.uploads.create(customer(), whole_of(pieces))
    (upload,) = (await room.files.listing(customer(), NUMBER)).uploads
    lost = room.another_node().leases.lease()
    assert await room.records.uploads.acquire_final(upload.id, lost, room.clock.now())
    return upload.id


async def test_a_stop_ends_who_waits_for_another_node(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    pieces = await send_pieces(room, [100, 100])
    upload_id = await left_leased(room, pieces)
    waits = room.another_node()
    creation = asyncio.create_task(waits.uploads.create(customer(), whole_of(pieces)))
    await room.clock.wait_for_sleepers()
    await waits.leases.close()
    with pytest.raises(ShuttingDownError):
        await creation
    with pytest.raises(ShuttingDownError):
        await waits.uploads.create(customer(), whole_of(pieces))
    assert (await room.records.uploads.upload(upload_id)).state is UploadState.RECEIVING


async def test_who_waits_for_another_node_hears_that_it_was_cancelled(room: EngineRoom) -> None:
    pieces = await send_pieces(room, [100, 100])
    upload_id = await left_leased(room, pieces)
    creation = asyncio.create_task(room.uploads.create(customer(), whole_of(pieces)))
    await room.clock.wait_for_sleepers()
    await room.uploads.abandon(customer(), upload_id)
    room.clock.advance(1)
    with pytest.raises(UploadGoneError):
        await creation


async def test_a_turn_that_was_taken_over_is_begun_again(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    pieces = await send_pieces(room, [6 * MIB, 6 * MIB])
    ledger = room.records.uploads

    async def take_over(call: Call) -> None:
        if call.operation == "read":
            store.before = None
            (upload,) = (await room.files.listing(customer(), NUMBER)).uploads
            taken = await ledger.acquire(
                upload.id, room.leases.lease(), room.clock.now(), force=True
            )
            assert taken is not None
            now = room.clock.now()
            await ledger.release(upload.id, taken.fence, UploadState.INTERRUPTED, now)

    store.before = take_over
    done = await room.uploads.create(customer(), whole_of(pieces))
    assert done.state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA[: 12 * MIB]


class StolenFrom:
    """The ledger of a process that loses its lease right after its first commit."""

    def __init__(self, ledger: UploadLedger, thief: EngineRoom) -> None:
        self._ledger = ledger
        self._thief = thief
        self._stolen = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    async def commit(self, upload_id: UploadId, fence: int, advance: Advance) -> None:
        await self._ledger.commit(upload_id, fence, advance)
        if not self._stolen:
            self._stolen = True
            lease, now = self._thief.leases.lease(), self._thief.clock.now()
            taken = await self._ledger.acquire(upload_id, lease, now, force=True)
            assert taken is not None
            await self._ledger.release(upload_id, taken.fence, UploadState.INTERRUPTED, now)


async def test_a_lease_that_was_lost_behind_a_commit_is_noticed(room: EngineRoom) -> None:
    pieces = await send_pieces(room, [6 * MIB, 6 * MIB])
    ledger = cast(UploadLedger, StolenFrom(room.records.uploads, room))
    node = replace(room, records=replace(room.records, uploads=ledger)).another_node()
    assert (await node.uploads.create(customer(), whole_of(pieces))).state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA[: 12 * MIB]


@pytest.mark.parametrize("told", [True, False])
async def test_a_lease_that_was_lost_between_two_steps_ends_the_turn(
    room: EngineRoom, store: MemoryObjectStore, told: bool
) -> None:
    pieces = await send_pieces(room, [100, 6 * MIB])
    ledger = room.records.uploads

    async def lose(call: Call) -> None:
        (writer,) = room.leases.writers
        if call.operation == "upload_part":
            store.before = None
            later = room.clock.now()
            await ledger.acquire(writer.upload.id, room.leases.lease(), later, force=True)
            if told:
                await room.leases.watch_once()

    store.before = lose
    creation = asyncio.create_task(room.uploads.create(customer(), whole_of(pieces)))
    await room.clock.wait_for_sleepers()
    room.clock.advance(31)
    assert (await creation).state is UploadState.RECEIVED
    assert await room.content("a.log") == DATA[: 100 + 6 * MIB]


async def test_pieces_whose_bytes_are_not_there_make_no_file(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    pieces = await send_pieces(room, [100])
    stood = await room.records.uploads.upload(pieces[0])
    assert stood.object_key is not None
    await store.delete([stood.object_key])
    with pytest.raises(EntryMissingError):
        await room.uploads.create(customer(), whole_of(pieces))
    assert (await room.files.listing(customer(), NUMBER)).files == []


async def test_a_surprise_in_a_turn_is_told_to_who_waits(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    pieces = await send_pieces(room, [100, 100])
    store.fail_next("read", RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        await room.uploads.create(customer(), whole_of(pieces))
