"""Small files that come whole with their creation: one object, one transaction, nothing lost."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
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
    cut,
    engine_room,
)
from transfer.core.errors import (
    CaseClosedError,
    ChecksumMismatchError,
    DigestMismatchError,
    IsAFolderError,
    LengthMismatchError,
    ShuttingDownError,
    StoreUnavailableError,
)
from transfer.core.names import parse_path
from transfer.core.uploads import StoredFile, UploadState
from transfer.engine.beginnings import FileToSend
from transfer.engine.checksums import ChunkChecksum
from transfer.engine.reservations import Reservations
from transfer.ports import Buffer
from transfer.retention.discards import Discards
from transfer.storage.memory import MemoryObjectStore

DATA = bytes(range(256)) * 40


def a_file(path: str = "a.log", length: int | None = len(DATA)) -> FileToSend:
    return FileToSend(case_number=NUMBER, path=parse_path(path), length=length)


async def stored_keys(room: EngineRoom) -> list[str]:
    return [item.key for item in await room.store.list_everything("c/")]


async def discard_what_is_due(room: EngineRoom) -> None:
    await Discards(jobs=room.records.jobs, store=room.store, clock=room.clock).run()


# ── What goes well ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [0, 1, 10 * KIB, 64 * KIB + 1, 256 * KIB, 256 * KIB + 1])
async def test_a_file_that_comes_whole_is_received(room: EngineRoom, size: int) -> None:
    data = (DATA * 30)[:size]
    upload = await room.send("logs/a.log", data)
    assert (upload.state, upload.offset, upload.path) == (
        UploadState.RECEIVED,
        size,
        "logs/a.log",
    )
    assert upload == await room.uploads.show(customer(), upload.id)
    assert await room.content("logs/a.log") == data
    assert len(await stored_keys(room)) == 1


async def test_the_answer_names_the_upload_and_the_list_the_file(room: EngineRoom) -> None:
    await room.send("a.log", DATA)
    upload = await room.send("a.log", DATA[:10])
    assert upload.path == "a.log"
    assert upload.file_id is not None
    assert (await room.records.tree.file(upload.file_id)).path == "a (2).log"


async def test_a_promise_that_is_kept_makes_it_verified(room: EngineRoom) -> None:
    upload = await room.send("a.log", DATA, sha256=hashlib.sha256(DATA).hexdigest())
    assert upload.file_id is not None
    assert (await room.records.tree.file(upload.file_id)).verified


async def test_a_right_checksum_is_accepted(room: EngineRoom) -> None:
    checksum = ChunkChecksum("sha1", hashlib.sha1(DATA, usedforsecurity=False).digest())
    upload = await room.uploads.receive(customer(), a_file(), chunks(DATA), checksum)
    assert upload.state is UploadState.RECEIVED


async def test_what_was_reserved_for_a_file_is_never_discarded(room: EngineRoom) -> None:
    for number in range(40):
        await room.send(f"{number}.log", DATA)
    room.clock.advance(timedelta(days=2))
    await discard_what_is_due(room)
    for number in range(40):
        assert await room.content(f"{number}.log") == DATA


# ── What doesn't ─────────────────────────────────────────────────────────────────────────────


async def test_a_wrong_checksum_leaves_nothing(room: EngineRoom) -> None:
    checksum = ChunkChecksum("sha1", bytes(20))
    with pytest.raises(ChecksumMismatchError):
        await room.uploads.receive(customer(), a_file(), chunks(DATA), checksum)
    assert await room.records.uploads.unfinished(NUMBER) == []
    assert await stored_keys(room) == []


@pytest.mark.parametrize("checked", [False, True])
async def test_a_broken_promise_is_no_file(room: EngineRoom, checked: bool) -> None:
    right = ChunkChecksum("sha1", hashlib.sha1(DATA, usedforsecurity=False).digest())
    file = replace(a_file(), expected_sha256="0" * 64)
    with pytest.raises(DigestMismatchError):
        await room.uploads.receive(customer(), file, chunks(DATA), right if checked else None)
    assert await room.records.uploads.unfinished(NUMBER) == []
    assert "upload.abandoned" in [event.action for event in await room.records.audit.events()]


async def test_more_than_was_announced_is_no_file(room: EngineRoom) -> None:
    with pytest.raises(LengthMismatchError):
        await room.uploads.receive(customer(), a_file(length=100), chunks(DATA))
    assert await room.records.uploads.unfinished(NUMBER) == []


async def test_what_came_before_a_cut_is_kept(room: EngineRoom) -> None:
    with pytest.raises(ConnectionResetError):
        await room.uploads.receive(customer(), a_file(), chunks(DATA[:5000], then=cut))
    (upload,) = await room.records.uploads.unfinished(NUMBER)
    assert (upload.offset, upload.state) == (5000, UploadState.INTERRUPTED)
    await room.append(customer(), upload.id, 5000, chunks(DATA[5000:]))
    assert await room.content("a.log") == DATA


async def test_a_sender_who_stops_early_can_go_on(room: EngineRoom) -> None:
    upload = await room.uploads.receive(customer(), a_file(), chunks(DATA[:5000]))
    assert (upload.offset, upload.state) == (5000, UploadState.RECEIVING)


async def test_a_slow_sender_is_asked_again_at_the_end(room: EngineRoom) -> None:
    async def slowly() -> AsyncIterator[Buffer]:
        yield DATA[:5000]
        room.clock.advance(timedelta(seconds=2))
        yield DATA[5000:6000]
        await room.core.close(NUMBER, None, "ada")
        yield DATA[6000:]

    with pytest.raises(CaseClosedError):
        await room.uploads.receive(customer(), a_file(), slowly())
    (upload,) = await room.records.uploads.unfinished(NUMBER)
    assert upload.offset == len(DATA)


async def test_a_case_that_closes_at_the_last_moment_receives_nothing(room: EngineRoom) -> None:
    async def last_words() -> AsyncIterator[Buffer]:
        yield DATA
        await room.core.close(NUMBER, None, "ada")

    with pytest.raises(CaseClosedError):
        await room.uploads.receive(customer(), a_file(), last_words())
    assert len(await stored_keys(room)) == 1
    room.clock.advance(timedelta(hours=2))
    await discard_what_is_due(room)
    assert await stored_keys(room) == []


async def test_an_object_whose_process_died_before_its_row_is_discarded(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    async def die(*_: object) -> None:
        raise Died

    monkeypatch.setattr(room.records.uploads, "receive", die)
    with pytest.raises(Died):
        await room.send("a.log", DATA)
    assert len(await stored_keys(room)) == 1
    room.clock.advance(timedelta(minutes=59))
    await discard_what_is_due(room)
    assert len(await stored_keys(room)) == 1
    room.clock.advance(timedelta(minutes=2))
    await discard_what_is_due(room)
    assert await stored_keys(room) == []


async def test_one_that_is_being_discarded_is_not_made_a_file(tmp_path: Path) -> None:
    class SlowStore(MemoryObjectStore):
        async def put(
            self, key: str, body: Buffer, *, crc64nvme: int, customer_key: bytes | None = None
        ) -> None:
            await super().put(key, body, crc64nvme=crc64nvme, customer_key=customer_key)
            room.clock.advance(timedelta(hours=2))
            await discard_what_is_due(room)

    async with engine_room(tmp_path, store=SlowStore(min_part_bytes=1)) as room:
        with pytest.raises(StoreUnavailableError, match="too long"):
            await room.send("a.log", DATA)
        assert await room.records.uploads.unfinished(NUMBER) == []
        assert await stored_keys(room) == []


async def test_a_folder_in_its_place_is_told(room: EngineRoom) -> None:
    await room.send("a.log/b.log", DATA)
    with pytest.raises(IsAFolderError):
        await room.send("a.log", DATA)


async def test_without_free_memory_it_goes_the_way_of_the_others(tmp_path: Path) -> None:
    async with engine_room(tmp_path, budget_bytes=MIB) as room:
        held = room.tools.pool.buffer(MIB)
        assert room.tools.pool.try_charge(held, MIB)

        async def freed_later() -> AsyncIterator[Buffer]:
            asyncio.get_running_loop().call_soon(room.tools.pool.give_back, held)
            yield DATA[:5000]
            yield DATA[5000:]

        upload = await room.uploads.receive(customer(), a_file(), freed_later())
        assert upload.state is UploadState.RECEIVED
        assert room.tools.pool.used_bytes == 0


async def test_a_node_that_stops_begins_nothing(room: EngineRoom) -> None:
    await room.leases.close()
    with pytest.raises(ShuttingDownError):
        await room.send("a.log", DATA)
    assert await stored_keys(room) == []


async def test_all_memory_is_given_back(room: EngineRoom) -> None:
    await room.send("a.log", DATA)
    with pytest.raises(ConnectionResetError):
        await room.uploads.receive(customer(), a_file(), chunks(DATA[:5000], then=cut))
    with pytest.raises(IsAFolderError):
        await room.send("shared", DATA, principal=ANALYST)
    assert room.tools.pool.used_bytes == 0


# ── Reserved keys ────────────────────────────────────────────────────────────────────────────


class _Counting:
    """Counts the keys of each reservation."""

    def __init__(self, room: EngineRoom, monkeypatch: pytest.MonkeyPatch) -> None:
        self.blocks: list[int] = []
        reserve = room.records.uploads.reserve

        async def counted(keys: list[str], until: object) -> list[int]:
            self.blocks.append(len(keys))
            return await reserve(keys, until)  # type: ignore[arg-type]  # handed on as it came

        monkeypatch.setattr(room.records.uploads, "reserve", counted)


async def test_keys_are_reserved_in_growing_blocks(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = _Counting(room, monkeypatch)
    case = await room.core.case(NUMBER)
    reservations = Reservations(room.tools)
    taken = [await reservations.take(case.id) for _ in range(200)]
    assert counting.blocks == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    assert len({one.key for one in taken}) == len({one.reservation for one in taken}) == 200


async def test_keys_that_were_not_used_in_time_are_not_used_later(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = _Counting(room, monkeypatch)
    case = await room.core.case(NUMBER)
    reservations = Reservations(room.tools)
    for _ in range(5):
        await reservations.take(case.id)
    room.clock.advance(timedelta(minutes=30))
    await reservations.take(case.id)
    assert counting.blocks == [1, 2, 4, 1]


async def test_of_many_cases_the_ones_used_last_are_remembered(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = _Counting(room, monkeypatch)
    reservations = Reservations(room.tools)
    cases = [await room.core.open("s", "a", "ada") for _ in range(258)]
    for case in cases:
        await reservations.take(case.id)
    await reservations.take(cases[0].id)
    await reservations.take(cases[-1].id)
    assert counting.blocks[-2:] == [1, 2]


async def test_a_file_of_the_list_is_the_one_that_was_sent(room: EngineRoom) -> None:
    await room.send("a.log", DATA)
    entry = await room.files.entry(ANALYST, NUMBER, parse_path("a.log"))
    assert isinstance(entry, StoredFile)
    assert entry.sha256 == hashlib.sha256(DATA).hexdigest()
