import pytest
from sqlalchemy import Connection, Engine, event

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    advance,
    after,
    begin,
    copy_file,
    discards,
    fill,
    finished,
    open_case,
    part,
    path,
    receive,
)
from transfer.core.errors import (
    CaseMissingError,
    EntryMissingError,
    InvalidRequestError,
    NameTakenError,
    NotAFolderError,
    UploadBusyError,
)
from transfer.core.uploads import Folder, StoredFile, Tail, Upload, UploadState
from transfer.ports import Records
from transfer.records.database import Database


async def _move(records: Records, source: str, target: str, *, replace: bool = False) -> None:
    await records.tree.move(NUMBER, path(source), path(target), CUSTOMER, after(1), replace=replace)


async def _at(records: Records, text: str) -> Folder | StoredFile | Upload | None:
    return await records.tree.entry(NUMBER, path(text))


async def test_a_file_moves_with_all_it_is(records: Records) -> None:
    await open_case(records)
    file = await receive(records, "a/trace.log")
    await records.tree.make_folder(NUMBER, path("b"), CUSTOMER, NOW)
    await _move(records, "a/trace.log", "b/other.log")
    moved = await records.tree.file(file.id)
    assert moved == await _at(records, "b/other.log")
    assert moved.path == "b/other.log"
    assert (moved.object_key, moved.modified_at) == (file.object_key, file.modified_at)
    assert await _at(records, "a/trace.log") is None
    noted = (await records.audit.events(NUMBER))[-1]
    assert (noted.action, noted.subject) == ("entry.moved", file.id)
    assert noted.details == {"from": "a/trace.log", "to": "b/other.log", "kind": "files"}


async def test_a_folder_of_1000_files_is_moved_by_changing_one_row(
    records: Records, database: Database
) -> None:
    await open_case(records)
    file = await receive(records, "a/b/trace.log")
    await database.write(copy_file, file, [f"{number}.log" for number in range(999)])
    changed: list[int] = []

    def count(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE"):
            changed.append(getattr(cursor, "rowcount", -1))

    event.listen(Engine, "after_cursor_execute", count)
    try:
        await _move(records, "a", "renamed")
    finally:
        event.remove(Engine, "after_cursor_execute", count)
    assert changed == [1]
    listed, _ = await records.tree.files(NUMBER, limit=1001)
    assert len({one.path for one in listed if one.path.startswith("renamed/b/")}) == 1000


async def test_a_live_upload_moves_and_its_writer_goes_on(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, "trace.log.filepart", numbers=1)
    await _move(records, "trace.log.filepart", "trace.log")
    await records.uploads.commit(upload.id, 1, advance(0, part(1, 0, 100)))
    file = await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=1)
    assert file.path == "trace.log"


async def test_a_name_that_is_taken_is_kept_unless_it_may_be_replaced(records: Records) -> None:
    await open_case(records)
    one = await receive(records, "one", done=finished("c/one"))
    two = await receive(records, "two", done=finished("c/two"))
    await begin(records, "live")
    for target in ("two", "live", "shared"):
        with pytest.raises(NameTakenError):
            await _move(records, "one", target)
    await _move(records, "one", "two", replace=True)
    moved = await _at(records, "two")
    assert isinstance(moved, StoredFile)
    assert moved.id == one.id
    assert await discards(records) == ({"c/two"}, set())
    actions = [(noted.action, noted.subject) for noted in await records.audit.events(NUMBER)]
    assert actions[-2:] == [("file.removed", two.id), ("entry.moved", one.id)]


async def test_an_upload_at_the_target_is_abandoned(records: Records) -> None:
    await open_case(records)
    await receive(records, "one")
    live = await begin(records, "live")
    step = advance(0, tail=Tail(key="c/tail", size=5))
    await records.uploads.commit(live.id, 1, step)
    await _move(records, "one", "live", replace=True)
    assert (await records.uploads.upload(live.id)).state is UploadState.ABANDONED
    assert isinstance(await _at(records, "live"), StoredFile)
    assert await discards(records) == ({"c/tail"}, set())


async def test_an_upload_that_is_being_completed_is_not_replaced(records: Records) -> None:
    await open_case(records)
    await receive(records, "one")
    live = await begin(records, "live")
    await fill(records, live)
    await records.uploads.begin_completion(live.id, NOW)
    with pytest.raises(UploadBusyError):
        await _move(records, "one", "live", replace=True)
    assert isinstance(await _at(records, "one"), StoredFile)


async def test_a_folder_is_neither_replaced_nor_replaces(records: Records) -> None:
    await open_case(records)
    await receive(records, "file")
    for name in ("a", "b"):
        await records.tree.make_folder(NUMBER, path(name), CUSTOMER, NOW)
    for source, target in (("file", "a"), ("a", "file"), ("a", "b")):
        with pytest.raises(NameTakenError):
            await _move(records, source, target, replace=True)


async def test_a_folder_does_not_move_into_itself(records: Records) -> None:
    await open_case(records)
    await receive(records, "a/b/c/file")
    for target in ("a/x", "a/b/x", "a/b/c/x", "a/b/c/a"):
        with pytest.raises(InvalidRequestError):
            await _move(records, "a", target)
    await _move(records, "a/b/c", "c")
    assert isinstance(await _at(records, "c/file"), StoredFile)


async def test_the_case_itself_does_not_move(records: Records) -> None:
    await open_case(records)
    await receive(records, "file")
    for source, target in (("", "x"), ("file", "")):
        with pytest.raises(InvalidRequestError):
            await _move(records, source, target)


async def test_a_move_needs_a_source_and_a_folder_for_its_target(records: Records) -> None:
    await open_case(records)
    await receive(records, "file")
    await receive(records, "other")
    for source, target in (("nothing", "x"), ("file", "no/x"), ("file/x", "x")):
        with pytest.raises(EntryMissingError):
            await _move(records, source, target)
    with pytest.raises(NotAFolderError):
        await _move(records, "file", "other/x")


async def test_a_case_that_is_not_there_moves_nothing(records: Records) -> None:
    with pytest.raises(CaseMissingError):
        await _move(records, "a", "b")


async def test_a_move_onto_itself_changes_nothing(records: Records) -> None:
    await open_case(records)
    file = await receive(records, "a/file")
    before = await records.audit.events(NUMBER)
    for same in ("a", "a/file"):
        for replace in (False, True):
            await _move(records, same, same, replace=replace)
    assert await _at(records, "a/file") == file
    assert await records.audit.events(NUMBER) == before
    assert await discards(records) == (set(), set())


@pytest.mark.parametrize("replace", [False, True])
async def test_a_name_changes_its_spelling(records: Records, replace: bool) -> None:
    await open_case(records)
    file = await receive(records, "Mu\u0308ller/a.log")
    await _move(records, "Mu\u0308ller", "M\u00fcller", replace=replace)
    await _move(records, "M\u00fcller", "m\u00fcller", replace=replace)
    await _move(records, "m\u00fcller/a.log", "m\u00fcller/A.log", replace=replace)
    assert (await records.tree.file(file.id)).path == "m\u00fcller/A.log"
    assert await discards(records) == (set(), set())


async def test_two_files_can_swap_their_names(records: Records) -> None:
    await open_case(records)
    one, two = await receive(records, "one"), await receive(records, "two")
    await _move(records, "one", "tmp")
    await _move(records, "two", "one")
    await _move(records, "tmp", "two")
    assert (await records.tree.file(one.id)).path == "two"
    assert (await records.tree.file(two.id)).path == "one"
