"""Pieces that are kept, and wholes that wait for them until whoever comes first makes the file."""

import asyncio
from dataclasses import replace

import pytest

from tests.engine_room import (
    ANALYST,
    MIB,
    NUMBER,
    EngineRoom,
    chunks,
    customer,
)
from tests.unit.engine.pieces import (
    DATA,
    a_piece,
    fill,
    send_piece,
    send_pieces,
    shown,
    waiting,
    whole_of,
)
from tests.unit.engine.pieces import room as room
from tests.unit.engine.pieces import running_room as running_room
from transfer.core.access import Role
from transfer.core.errors import (
    CaseClosedError,
    EntryMissingError,
    ForbiddenError,
    StoreUnavailableError,
    UploadBusyError,
)
from transfer.core.names import CasePath
from transfer.core.uploads import UploadState
from transfer.engine.deliveries import Delivery
from transfer.storage.memory import Call, MemoryObjectStore

# ── Pieces ───────────────────────────────────────────────────────────────────────────────────────


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
    await room.append(customer(), piece.id, 0, chunks(DATA[:size]))
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


# ── Waiting ──────────────────────────────────────────────────────────────────────────────────────


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
    await room.append(customer(), first.id, 0, chunks(DATA[:100]))
    assert (await room.uploads.show(customer(), final.id)).state is UploadState.RECEIVING
    await fill(room, second.id)
    await shown(room, final.id)
    assert await room.content("a.log") == DATA[:200]


async def test_a_final_takes_no_bytes_and_no_length(room: EngineRoom) -> None:
    final, _ = await waiting(room)
    for attempt in (
        room.append(customer(), final.id, 0, chunks(b"x")),
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
    await room.append(customer(), piece, 0, chunks(DATA[100:150]))
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
