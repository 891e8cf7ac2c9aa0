from datetime import timedelta

import pytest

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    after,
    audited,
    begin,
    discards,
    finished,
    open_case,
    path,
    receive,
)
from transfer.core.errors import (
    CaseMissingError,
    EntryMissingError,
    FolderNotEmptyError,
    InvalidRequestError,
    NameTakenError,
    NotAFolderError,
)
from transfer.core.names import ROOT
from transfer.core.uploads import FileId, Folder, StoredFile, Upload
from transfer.ports import Records


async def _names(records: Records, folder: str = "") -> list[str]:
    return [entry.path for entry in await records.tree.children(NUMBER, path(folder))]


async def test_a_new_case_holds_its_shared_folder(records: Records) -> None:
    await open_case(records)
    assert await records.tree.entry(NUMBER, ROOT) == Folder(path=ROOT, modified_at=NOW)
    shared = Folder(path=path("shared"), modified_at=NOW)
    assert await records.tree.children(NUMBER, ROOT) == [shared]
    assert await records.tree.children(NUMBER, path("shared")) == []


async def test_a_case_that_is_not_there_holds_nothing(records: Records) -> None:
    assert await records.tree.entry(NUMBER, ROOT) is None
    assert await records.tree.entry(NUMBER, path("shared")) is None
    with pytest.raises(EntryMissingError):
        await records.tree.children(NUMBER, ROOT)
    assert await records.tree.files(NUMBER) == ([], None)
    assert await records.tree.usage(NUMBER) == (0, 0)
    with pytest.raises(CaseMissingError):
        await records.tree.make_folder(NUMBER, path("a"), CUSTOMER, NOW)


async def test_two_cases_do_not_see_each_other(records: Records) -> None:
    await open_case(records)
    await open_case(records, OTHER_NUMBER)
    await receive(records, "a/trace.log")
    assert await records.tree.entry(OTHER_NUMBER, path("a/trace.log")) is None
    assert (await records.tree.files(OTHER_NUMBER))[0] == []
    await receive(records, "a/trace.log", case_number=OTHER_NUMBER)
    assert len((await records.tree.files(NUMBER))[0]) == 1


async def test_nothing_is_below_a_file_or_where_no_folder_is(records: Records) -> None:
    await open_case(records)
    await receive(records, "trace.log")
    await begin(records, "live.log")
    for absent in ("no", "no/way", "trace.log/x", "trace.log/x/y", "live.log/x"):
        assert await records.tree.entry(NUMBER, path(absent)) is None
    for no_folder in ("trace.log", "live.log", "trace.log/x"):
        with pytest.raises(NotAFolderError):
            await records.tree.children(NUMBER, path(no_folder))
    with pytest.raises(EntryMissingError):
        await records.tree.children(NUMBER, path("no/way"))


async def test_a_folder_lists_what_it_holds_by_name(records: Records) -> None:
    await open_case(records)
    await receive(records, "b.log")
    await begin(records, "a.log")
    await records.tree.make_folder(NUMBER, path("c"), CUSTOMER, NOW)
    await receive(records, "c/inside.log")
    await receive(records, "B.log")
    assert await _names(records) == ["B.log", "a.log", "b.log", "c", "shared"]
    kinds = [type(entry) for entry in await records.tree.children(NUMBER, ROOT)]
    assert kinds == [StoredFile, Upload, StoredFile, Folder, Folder]
    assert await _names(records, "c") == ["c/inside.log"]


async def test_an_upload_stands_behind_a_file_unless_it_replaces_it(records: Records) -> None:
    await open_case(records)
    file = await receive(records, "trace.log")
    beside = await begin(records, "trace.log", now=after(1))
    at = path("trace.log")
    assert await records.tree.entry(NUMBER, at) == file
    assert (await records.tree.children(NUMBER, ROOT))[1] == file
    instead = await begin(records, "trace.log", now=after(2), replaces=True)
    await begin(records, "trace.log", now=after(3))
    shown = await records.tree.entry(NUMBER, at)
    assert isinstance(shown, Upload)
    assert shown.id == instead.id
    assert (await records.tree.children(NUMBER, ROOT))[1] == shown
    await records.uploads.abandon(instead.id, CUSTOMER, "cancelled", NOW)
    assert await records.tree.entry(NUMBER, at) == file
    await records.tree.remove_file(file.id, CUSTOMER, NOW)
    newest = await records.tree.entry(NUMBER, at)
    assert isinstance(newest, Upload)
    assert newest.id not in (beside.id, instead.id)
    assert len(await _names(records)) == 2


