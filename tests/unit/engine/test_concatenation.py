"""Uploads that are pieces of others: kept, put together by whoever comes first, once."""

import asyncio
import contextlib
import hashlib
import itertools
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from tests.engine_room import (
    ANALYST,
    KIB,
    MIB,
    NUMBER,
    EngineRoom,
    chunks,
    customer,
    engine_room,
)
from tests.unit.engine.gate import Gate, freezing_node
from transfer.core.access import Role
from transfer.core.concatenation import Concatenation
from transfer.core.errors import (
    CaseClosedError,
    DigestMismatchError,
    EntryMissingError,
    ForbiddenError,
    OffsetMismatchError,
    ShuttingDownError,
    StoreUnavailableError,
    TooLargeError,
    TransferError,
    UploadBusyError,
    UploadGoneError,
)
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import Concat, StoredFile, Upload, UploadId, UploadState
from transfer.engine import digest
from transfer.engine.beginnings import FileToSend
from transfer.engine.deliveries import Delivery
from transfer.engine.policy import UploadPolicy
from transfer.ports import Advance, UploadLedger
from transfer.records.migrate import upgrade
from transfer.storage.memory import Call, MemoryObjectStore

DATA = random.Random(3).randbytes(18 * MIB)
BIG = [5 * MIB + 1, 10, 6 * MIB, 5 * MIB]
"""A piece that is copied, one that is too small for that, and two of which one has to help it."""

PARTS = PartPlan(base_bytes=MIB)

Scenario = Callable[[EngineRoom, int, Sequence[int]], Awaitable[bool]]

_PIECE = Concatenation(role=Concat.PARTIAL, header="partial")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    async with engine_room(tmp_path, plan=PARTS) as made:
        yield made


@pytest.fixture
async def running_room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    async with engine_room(tmp_path, plan=PARTS, running=True) as made:
        yield made


def a_piece(length: int | None) -> FileToSend:
    return FileToSend(
        case_number=NUMBER, path=CasePath("unnamed"), length=length, concatenation=_PIECE
    )


async def send_piece(room: EngineRoom, data: bytes) -> UploadId:
    sent = await room.uploads.receive(customer(), a_piece(len(data)), chunks(data, 1 * MIB))
    assert (sent.state, sent.file_id) == (UploadState.RECEIVED, None)
    return sent.id


async def send_pieces(room: EngineRoom, sizes: Sequence[int]) -> list[UploadId]:
    begins = [sum(sizes[:index]) for index in range(len(sizes))]
    return [
        await send_piece(room, DATA[begin : begin + size])
        for begin, size in zip(begins, sizes, strict=True)
    ]


def whole_of(
    pieces: Sequence[UploadId], path: str = "a.log", *, sha256: str | None = None
) -> FileToSend:
    named = Concatenation(
        role=Concat.FINAL, header=f"final;{' '.join(pieces)}", pieces=tuple(pieces)
    )
    return FileToSend(
        case_number=NUMBER,
        path=CasePath(path),
        metadata=f"path {path}, sha256 {sha256}",  # by this one is told from another one
        concatenation=named,
        expected_sha256=sha256,
    )


async def shown(room: EngineRoom, upload_id: UploadId) -> Upload:
    """Look at an upload until it is received."""
    async with asyncio.timeout(20):
        while True:
            upload = await room.uploads.show(customer(), upload_id)
            if upload.state is UploadState.RECEIVED:
                return upload


async def waiting(room: EngineRoom, size: int = 100) -> tuple[Upload, UploadId]:
    """Return a final upload that waits for its second piece, of `size` bytes."""
    first = await send_piece(room, DATA[:100])
    second = await room.uploads.create(customer(), a_piece(size))
    return await room.uploads.create(customer(), whole_of([first, second.id])), second.id


async def fill(room: EngineRoom, piece: UploadId, size: int = 100) -> None:
    await room.uploads.append(customer(), piece, 0, chunks(DATA[100 : 100 + size]))


def operations(store: MemoryObjectStore) -> list[str]:
    return [call.operation for call in store.calls]


def forget_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this a platform on which the state of a hash can't be saved."""
    monkeypatch.setattr(digest, "can_save_state", lambda: False)


