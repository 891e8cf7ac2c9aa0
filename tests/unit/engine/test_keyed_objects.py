"""Where cases have keys, whatever the engine stores says by its own key that it is encrypted."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine_room import KIB, MIB, NUMBER, EngineRoom, chunks, customer, cut, engine_room
from tests.unit.engine.pieces import BIG, send_pieces, whole_of
from tests.unit.engine.pieces import DATA as PIECES
from transfer.core.names import CasePath
from transfer.core.parts import PartPlan
from transfer.core.uploads import StoredFile, UploadState, keyed_case
from transfer.engine.beginnings import FileToSend
from transfer.engine.policy import UploadPolicy
from transfer.engine.writer import UploadWriter
from transfer.storage.memory import Call, MemoryObjectStore

PART = 64 * KIB
DATA = random.Random(11).randbytes(6 * MIB + 77)
_WRITES = ("put", "create_multipart", "copy_part")


@pytest.fixture
def store() -> MemoryObjectStore:
    return MemoryObjectStore(min_part_bytes=1)


@pytest.fixture
async def room(tmp_path: Path, store: MemoryObjectStore) -> AsyncIterator[EngineRoom]:
    policy = UploadPolicy(plan=PartPlan(base_bytes=PART), keyed=True)
    async with engine_room(tmp_path, store=store, policy=policy) as made:

        async def look(call: Call) -> None:
            if call.operation in _WRITES:
                assert keyed_case(call.key) == case.id, call

        case = await made.records.cases.case(NUMBER)
        store.before = look
        yield made


def a_file(length: int | None = None) -> FileToSend:
    return FileToSend(case_number=NUMBER, path=CasePath("a.log"), length=length)


@pytest.mark.parametrize("size", [0, 1000, 3 * PART + 5])
async def test_files_of_any_size(room: EngineRoom, size: int) -> None:
    await room.send("a.log", DATA[:size])
    assert await room.content("a.log") == DATA[:size]


async def test_what_was_cut_off_and_goes_on(room: EngineRoom, store: MemoryObjectStore) -> None:
    size = 2 * PART + 100
    upload = await room.uploads.create(customer(), a_file(size))
    with pytest.raises(ConnectionResetError):
        await room.append(customer(), upload.id, 0, chunks(DATA[: PART + 7], then=cut))
    assert any(".tail." in key for key in store.objects)
    stood = await room.uploads.show(customer(), upload.id)
    await room.append(customer(), upload.id, stood.offset, chunks(DATA[stood.offset : size]))
    assert await room.content("a.log") == DATA[:size]


async def test_what_gave_way_for_memory(room: EngineRoom, store: MemoryObjectStore) -> None:
    begun = await room.uploads.create(customer(), a_file(1000))
    writer = UploadWriter(await room.leases.acquire(begun.id), room.tools, withhold=True)
    await writer.write(DATA[:1000])
    await writer._give_way()
    assert any(key.endswith(".aside") for key in store.objects)
    await writer.vouch()
    await room.uploads.finish_writer(customer(), writer)
    assert await room.content("a.log") == DATA[:1000]


@pytest.mark.parametrize("size", [2 * PART + 100, 6 * MIB])
async def test_what_was_set_aside_and_taken_up(room: EngineRoom, size: int) -> None:
    writer = await room.uploads.create_writer(customer(), a_file())
    await writer.write(DATA[:size])
    await writer.set_aside()
    await room.uploads.close_writer(writer, UploadState.INTERRUPTED)
    again = await room.uploads.open_writer(customer(), writer.upload.id)
    await again.write(DATA[size:])
    await room.uploads.finish_writer(customer(), again)
    assert await room.content("a.log") == DATA


async def test_what_is_appended_to(room: EngineRoom) -> None:
    await room.send("a.log", DATA[: 6 * MIB])
    entry = await room.files.entry(customer(), NUMBER, CasePath("a.log"))
    assert isinstance(entry, StoredFile)
    writer = await room.uploads.extend(customer(), entry, entry.size)
    await writer.write(DATA[6 * MIB :])
    await room.uploads.finish_writer(customer(), writer)
    assert await room.content("a.log") == DATA


async def test_what_is_put_together_of_pieces(room: EngineRoom) -> None:
    pieces = await send_pieces(room, BIG)
    await room.uploads.create(customer(), whole_of(pieces))
    assert await room.content("a.log") == PIECES[: sum(BIG)]
