"""A node that dies at any step of a concatenation: the next one makes the file, once."""

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from tests.engine_room import (
    ANALYST,
    KIB,
    NUMBER,
    EngineRoom,
    chunks,
    customer,
    engine_room,
)
from tests.unit.engine.gate import Gate, freezing_node
from tests.unit.engine.pieces import (
    DATA,
    send_pieces,
    shown,
    waiting,
    whole_of,
)
from tests.unit.engine.pieces import room as room
from tests.unit.engine.pieces import running_room as running_room
from transfer.core.errors import (
    OffsetMismatchError,
    TransferError,
)
from transfer.core.uploads import Upload, UploadState
from transfer.records.migrate import upgrade

Scenario = Callable[[EngineRoom, int, Sequence[int]], Awaitable[bool]]


async def killed_while_putting_together(room: EngineRoom, step: int, sizes: Sequence[int]) -> bool:
    """Kill a node at a step of putting pieces together; False if it has not so many."""
    pieces = await send_pieces(room, sizes)
    node, gate = freezing_node(room, step)
    creation = asyncio.create_task(node.uploads.create(customer(), whole_of(pieces)))
    try:
        killed = await froze(node, gate, creation)
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
    sending = node.append(customer(), piece, 0, chunks(DATA[100 : 100 + size]))
    sent = asyncio.create_task(sending)
    try:
        killed = await froze(node, gate, sent)
        room.clock.advance(31)
        stood = await room.uploads.show(customer(), piece)
        while stood.state is not UploadState.RECEIVED:
            rest = DATA[100 + stood.offset : 100 + size]
            # What was on its way to the database when the node froze may still come to pass.
            with contextlib.suppress(OffsetMismatchError):
                await room.append(customer(), piece, stood.offset, chunks(rest))
            stood = await room.uploads.show(customer(), piece)
        await shown(room, final.id)
        await came_out_once(room, gate, sent, 100 + size)
    finally:
        gate.thaw()
    return killed


async def froze(node: EngineRoom, gate: Gate, work: "asyncio.Task[Upload]") -> bool:
    """Wait until a node froze; False if it was done before, also with what it does behind."""
    frozen = asyncio.create_task(gate.frozen.wait())
    await asyncio.wait({work, frozen}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    turns = set(node.uploads._concatenations._turns.values())
    while turns and not gate.frozen.is_set():
        await asyncio.wait({*turns, frozen}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        turns = set(node.uploads._concatenations._turns.values())
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