# ── Putting together ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "sizes",
    [
        [0],
        [1000],
        [0, 1000, 0, 70 * KIB, 1],
        [6 * MIB],
        [0, 6 * MIB, 0],
        [6 * MIB, 6 * MIB],
        [6 * MIB, 100],
        [100, 6 * MIB],
        [100, 12 * MIB, 100],
        BIG,
        [5 * MIB - 1, 5 * MIB, 5 * MIB + 1],
    ],
)
async def test_a_file_of_pieces_comes_out_as_they_went_in(
    room: EngineRoom, sizes: list[int]
) -> None:
    pieces = await send_pieces(room, sizes)
    upload = await room.uploads.create(customer(), whole_of(pieces))
    assert (upload.state, upload.offset) == (UploadState.RECEIVED, sum(sizes))
    assert await room.content("a.log") == DATA[: sum(sizes)]


async def test_big_pieces_are_copied_and_all_but_the_first_read_once(
    tmp_path: Path,
) -> None:
    store = MemoryObjectStore()
    async with engine_room(tmp_path, store=store, plan=PartPlan()) as room:
        pieces = await send_pieces(room, [6 * MIB, 5 * MIB, 7 * MIB])
        store.calls.clear()
        await room.uploads.create(customer(), whole_of(pieces))
        assert sorted(operations(store)) == [
            "complete_multipart",
            *["copy_part"] * 3,
            "create_multipart",
            *["read"] * 2,
        ]
        assert await room.content("a.log") == DATA


async def test_a_store_that_wants_equal_parts_gets_them(tmp_path: Path) -> None:
    store = MemoryObjectStore()
    plan = PartPlan(base_bytes=5 * MIB, equal=True)
    async with engine_room(tmp_path, store=store, plan=plan) as room:
        pieces = await send_pieces(room, [6 * MIB, 12 * MIB])
        store.calls.clear()
        await room.uploads.create(customer(), whole_of(pieces))
        assert "copy_part" not in operations(store)
        assert operations(store).count("upload_part") == 4
        assert await room.content("a.log") == DATA


async def test_little_memory_is_enough_for_pieces_that_are_read_again(tmp_path: Path) -> None:
    async with engine_room(tmp_path, plan=PARTS, budget_bytes=MIB) as room:
        sizes = [MIB, 2 * MIB, MIB]
        pieces = await send_pieces(room, sizes)
        await room.uploads.create(customer(), whole_of(pieces))
        assert await room.content("a.log") == DATA[: 4 * MIB]
        assert room.tools.pool.used_bytes == 0


