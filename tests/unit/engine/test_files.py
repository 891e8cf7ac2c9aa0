"""Files and folders: who may do what with them, by path and by id."""

from datetime import UTC, datetime

import pytest

from tests.engine_room import ADMIN, ANALYST, NUMBER, EngineRoom, chunks, customer
from transfer.core.access import Action, Role
from transfer.core.errors import (
    CaseClosedError,
    CaseMissingError,
    EntryMissingError,
    ForbiddenError,
    HeldError,
    IsAFolderError,
    NameTakenError,
    UploadGoneError,
)
from transfer.core.names import ROOT, CasePath
from transfer.core.uploads import FileId, Folder, StoredFile
from transfer.engine.beginnings import FileToSend
from transfer.storage.memory import MemoryObjectStore

A, B = CasePath("a.log"), CasePath("b.log")


async def names(room: EngineRoom, folder: str = ROOT) -> list[str]:
    entries = await room.files.children(customer(), NUMBER, CasePath(folder))
    return [entry.path for entry in entries]


async def a_file(room: EngineRoom, path: str = A) -> StoredFile:
    await room.send(path, b"hello")
    entry = await room.files.entry(customer(), NUMBER, CasePath(path))
    assert isinstance(entry, StoredFile)
    return entry


async def test_a_case_begins_with_a_shared_folder(room: EngineRoom) -> None:
    assert await names(room) == ["shared"]
    assert isinstance(await room.files.entry(customer(), NUMBER, ROOT), Folder)


async def test_folders_are_made_moved_and_removed(room: EngineRoom) -> None:
    await room.files.make_folder(customer(), NUMBER, CasePath("logs"))
    await room.send("logs/a.log", b"hello")
    await room.files.move(customer(), NUMBER, CasePath("logs"), CasePath("old"))
    assert await names(room, "old") == ["old/a.log"]
    await room.files.remove(customer(), NUMBER, CasePath("old/a.log"))
    await room.files.remove_folder(customer(), NUMBER, CasePath("old"))
    assert await names(room) == ["shared"]


async def test_a_rename_touches_no_byte(room: EngineRoom, store: MemoryObjectStore) -> None:
    await a_file(room)
    store.calls.clear()
    await room.files.move(customer(), NUMBER, A, B)
    assert store.calls == []
    assert await room.content("b.log") == b"hello"


async def test_a_rename_replaces_only_when_told(room: EngineRoom) -> None:
    await a_file(room, "a.log")
    await room.send("b.log", b"other")
    with pytest.raises(NameTakenError):
        await room.files.move(customer(), NUMBER, A, B)
    await room.files.move(customer(), NUMBER, A, B, replace=True)
    assert await room.content("b.log") == b"hello"


async def test_an_unfinished_upload_is_moved_and_removed_like_a_file(room: EngineRoom) -> None:
    file = FileToSend(case_number=NUMBER, path=A, length=10)
    upload = await room.uploads.create(customer(), file)
    await room.files.move(customer(), NUMBER, A, B)
    assert await names(room) == ["b.log", "shared"]
    await room.files.remove(customer(), NUMBER, B)
    with pytest.raises(UploadGoneError):
        await room.append(customer(), upload.id, 0, chunks(b"x"))


async def test_a_time_that_was_set_sticks(room: EngineRoom) -> None:
    await a_file(room)
    moment = datetime(2020, 2, 29, 12, 30, 15, tzinfo=UTC)
    await room.files.touch(customer(), NUMBER, A, moment)
    entry = await room.files.entry(customer(), NUMBER, A)
    assert isinstance(entry, StoredFile)
    assert entry.modified_at == moment


async def test_a_range_of_a_file_is_read_and_noted(room: EngineRoom) -> None:
    file = await a_file(room)
    async with room.files.read(customer(role=Role.READ_ONLY), file, 1, 3) as stream:
        assert b"".join([chunk async for chunk in stream]) == b"ell"
    noted = [e for e in await room.records.audit.events(NUMBER) if e.action == "file.downloaded"]
    assert [(e.actor, e.subject, dict(e.details)) for e in noted] == [
        ("customer", file.id, {"path": file.path, "start": 1, "size": 3})
    ]


