"""What a case holds as an archive needs it: selected, at one moment, on both databases."""

from dataclasses import replace
from typing import Any

import pytest

from tests.contract.records.scenario import (
    ANALYST,
    CUSTOMER,
    NOW,
    NUMBER,
    OTHER_NUMBER,
    advance,
    after,
    begin,
    finished,
    open_case,
    part,
    path,
    receive,
)
from transfer.core.archive_contents import Selection
from transfer.core.archive_marks import Marks, checksum_of
from transfer.core.errors import ArchiveChangedError, EntryMissingError, UnsupportedError
from transfer.core.uploads import DigestState, Direction, FileId
from transfer.ports import AuditEvent, Records

LIMIT = 100


async def paths(
    records: Records,
    **selected: Any,  # noqa: ANN401 -- as dataclasses.replace takes them
) -> tuple[set[str], set[str], set[str]]:
    """Return the paths of files, folders and unfinished uploads."""
    found = await records.tree.contents(NUMBER, Selection(**selected), LIMIT)
    return (
        {file.path for file in found.files},
        {folder.path for folder in found.folders},
        set(found.unfinished),
    )


async def test_a_case_is_told_whole(records: Records) -> None:
    await open_case(records)
    file = await receive(records, "a/b/trace.log", done=finished(digest=digest(crc32=2**32 - 1)))
    await records.tree.make_folder(NUMBER, path("empty"), CUSTOMER, after(5))
    await begin(records, "a/half.log")
    found = await records.tree.contents(NUMBER, Selection(), LIMIT)
    (only,) = found.files
    assert (only.id, only.path, only.size) == (file.id, file.path, file.size)
    assert (only.sha256, only.object_key) == (file.sha256, file.object_key)
    assert (only.crc32, only.modified_at) == (2**32 - 1, file.modified_at)
    assert {folder.path: folder.modified_at for folder in found.folders} == {
        "a": NOW,
        "a/b": NOW,
        "empty": after(5),
        "shared": NOW,
    }
    assert found.unfinished == ["a/half.log"]


async def test_only_what_is_below_a_path_is_told(records: Records) -> None:
    await open_case(records)
    for name in ("a/b/one", "a/two", "ab/three", "four"):
        await receive(records, name)
    await records.tree.make_folder(NUMBER, path("a/empty"), CUSTOMER, NOW)
    await begin(records, "a/half")
    await begin(records, "half")
    below = ({"a/b/one", "a/two"}, {"a", "a/b", "a/empty"}, {"a/half"})
    assert await paths(records, path=path("a")) == below
    assert await paths(records, path=path("a/b")) == ({"a/b/one"}, {"a", "a/b"}, set())
    assert await paths(records, path=path("a/two")) == ({"a/two"}, {"a"}, set())
    assert await paths(records, path=path("four")) == ({"four"}, set(), set())


@pytest.mark.parametrize("missing", ["x", "a/x", "a/half", "x/y/z", "a/two/x"])
async def test_a_path_that_is_not_there_is_missing(records: Records, missing: str) -> None:
    await open_case(records)
    await receive(records, "a/two")
    await begin(records, "a/half")
    with pytest.raises(EntryMissingError):
        await paths(records, path=path(missing))


async def test_a_file_is_told_also_while_another_is_to_take_its_place(records: Records) -> None:
    await open_case(records)
    await receive(records, "trace.log")
    await begin(records, "trace.log", replaces=True)
    assert (await paths(records, path=path("trace.log")))[0] == {"trace.log"}


async def test_a_path_is_found_however_unicode_spells_it(records: Records) -> None:
    await open_case(records)
    await receive(records, "u\u0308/x")
    assert (await paths(records, path=path("\u00fc")))[0] == {"u\u0308/x"}


async def test_chosen_files_come_with_the_folders_on_their_way_only(records: Records) -> None:
    await open_case(records)
    one, two = await receive(records, "a/one"), await receive(records, "b/two")
    await receive(records, "c/three")
    await begin(records, "a/half")
    chosen = frozenset({one.id, two.id})
    assert await paths(records, files=chosen) == ({"a/one", "b/two"}, {"a", "b"}, set())
    for files, below in ((chosen, "a"), (chosen | {FileId("nobody")}, "")):
        with pytest.raises(EntryMissingError):
            await paths(records, files=files, path=path(below))


async def test_a_file_of_another_case_can_not_be_chosen(records: Records) -> None:
    await open_case(records)
    await open_case(records, OTHER_NUMBER)
    theirs = await receive(records, "x", case_number=OTHER_NUMBER)
    with pytest.raises(EntryMissingError):
        await paths(records, files=frozenset({theirs.id}))


