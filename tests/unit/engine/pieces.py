"""Pieces, and wholes made of them, for tests: sent, waited for, looked at."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.engine_room import (
    MIB,
    NUMBER,
    EngineRoom,
    chunks,
    customer,
    engine_room,
)
from transfer.core.concatenation import Concatenation
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import Concat, Upload, UploadId, UploadState
from transfer.engine import digest
from transfer.engine.beginnings import FileToSend
from transfer.storage.memory import MemoryObjectStore

DATA = random.Random(3).randbytes(18 * MIB)
BIG = [5 * MIB + 1, 10, 6 * MIB, 5 * MIB]
"""A piece that is copied, one that is too small for that, and two of which one has to help it."""

PARTS = PartPlan(base_bytes=MIB)

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
    await room.append(customer(), piece, 0, chunks(DATA[100 : 100 + size]))


def operations(store: MemoryObjectStore) -> list[str]:
    return [call.operation for call in store.calls]


def forget_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this a platform on which the state of a hash can't be saved."""
    monkeypatch.setattr(digest, "can_save_state", lambda: False)