async def test_usage_counts_files_and_uploads(room: EngineRoom) -> None:
    await a_file(room)
    upload = await room.uploads.create(
        customer(), FileToSend(case_number=NUMBER, path=B, length=100)
    )
    await room.append(customer(), upload.id, 0, chunks(b"x" * 30))
    usage = await room.files.usage(customer(), NUMBER)
    assert (usage.files, usage.size_bytes) == (1, 35)


async def test_what_is_not_there_is_told(room: EngineRoom) -> None:
    with pytest.raises(EntryMissingError):
        await room.files.entry(customer(), NUMBER, A)
    with pytest.raises(EntryMissingError):
        await room.files.remove(customer(), NUMBER, A)
    with pytest.raises(EntryMissingError):
        await room.files.file(customer(), FileId("none"))
    await room.files.make_folder(customer(), NUMBER, CasePath("logs"))
    with pytest.raises(IsAFolderError):
        await room.files.remove(customer(), NUMBER, CasePath("logs"))


async def test_a_stranger_finds_nothing(room: EngineRoom) -> None:
    file = await a_file(room)
    stranger = customer("0000000042")
    with pytest.raises(CaseMissingError):
        await room.files.listing(stranger, NUMBER)
    with pytest.raises(EntryMissingError):
        await room.files.file(stranger, file.id)
    with pytest.raises(CaseMissingError):
        async with room.files.read(stranger, file, 0, 5):
            pytest.fail("it was opened")


@pytest.mark.parametrize("role", [Role.READ_ONLY])
async def test_a_read_only_contact_changes_nothing(room: EngineRoom, role: Role) -> None:
    file = await a_file(room)
    reader = customer(role=role)
    for attempt in (
        room.files.remove_file(reader, file.id),
        room.files.remove(reader, NUMBER, A),
        room.files.move(reader, NUMBER, A, B),
        room.files.make_folder(reader, NUMBER, CasePath("x")),
        room.files.touch(reader, NUMBER, A, room.clock.now()),
    ):
        with pytest.raises(ForbiddenError):
            await attempt
    assert (await room.files.file(reader, file.id)).path == A


async def test_each_side_keeps_to_its_part(room: EngineRoom) -> None:
    await a_file(room)
    await room.send("fix.zip", b"fix", principal=ANALYST)
    fix = await room.files.entry(customer(), NUMBER, CasePath("shared/fix.zip"))
    assert isinstance(fix, StoredFile)
    for attempt in (
        room.files.remove_file(customer(), fix.id),
        room.files.move(customer(), NUMBER, A, CasePath("shared/a.log")),
        room.files.move(ANALYST, NUMBER, A, B),
        room.files.remove_folder(customer(), NUMBER, CasePath("shared")),
        room.files.move(ANALYST, NUMBER, CasePath("shared/fix.zip"), CasePath("shared")),
    ):
        with pytest.raises(ForbiddenError):
            await attempt
    await room.files.remove_file(ADMIN, fix.id)
    assert await names(room, "shared") == []


async def test_a_closed_case_is_read_and_not_changed(room: EngineRoom) -> None:
    file = await a_file(room)
    await room.core.close(NUMBER, None, "analyst")
    assert await room.content("a.log") == b"hello"
    with pytest.raises(CaseClosedError):
        await room.files.remove_file(customer(), file.id)
    with pytest.raises(CaseClosedError):
        await room.files.case(customer(), NUMBER, Action.UPLOAD)


async def test_a_file_that_a_hold_keeps_is_neither_removed_nor_extended(room: EngineRoom) -> None:
    file = await a_file(room)
    await room.core.hold(NUMBER, "litigation", "admin")
    for change in (
        room.files.remove(customer(), NUMBER, A),
        room.files.remove_file(customer(), file.id),
        room.uploads.extend(customer(), file, 3),
    ):
        with pytest.raises(HeldError):
            await change
    assert await room.content(A) == b"hello"
    assert (await room.files.listing(customer(), NUMBER)).uploads == []