async def test_one_direction_can_be_chosen(records: Records) -> None:
    await open_case(records)
    await receive(records, "in")
    await receive(records, "shared/out", direction=Direction.SHARED_WITH_CUSTOMER)
    await begin(records, "half")
    incoming = await paths(records, direction=Direction.FROM_CUSTOMER)
    assert incoming == ({"in"}, set(), {"half"})
    outgoing = await paths(records, direction=Direction.SHARED_WITH_CUSTOMER)
    assert outgoing == ({"shared/out"}, {"shared"}, set())


async def test_what_came_later_can_be_left_out(records: Records) -> None:
    await open_case(records)
    await receive(records, "a/early")
    await receive(records, "b/late", done=finished(now=after(10)))
    await begin(records, "half")
    assert await paths(records, until=after(9)) == ({"a/early"}, {"a"}, set())
    assert (await paths(records, until=after(10)))[0] == {"a/early", "b/late"}


async def test_more_files_than_are_wanted_are_refused(records: Records) -> None:
    await open_case(records)
    for number in range(4):
        await receive(records, f"file-{number}")
    assert len((await records.tree.contents(NUMBER, Selection(), 4)).files) == 4
    with pytest.raises(UnsupportedError, match="at most 3 files"):
        await records.tree.contents(NUMBER, Selection(), 3)


async def test_more_chosen_files_than_are_wanted_are_refused(records: Records) -> None:
    await open_case(records)
    ids = frozenset([(await receive(records, f"file-{number}")).id for number in range(4)])
    assert len((await records.tree.contents(NUMBER, Selection(files=ids), 4)).files) == 4
    with pytest.raises(UnsupportedError, match="at most 3 files"):
        await records.tree.contents(NUMBER, Selection(files=ids), 3)


async def test_marked_files_are_found_among_those_of_then(records: Records) -> None:
    await open_case(records)
    one = await receive(records, "logs/one.log")
    two = await receive(records, "two.log")
    ids = sorted([one.id, two.id])
    marks = Marks(checksum_of(ids), b"\x80" if ids[0] == one.id else b"\x40")
    await receive(records, "late.log", done=finished(now=after(10)))
    until = after(9)
    found, kept, unfinished = await paths(records, marks=marks, until=until)
    assert (found, kept, unfinished) == ({"logs/one.log"}, {"logs"}, set())
    with pytest.raises(ArchiveChangedError):
        await paths(records, marks=marks)
    await records.tree.remove_file(two.id, CUSTOMER, after(20))
    with pytest.raises(ArchiveChangedError):
        await paths(records, marks=marks, until=until)


async def test_thousands_of_files_can_be_chosen(records: Records) -> None:
    await open_case(records)
    file = await receive(records, "trace.log")
    ids = frozenset(FileId(f"{number:032x}") for number in range(25_000)) | {file.id}
    with pytest.raises(EntryMissingError, match="Not all"):
        await records.tree.contents(NUMBER, Selection(files=ids), 100_000)


async def test_a_case_that_is_not_there_has_no_contents(records: Records) -> None:
    with pytest.raises(EntryMissingError):
        await paths(records)


def digest(crc32: int | None) -> DigestState:
    return DigestState(sha256=None, crc64nvme=1, crc32=crc32)


async def test_a_crc_32_is_kept_with_the_file(records: Records) -> None:
    await open_case(records)
    file = await receive(records, done=finished(digest=digest(crc32=None)))
    assert file.digest.crc32 is None
    await records.tree.note_crc32(file.id, 2**32 - 1)
    assert (await records.tree.file(file.id)).digest.crc32 == 2**32 - 1
    await records.tree.note_crc32(FileId("nobody"), 1)


async def test_a_crc_32_is_kept_with_the_upload(records: Records) -> None:
    await open_case(records)
    upload = await begin(records, numbers=1)
    step = advance(0, part(1, 0, 100), digest=digest(crc32=2**32 - 1))
    await records.uploads.commit(upload.id, upload.fence, step)
    assert (await records.uploads.upload(upload.id)).digest.crc32 == 2**32 - 1


async def test_the_latest_of_a_person_s_doings_is_found(records: Records) -> None:
    await open_case(records)
    event = AuditEvent(
        at=NOW,
        action="seen",
        actor="a",
        case_number=NUMBER,
        subject="s",
        door=ANALYST.door,
        details={"number": 1},
    )
    second = replace(event, details={"number": 2})
    others = (
        replace(event, action="x"),
        replace(event, actor="b"),
        replace(event, subject="t"),
    )
    for done in (event, second, *others):
        await records.audit.record(done)
    assert await records.audit.latest(NUMBER, "seen", "a", "s") == second
    assert await records.audit.latest(NUMBER, "seen", "c", "s") is None
    assert await records.audit.latest(OTHER_NUMBER, "seen", "a", "s") is None