async def test_uploads_that_are_over_are_not_shown(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, "a.log", replaces=True)
    await records.uploads.abandon(upload.id, CUSTOMER, "cancelled", NOW)
    file = await receive(records, "b.log")
    await records.tree.remove_file(file.id, CUSTOMER, NOW)
    assert await _names(records) == ["shared"]
    assert await records.tree.entry(NUMBER, path("a.log")) is None
    assert await records.tree.entry(NUMBER, path("b.log")) is None


async def test_an_entry_tells_its_path_as_it_was_spelled_at_first(records: Records) -> None:
    await open_case(records)
    await receive(records, "Mu\u0308ller/tra\u0308ce.log")
    found = await records.tree.entry(NUMBER, path("M\u00fcller/tr\u00e4ce.log"))
    assert found is not None
    assert found.path == "Mu\u0308ller/tra\u0308ce.log"
    assert await records.tree.entry(NUMBER, path("m\u00fcller/tr\u00e4ce.log")) is None


@pytest.mark.parametrize("depth", [0, 1, 7, 8, 9, 17])
async def test_what_stands_at_a_path_is_found_at_any_depth(records: Records, depth: int) -> None:
    await open_case(records)
    way = "/".join(("m\u00e4rz", *map(str, range(depth))))
    file = await receive(records, f"{way}/Trace.log")
    live = await begin(records, f"{way}/Live.log")
    assert file.path == f"{way}/Trace.log"
    assert live.path == f"{way}/Live.log"
    as_asked = way.replace("\u00e4", "a\u0308")
    found = await records.tree.entry(NUMBER, path(f"{as_asked}/Trace.log"))
    assert found == file
    found = await records.tree.entry(NUMBER, path(f"{as_asked}/Live.log"))
    assert isinstance(found, Upload)
    assert (found.id, found.path) == (live.id, live.path)
    assert await records.tree.entry(NUMBER, path(f"{way}/other.log")) is None
    assert await records.tree.entry(NUMBER, path(f"{way}/other/trace.log")) is None


