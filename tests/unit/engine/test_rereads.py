"""What is stored, read again: what is found, and how it goes on after an end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from awscrt.checksums import crc64nvme

from tests.engine_room import ADMIN, KIB, NUMBER, EngineRoom, customer, engine_room
from transfer.core.cases import CaseNumber
from transfer.core.errors import CaseMissingError, KeyUnavailableError, StoreUnavailableError
from transfer.core.names import CasePath
from transfer.core.uploads import FileId, StoredFile
from transfer.engine import rereads
from transfer.engine.digest import SavableSha256
from transfer.engine.rereads import Damage, RereadProgress, RereadReport, Rereads
from transfer.ports.upkeep import FindingKind, Reread, Unfinished
from transfer.storage.memory import Call, MemoryObjectStore

BODY = bytes(range(256)) * 100


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[EngineRoom]:
    """A room whose time passes by itself: what differs is read again after a moment."""
    async with engine_room(tmp_path, running=True) as made:
        yield made


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rereads, "_BETWEEN", rereads._BETWEEN / 1000)


async def sent(room: EngineRoom, name: str, body: bytes = BODY) -> StoredFile:
    await room.send(name, body)
    entry = await room.files.entry(customer(), NUMBER, CasePath(name))
    assert isinstance(entry, StoredFile)
    return entry


async def run(
    room: EngineRoom, number: CaseNumber | None = None, *, anew: bool = False
) -> RereadReport:
    return await Rereads(room.tools).run(ADMIN, number, anew=anew)


async def spoil(store: MemoryObjectStore, file: StoredFile) -> None:
    body = bytearray(store.objects[file.object_key])
    body[len(body) // 2] ^= 1
    await store.put(file.object_key, body, crc64nvme=crc64nvme(bytes(body)))


async def found(room: EngineRoom) -> dict[str, str | None]:
    findings = await room.records.upkeep.findings({FindingKind.DAMAGED})
    return {one.file_id or "": one.problem for one in findings}


async def actions(room: EngineRoom) -> list[str]:
    events = await room.records.audit.events()
    return [event.action for event in events if event.action.startswith("verification.")]


def keys_read(store: MemoryObjectStore) -> list[str]:
    return [call.key for call in store.calls if call.operation == "read"]


async def test_what_is_as_it_was_received_is_found_so(room: EngineRoom) -> None:
    for number in range(5):
        await sent(room, f"{number}.log", BODY[: number * 5000])
    report = await run(room)
    assert (report.files, report.size_bytes, report.problems) == (5, 50_000, 0)
    assert (report.damaged, report.resumed) == ([], False)
    assert await found(room) == {}
    assert await actions(room) == ["verification.ended"]


async def test_nothing_stored_is_nothing_wrong(room: EngineRoom) -> None:
    report = await run(room)
    assert (report.files, report.size_bytes, report.problems) == (0, 0, 0)


async def test_one_flipped_bit_is_found_and_told_once(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    await sent(room, "good.log")
    bad = await sent(room, "bad.log")
    await spoil(store, bad)
    for _ in range(2):
        report = await run(room)
        assert [(one.file.id, one.damage) for one in report.damaged] == [
            (bad.id, Damage.OTHER_BYTES)
        ]
        assert (report.files, report.problems) == (2, 1)
    assert await found(room) == {bad.id: "other-bytes"}
    assert (await actions(room)).count("verification.damaged") == 1


async def test_what_is_gone_from_the_store_is_found(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    file = await sent(room, "a.log")
    await store.delete([file.object_key])
    report = await run(room)
    assert [one.damage for one in report.damaged] == [Damage.MISSING]
    assert await found(room) == {file.id: "missing"}


async def test_what_can_not_be_read_where_others_can_is_found(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    bad, good = await sent(room, "bad.log"), await sent(room, "good.log")

    async def refuse(call: Call) -> None:
        if call == Call("read", bad.object_key):
            raise StoreUnavailableError("a disk says no")

    store.before = refuse
    report = await run(room)
    assert [(one.file.id, one.damage) for one in report.damaged] == [(bad.id, Damage.UNREADABLE)]
    assert good.object_key in keys_read(store)


async def test_a_store_that_refuses_one_file_after_another_damages_none(
    room: EngineRoom, store: MemoryObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereads, "_MOST_UNREADABLE", 3)
    monkeypatch.setattr(rereads, "_PAGE", 2)
    for number in range(4):
        await sent(room, f"{number}.log")

    async def throttle(call: Call) -> None:
        if call.operation == "read":
            raise StoreUnavailableError("slow down")

    store.before = throttle
    with pytest.raises(StoreUnavailableError, match="one file after another"):
        await run(room)
    store.before = None
    report = await run(room)
    assert (report.resumed, report.files) == (True, 4)


async def test_a_master_key_that_is_away_damages_no_file(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    await sent(room, "a.log")

    async def no_key(call: Call) -> None:
        if call.operation == "read":
            raise KeyUnavailableError("The KMS is away.")

    store.before = no_key
    with pytest.raises(KeyUnavailableError):
        await run(room)
    store.before = None
    report = await run(room)
    assert (report.problems, await found(room)) == (0, {})


async def test_what_a_deletion_takes_away_is_not_lost(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    early, late = await sent(room, "early.log"), await sent(room, "late.log")
    await store.delete([early.object_key, late.object_key])
    marked = False

    async def mark(call: Call) -> None:
        nonlocal marked
        if call.operation == "read" and not marked:
            marked = True
            closed = await room.core.close(NUMBER, None, "ada")
            now = room.clock.now()
            assert await room.records.cases.start_purge(
                NUMBER, expected_version=closed.version, now=now
            )

    store.before = mark
    report = await run(room)
    assert (report.files, report.problems, await found(room)) == (2, 0, {})
    store.calls.clear()
    assert (await run(room)).files == 0
    assert (await run(room, NUMBER)).files == 0
    assert keys_read(store) == []


async def test_what_is_all_right_at_a_second_look_is_all_right(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    await sent(room, "a.log")
    store.fail_next("read")
    assert (await run(room)).problems == 0
    assert await found(room) == {}


async def test_what_is_all_right_again_is_forgotten(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    file, other = await sent(room, "a.log"), await sent(room, "b.log")
    await spoil(store, file)
    await spoil(store, other)
    assert (await run(room)).problems == 2
    await spoil(store, file)
    assert (await run(room, NUMBER)).problems == 1
    assert list(await found(room)) == [other.id]


async def test_of_files_that_went_nothing_is_kept_after_a_whole_reading(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    file = await sent(room, "a.log")
    await spoil(store, file)
    await run(room)
    await room.files.remove(customer(), NUMBER, CasePath("a.log"))
    await run(room, NUMBER)
    assert list(await found(room)) == [file.id]
    await run(room)
    assert await found(room) == {}


async def test_a_file_that_is_removed_meanwhile_is_no_loss(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    file = await sent(room, "a.log")

    async def remove(call: Call) -> None:
        if call.operation == "read":
            store.before = None
            await room.files.remove(customer(), NUMBER, CasePath("a.log"))
            await store.delete([file.object_key])

    store.before = remove
    assert (await run(room)).damaged == []


async def test_a_store_that_is_away_ends_it_and_it_goes_on_where_it_was(
    room: EngineRoom, store: MemoryObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereads, "_PAGE", 2)
    files = [await sent(room, f"{number}.log") for number in range(6)]
    in_order = sorted(files, key=lambda file: file.id)

    async def fail_behind(call: Call) -> None:
        if call.key in {file.object_key for file in in_order[4:]} or call.operation == "list_page":
            raise StoreUnavailableError("away")

    store.before = fail_behind
    with pytest.raises(StoreUnavailableError):
        await run(room)
    assert await found(room) == {}
    store.before = None
    store.calls.clear()
    report = await run(room)
    assert (report.files, report.resumed, report.problems) == (6, True, 0)
    assert set(keys_read(store)) == {file.object_key for file in in_order[4:]}
    assert (await run(room)).resumed is False


async def test_it_begins_anew_when_asked_to(
    room: EngineRoom, store: MemoryObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereads, "_PAGE", 1)
    for number in range(3):
        await sent(room, f"{number}.log")
    last = max(await room.records.upkeep.to_reread(None, FileId(""), 9), key=lambda f: f.id)

    async def stop_at_last(call: Call) -> None:
        if call.key == last.key:
            raise asyncio.CancelledError

    store.before = stop_at_last
    with pytest.raises(asyncio.CancelledError):
        await run(room)
    store.before = None
    store.calls.clear()
    report = await run(room, anew=True)
    assert (report.resumed, report.files, len(keys_read(store))) == (False, 3, 3)


async def test_of_one_case_only_its_files_are_read(
    room: EngineRoom, store: MemoryObjectStore
) -> None:
    file = await sent(room, "a.log")
    other = await room.core.open("Another", "Example Ltd", "analyst", CaseNumber("0003256110"))
    assert (await run(room, other.number)).files == 0
    assert (await run(room, NUMBER)).files == 1
    assert keys_read(store) == [file.object_key]
    with pytest.raises(CaseMissingError):
        await run(room, CaseNumber("0000000009"))


async def test_a_large_file_goes_on_in_its_middle(
    room: EngineRoom, store: MemoryObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 3 * 1024 * KIB
    monkeypatch.setattr(rereads, "_LARGE_BYTES", size)
    monkeypatch.setattr(rereads, "_KEPT_EVERY_BYTES", 1024 * KIB)
    file = await sent(room, "core.1", BODY * (size // len(BODY) + 1))
    await sent(room, "small.log")
    starts: list[int] = []
    whole_read = store.read

    def noted_read(key: str, start: int, size: int) -> object:
        if key == file.object_key:
            starts.append(start)
        return whole_read(key, start, size)

    monkeypatch.setattr(store, "read", noted_read)
    keep = room.records.upkeep.keep_reread
    kept = 0

    async def die_after_two(reread: Reread) -> None:
        nonlocal kept
        await keep(reread)
        kept += reread.unfinished is not None
        if kept == 2:
            raise asyncio.CancelledError

    monkeypatch.setattr(room.records.upkeep, "keep_reread", die_after_two)
    with pytest.raises(asyncio.CancelledError):
        await run(room)
    monkeypatch.setattr(room.records.upkeep, "keep_reread", keep)
    told: list[RereadProgress] = []
    report = await Rereads(room.tools, tell=told.append).run(ADMIN)
    assert starts == [0, 2 * 1024 * KIB]
    assert (report.resumed, report.files, report.problems) == (True, 2, 0)
    assert told[0].size_bytes >= 2 * 1024 * KIB
    assert (told[-1].files, told[-1].size_bytes) == (2, told[-1].total_bytes)


async def test_a_large_file_whose_middle_is_spoiled_is_read_whole_before_it_is_told(
    room: EngineRoom, store: MemoryObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereads, "_LARGE_BYTES", 1024 * KIB)
    monkeypatch.setattr(rereads, "_KEPT_EVERY_BYTES", 1024 * KIB)
    file = await sent(room, "core.1", BODY * 90)
    first = await room.records.upkeep.begin_reread(None, room.clock.now(), anew=False)
    state = SavableSha256()
    state.update(b"not these bytes")
    unfinished = Unfinished(file_id=file.id, offset=15, state=state.save())
    await room.records.upkeep.keep_reread(replace(first, unfinished=unfinished))
    report = await run(room)
    assert (report.resumed, report.damaged) == (True, [])


async def test_where_no_state_can_be_saved_files_are_read_from_their_start(
    room: EngineRoom, store: MemoryObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereads, "_LARGE_BYTES", 1024 * KIB)
    monkeypatch.setattr(rereads, "_KEPT_EVERY_BYTES", 1024 * KIB)
    monkeypatch.setattr(rereads, "can_save_state", lambda: False)
    await sent(room, "core.1", BODY * 90)
    report = await run(room)
    assert (report.files, report.problems) == (1, 0)


async def test_its_progress_is_told(room: EngineRoom) -> None:
    await sent(room, "a.log")
    await sent(room, "b.log")
    told: list[RereadProgress] = []
    await Rereads(room.tools, tell=told.append).run(ADMIN)
    size = 2 * len(BODY)
    assert told[0] == RereadProgress(0, 0, 2, size)
    assert told[-1] == RereadProgress(2, size, 2, size)
    assert [one.size_bytes for one in told] == sorted(one.size_bytes for one in told)