async def test_where_no_state_is_saved_the_whole_is_read_back(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_state(monkeypatch)
    pieces = await send_pieces(room, BIG)
    await room.uploads.create(customer(), whole_of(pieces))
    assert await room.content("a.log") == DATA[: sum(BIG)]


async def test_a_piece_can_be_appended_to_an_end_that_is_copied_in_ranges(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.core.concatenation._RANGE_BYTES", 5 * MIB)
    pieces = await send_pieces(room, [12 * MIB, 6 * MIB])
    await room.uploads.create(customer(), whole_of(pieces))
    assert await room.content("a.log") == DATA


# ── Digests that were promised ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sizes", [[1000, 1000], [6 * MIB, 6 * MIB]])
async def test_a_promise_is_kept_or_nothing_becomes_a_file(
    room: EngineRoom, sizes: list[int]
) -> None:
    pieces = await send_pieces(room, sizes)
    right = hashlib.sha256(DATA[: sum(sizes)]).hexdigest()
    with pytest.raises(DigestMismatchError):
        await room.uploads.create(customer(), whole_of(pieces, sha256=hashlib.sha256().hexdigest()))
    assert (await room.files.listing(ANALYST, NUMBER)).uploads == []
    await room.uploads.create(customer(), whole_of(pieces, sha256=right))
    entry = await room.files.entry(ANALYST, NUMBER, CasePath("a.log"))
    assert isinstance(entry, StoredFile)
    assert entry.verified


async def test_a_broken_promise_of_a_piece_ends_it(room: EngineRoom) -> None:
    for size in (100, 3 * MIB):
        piece = await room.uploads.create(customer(), a_piece(size))
        await room.uploads.promise(customer(), piece.id, hashlib.sha256(b"other").hexdigest())
        with pytest.raises(DigestMismatchError):
            await room.uploads.append(customer(), piece.id, 0, chunks(DATA[:size]))
        with pytest.raises(UploadGoneError):
            await room.uploads.show(customer(), piece.id)


async def test_a_piece_that_the_store_put_together_wrongly_is_given_up(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    piece = await room.uploads.create(customer(), a_piece(3 * MIB))
    store.fail_next("complete_multipart", DigestMismatchError("another checksum"))
    with pytest.raises(DigestMismatchError):
        await room.uploads.append(customer(), piece.id, 0, chunks(DATA[: 3 * MIB]))
    with pytest.raises(UploadGoneError):
        await room.uploads.show(customer(), piece.id)


# ── Pieces ───────────────────────────────────────────────────────────────────────────────────


async def test_a_piece_whose_last_delivery_ends_it_is_whole(room: EngineRoom) -> None:
    piece = await room.uploads.create(customer(), a_piece(None))
    delivery = replace(Delivery.of(chunks(DATA[:100])), last=True)
    sent = await room.uploads.take(customer(), piece.id, 0, delivery)
    assert (sent.state, sent.length) == (UploadState.RECEIVED, 100)


@pytest.mark.parametrize("size", [100, 3 * MIB])
async def test_a_look_finishes_a_piece_whose_end_was_lost(
    room: EngineRoom, store: MemoryObjectStore, size: int
) -> None:
    piece = await room.uploads.create(customer(), a_piece(None))
    await room.uploads.append(customer(), piece.id, 0, chunks(DATA[:size]))
    await room.records.uploads.announce(piece.id, size, None, room.clock.now())
    seen = await room.uploads.show(customer(role=Role.READ_ONLY), piece.id)
    assert seen.state is UploadState.RECEIVING
    assert (await room.uploads.show(customer(), piece.id)).state is UploadState.RECEIVED
    await room.uploads.create(customer(), whole_of([piece.id]))
    assert await room.content("a.log") == DATA[:size]


async def test_a_look_completes_a_piece_and_wakes_what_waits_for_it(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    final, piece = await waiting(room, 3 * MIB)
    store.fail_next("complete_multipart")
    with pytest.raises(StoreUnavailableError):
        await fill(room, piece, 3 * MIB)
    assert (await room.uploads.show(customer(), piece)).state is UploadState.RECEIVED
    await shown(room, final.id)
    assert await room.content("a.log") == DATA[: 100 + 3 * MIB]


async def test_a_piece_that_is_being_sent_is_shown_as_it_is(room: EngineRoom) -> None:
    piece = await room.uploads.create(customer(), a_piece(100))
    assert (await room.uploads.show(customer(), piece.id)).offset == 0
    writer = await room.uploads.open_writer(customer(), piece.id)
    await writer.write(DATA[:100])
    await writer.flush()
    assert (await room.uploads.show(customer(), piece.id)).state is UploadState.RECEIVING
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)


async def test_pieces_are_nowhere_in_the_tree(room: EngineRoom) -> None:
    piece = await room.uploads.create(customer(), a_piece(100))
    await send_piece(room, DATA[:100])
    listing = await room.files.listing(customer(), NUMBER)
    assert (listing.files, listing.uploads) == ([], [])
    children = await room.files.children(customer(), NUMBER, CasePath(""))
    assert [child.path for child in children] == ["shared"]
    with pytest.raises(EntryMissingError):
        await room.files.entry(customer(), NUMBER, CasePath("unnamed"))
    await room.files.make_folder(customer(), NUMBER, CasePath("unnamed"))
    await room.uploads.create(customer(), a_piece(5))
    await room.files.remove_folder(customer(), NUMBER, CasePath("unnamed"))
    assert (await room.uploads.show(customer(), piece.id)).offset == 0


# ── Waiting ──────────────────────────────────────────────────────────────────────────────────


async def test_the_last_piece_makes_a_file_of_what_waits(room: EngineRoom) -> None:
    final, piece = await waiting(room)
    assert (final.state, final.length) == (UploadState.RECEIVING, 200)
    assert (await room.uploads.show(customer(), final.id)).state is UploadState.RECEIVING
    await fill(room, piece)
    done = await shown(room, final.id)
    assert done.file_id is not None
    assert await room.content("a.log") == DATA[:200]
    assert (await room.uploads.show(customer(), final.id)) == done


async def test_a_file_is_made_though_nobody_looks(room: EngineRoom) -> None:
    final, piece = await waiting(room)
    await fill(room, piece)
    async with asyncio.timeout(20):
        while (await room.records.uploads.upload(final.id)).file_id is None:
            await room.files.listing(customer(), NUMBER)  # each gives the others a turn
    assert await room.content("a.log") == DATA[:200]


async def test_a_piece_that_is_not_the_last_makes_no_file(room: EngineRoom) -> None:
    first, second = [await room.uploads.create(customer(), a_piece(100)) for _ in range(2)]
    final = await room.uploads.create(customer(), whole_of([first.id, second.id]))
    await room.uploads.append(customer(), first.id, 0, chunks(DATA[:100]))
    assert (await room.uploads.show(customer(), final.id)).state is UploadState.RECEIVING
    await fill(room, second.id)
    await shown(room, final.id)
    assert await room.content("a.log") == DATA[:200]


async def test_a_final_takes_no_bytes_and_no_length(room: EngineRoom) -> None:
    final, _ = await waiting(room)
    for attempt in (
        room.uploads.append(customer(), final.id, 0, chunks(b"x")),
        room.uploads.open_writer(customer(), final.id),
        room.uploads.announce(customer(), final.id, 5),
    ):
        with pytest.raises(ForbiddenError):
            await attempt


async def test_a_look_does_not_take_the_lease_from_who_puts_together(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    pieces = await send_pieces(room, [6 * MIB, 6 * MIB])
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def wait(call: Call) -> None:
        if call.operation == "copy_part":
            reached.set()
            await go_on.wait()

    store.before = wait
    creation = asyncio.create_task(room.uploads.create(customer(), whole_of(pieces)))
    await reached.wait()
    await room.leases.watch_once()
    (upload,) = (await room.files.listing(customer(), NUMBER)).uploads
    seen = await room.uploads.settle(customer(), upload.id)
    assert seen.state is UploadState.RECEIVING
    with pytest.raises(UploadBusyError):
        await room.uploads.abandon(customer(), pieces[0])
    go_on.set()
    assert (await creation).state is UploadState.RECEIVED


async def test_many_who_ask_at_once_on_two_nodes_get_one_file(running_room: EngineRoom) -> None:
    room, other = running_room, running_room.another_node()
    pieces = await send_pieces(room, [6 * MIB, 100, 6 * MIB])
    answers = await asyncio.gather(
        *(node.uploads.create(customer(), whole_of(pieces)) for node in (room, other) * 3)
    )
    assert len({answer.id for answer in answers}) == 1
    assert {answer.state for answer in answers} == {UploadState.RECEIVED}
    listing = await room.files.listing(customer(), NUMBER)
    assert [file.path for file in listing.files] == ["a.log"]
    assert await room.content("a.log") == DATA[: 12 * MIB + 100]


async def test_a_closed_case_gets_no_file(room: EngineRoom) -> None:
    _, piece = await waiting(room)
    whole = await send_piece(room, DATA[100:200])
    await room.core.close(NUMBER, None, "analyst")
    with pytest.raises(CaseClosedError):
        await fill(room, piece)
    with pytest.raises(CaseClosedError):
        await room.uploads.create(customer(), whole_of([whole]))
    await room.core.reopen(NUMBER, "analyst")
    await room.uploads.append(customer(), piece, 0, chunks(DATA[100:150]))
    ready = await room.uploads.create(customer(), whole_of([whole, piece], "b.log"))
    assert ready.state is UploadState.RECEIVING


async def test_a_case_that_closes_before_the_end_keeps_what_is_ready_waiting(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    pieces = await send_pieces(room, [100, 100])
    store.fail_next("read")
    with pytest.raises(StoreUnavailableError):
        await room.uploads.create(customer(), whole_of(pieces))
    await room.core.close(NUMBER, None, "analyst")
    (upload,) = (await room.files.listing(ANALYST, NUMBER)).uploads
    assert (await room.uploads.show(customer(), upload.id)).state is UploadState.RECEIVING
    room.clock.advance(61)
    await room.uploads.tend_overdue()
    await room.core.reopen(NUMBER, "analyst")
    await shown(room, upload.id)
    assert await room.content("a.log") == DATA[:200]


async def test_a_right_that_is_lost_on_the_way_ends_the_turn(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    pieces = await send_pieces(room, [6 * MIB])

    async def close(call: Call) -> None:
        if call.operation == "copy_part":
            await room.core.close(NUMBER, None, "analyst")

    store.before = close
    with pytest.raises(CaseClosedError):
        await room.uploads.create(customer(), whole_of(pieces))
    assert (await room.files.listing(ANALYST, NUMBER)).files == []


# ── Time ─────────────────────────────────────────────────────────────────────────────────────


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
    await room.uploads.append(customer(), piece, 0, chunks(DATA[100:150]))
    room.clock.advance(timedelta(days=6))
    assert await room.uploads.tend_overdue() == 0
    assert (await room.uploads.show(customer(), final.id)).length == 200
    await room.uploads.append(customer(), piece, 50, chunks(DATA[150:200]))
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


# ── Ends that nobody wanted ──────────────────────────────────────────────────────────────────


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


# ── Killed between any two steps ─────────────────────────────────────────────────────────────


async def killed_while_putting_together(room: EngineRoom, step: int, sizes: Sequence[int]) -> bool:
    """Kill a node at a step of putting pieces together; False if it has not so many."""
    pieces = await send_pieces(room, sizes)
    node, gate = freezing_node(room, step)
    creation = asyncio.create_task(node.uploads.create(customer(), whole_of(pieces)))
    try:
        killed = await froze(gate, creation)
        room.clock.advance(31)
        again = await room.uploads.create(customer(), whole_of(pieces))
        assert again.state is UploadState.RECEIVED
        await came_out_once(room, gate, creation, sum(sizes))
    finally:
        gate.thaw()
    return killed


async def killed_while_sending_the_last_piece(
    room: EngineRoom, step: int, sizes: Sequence[int]
) -> bool:
    """Kill a node at a step of sending what a final upload waits for."""
    first, size = sizes
    assert first == 100
    final, piece = await waiting(room, size)
    node, gate = freezing_node(room, step)
    sending = node.uploads.append(customer(), piece, 0, chunks(DATA[100 : 100 + size]))
    sent = asyncio.create_task(sending)
    try:
        killed = await froze(gate, sent)
        room.clock.advance(31)
        stood = await room.uploads.show(customer(), piece)
        while stood.state is not UploadState.RECEIVED:
            rest = DATA[100 + stood.offset : 100 + size]
            # What was on its way to the database when the node froze may still come to pass.
            with contextlib.suppress(OffsetMismatchError):
                await room.uploads.append(customer(), piece, stood.offset, chunks(rest))
            stood = await room.uploads.show(customer(), piece)
        await shown(room, final.id)
        await came_out_once(room, gate, sent, 100 + size)
    finally:
        gate.thaw()
    return killed


async def froze(gate: Gate, work: "asyncio.Task[Upload]") -> bool:
    frozen = asyncio.create_task(gate.frozen.wait())
    await asyncio.wait({work, frozen}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    frozen.cancel()
    return gate.frozen.is_set()


async def came_out_once(
    room: EngineRoom, gate: Gate, work: "asyncio.Task[Upload]", size: int
) -> None:
    """Check the file, also after the node that was thought dead comes back."""
    for _ in range(2):
        listing = await room.files.listing(ANALYST, NUMBER)
        assert ([file.path for file in listing.files], listing.uploads) == (["a.log"], [])
        assert await room.content("a.log") == DATA[:size]
        gate.thaw()
        with contextlib.suppress(TransferError):
            async with asyncio.timeout(20):
                await work


@pytest.mark.parametrize(
    ("scenario", "sizes", "least"),
    [
        (killed_while_putting_together, [64 * KIB, 10, 128 * KIB], 25),
        (killed_while_putting_together, [100, 30 * KIB], 10),
        (killed_while_sending_the_last_piece, [100, 130 * KIB], 10),
        (killed_while_sending_the_last_piece, [100, 100], 5),
    ],
)
async def test_a_node_killed_at_any_step_leaves_it_to_the_next_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scenario: Scenario,
    sizes: Sequence[int],
    least: int,
) -> None:
    for module in ("parts", "concatenation"):  # a store in memory takes any part
        monkeypatch.setattr(f"transfer.core.{module}.MIN_PART_BYTES", 64 * KIB)
    empty = tmp_path / "empty.db"
    upgrade(f"sqlite:///{empty}")
    for step in itertools.count(1):
        folder = tmp_path / str(step)
        folder.mkdir()
        shutil.copy(empty, folder / "records.db")
        async with engine_room(folder, running=True) as room:
            if not await scenario(room, step, sizes):
                break
    assert step > least