async def test_files_come_in_pages_oldest_first(records: Records) -> None:
    await open_case(records)
    sent = [
        await receive(records, f"{n % 3}/{n}.log", done=finished(now=after(n // 2)))
        for n in range(7)
    ]
    pages, cursor = [], None
    while True:
        page, cursor = await records.tree.files(NUMBER, after=cursor, limit=3)
        pages.append(page)
        if cursor is None:
            break
    assert [len(page) for page in pages] == [3, 3, 1]
    listed = [file for page in pages for file in page]
    assert sorted(listed, key=lambda file: file.path) == sorted(sent, key=lambda file: file.path)
    assert [file.created_at for file in listed] == sorted(file.created_at for file in sent)


async def test_a_page_that_holds_the_last_file_has_no_next_one(records: Records) -> None:
    await open_case(records)
    for name in ("a", "b"):
        await receive(records, name)
    assert (await records.tree.files(NUMBER, limit=2))[1] is None


async def test_files_that_come_or_go_meanwhile_do_not_disturb_a_page(records: Records) -> None:
    await open_case(records)
    sent = [await receive(records, f"{n}", done=finished(now=after(n))) for n in range(4)]
    first, cursor = await records.tree.files(NUMBER, limit=2)
    await records.tree.remove_file(first[-1].id, CUSTOMER, NOW)
    late = await receive(records, "late", done=finished(now=after(9)))
    rest, _ = await records.tree.files(NUMBER, after=cursor, limit=9)
    assert [file.id for file in rest] == [sent[2].id, sent[3].id, late.id]


async def test_what_is_no_cursor_is_refused(records: Records) -> None:
    await open_case(records)
    for cursor in ("", "x", "e30=", "WzEsMl0=", "bnVsbA==", "WyJ4IiwieCJd", "é", "W1tdLCAiYSJd"):
        with pytest.raises(InvalidRequestError):
            await records.tree.files(NUMBER, after=cursor)


async def test_a_file_that_is_not_there_is_missing(records: Records) -> None:
    with pytest.raises(EntryMissingError):
        await records.tree.file(FileId("nowhere"))


async def test_a_folder_is_made_where_nothing_stands(records: Records) -> None:
    await open_case(records)
    await receive(records, "file")
    await begin(records, "live")
    await records.tree.make_folder(NUMBER, path("a"), CUSTOMER, after(5))
    made = Folder(path=path("a"), modified_at=after(5))
    assert await records.tree.entry(NUMBER, path("a")) == made
    for taken in ("a", "file", "live", "shared"):
        with pytest.raises(NameTakenError):
            await records.tree.make_folder(NUMBER, path(taken), CUSTOMER, NOW)
    with pytest.raises(EntryMissingError):
        await records.tree.make_folder(NUMBER, path("b/c"), CUSTOMER, NOW)
    for no_folder in ("file/a", "live/a"):
        with pytest.raises(NotAFolderError):
            await records.tree.make_folder(NUMBER, path(no_folder), CUSTOMER, NOW)
    assert (await audited(records)).count("folder.made") == 1


async def test_only_an_empty_folder_is_removed(records: Records) -> None:
    await open_case(records)
    await receive(records, "a/file")
    await begin(records, "b/live")
    await records.tree.make_folder(NUMBER, path("c"), CUSTOMER, NOW)
    await records.tree.make_folder(NUMBER, path("c/d"), CUSTOMER, NOW)
    for full in ("a", "b", "c"):
        with pytest.raises(FolderNotEmptyError):
            await records.tree.remove_folder(NUMBER, path(full), CUSTOMER, NOW)
    for no_folder in ("a/file", "b/live"):
        with pytest.raises(NotAFolderError):
            await records.tree.remove_folder(NUMBER, path(no_folder), CUSTOMER, NOW)
    with pytest.raises(EntryMissingError):
        await records.tree.remove_folder(NUMBER, path("nowhere"), CUSTOMER, NOW)
    with pytest.raises(InvalidRequestError):
        await records.tree.remove_folder(NUMBER, ROOT, CUSTOMER, NOW)
    await records.tree.remove_folder(NUMBER, path("c/d"), CUSTOMER, NOW)
    await records.tree.remove_folder(NUMBER, path("c"), CUSTOMER, NOW)
    assert await _names(records) == ["a", "b", "shared"]


async def test_uploads_that_are_over_still_answer_when_their_folder_is_removed(
    records: Records,
) -> None:
    await open_case(records)
    upload = await begin(records, "a/b/trace.log")
    await records.uploads.abandon(upload.id, CUSTOMER, "cancelled", NOW)
    await records.tree.remove_folder(NUMBER, path("a/b"), CUSTOMER, NOW)
    await records.tree.remove_folder(NUMBER, path("a"), CUSTOMER, NOW)
    assert (await records.uploads.upload(upload.id)).path == "trace.log"


async def test_a_removed_file_is_gone_and_its_bytes_are_discarded(records: Records) -> None:
    await open_case(records)
    file = await receive(records, "trace.log", done=finished("c/case/x"))
    await records.tree.remove_file(file.id, CUSTOMER, after(2))
    assert await records.tree.entry(NUMBER, file.path) is None
    assert await discards(records) == ({"c/case/x"}, set())
    noted = (await records.audit.events(NUMBER))[-1]
    assert (noted.action, noted.subject, noted.at) == ("file.removed", file.id, after(2))
    assert noted.details["sha256"] == file.sha256
    with pytest.raises(EntryMissingError):
        await records.tree.remove_file(file.id, CUSTOMER, NOW)


async def test_a_time_that_is_set_sticks_to_whatever_stands_there(records: Records) -> None:
    await open_case(records)
    await receive(records, "file")
    upload = await begin(records, "live")
    then = NOW - timedelta(days=400)
    for name in ("file", "live", "shared", ""):
        await records.tree.touch(NUMBER, path(name), then)
        found = await records.tree.entry(NUMBER, path(name))
        assert found is not None
        assert found.modified_at == then
    file = await records.uploads.finish(upload.id, finished(), CUSTOMER, fence=1)
    assert file.modified_at == then
    with pytest.raises(EntryMissingError):
        await records.tree.touch(NUMBER, path("nowhere"), then)


async def test_usage_counts_files_and_the_bytes_of_files_and_live_uploads(
    records: Records,
) -> None:
    await open_case(records)
    await open_case(records, OTHER_NUMBER)
    await receive(records, "other", case_number=OTHER_NUMBER)
    await receive(records, "a", done=finished(size=2**60))
    await receive(records, "b/c", done=finished(size=2**60))
    assert await records.tree.usage(NUMBER) == (2, 2**61)


async def test_usage_leaves_out_what_a_file_would_take_the_place_of(records: Records) -> None:
    await open_case(records)
    await receive(records, "a", done=finished(size=100))
    await receive(records, "b/c", done=finished(size=20))
    assert await records.tree.usage(NUMBER, path("a")) == (2, 20)
    assert await records.tree.usage(NUMBER, path("b/c")) == (2, 100)
    for nothing in ("c", "b", "d/e"):
        assert await records.tree.usage(NUMBER, path(nothing)) == (2, 120)
