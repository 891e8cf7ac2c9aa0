"""Files of pieces: what is copied, what is read, and what was promised of them."""

import hashlib
from pathlib import Path

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
from tests.unit.engine.pieces import (
    BIG,
    DATA,
    PARTS,
    a_piece,
    forget_state,
    operations,
    send_pieces,
    whole_of,
)
from tests.unit.engine.pieces import room as room
from tests.unit.engine.pieces import running_room as running_room
from transfer.core.errors import (
    DigestMismatchError,
    UploadGoneError,
)
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import StoredFile, UploadState
from transfer.storage.memory import MemoryObjectStore

# ── Putting together ─────────────────────────────────────────────────────────────────────────────


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


# ── Digests that were promised ───────────────────────────────────────────────────────────────────


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
            await room.append(customer(), piece.id, 0, chunks(DATA[:size]))
        with pytest.raises(UploadGoneError):
            await room.uploads.show(customer(), piece.id)


async def test_a_piece_that_the_store_put_together_wrongly_is_given_up(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    piece = await room.uploads.create(customer(), a_piece(3 * MIB))
    store.fail_next("complete_multipart", DigestMismatchError("another checksum"))
    with pytest.raises(DigestMismatchError):
        await room.append(customer(), piece.id, 0, chunks(DATA[: 3 * MIB]))
    with pytest.raises(UploadGoneError):
        await room.uploads.show(customer(), piece.id)
