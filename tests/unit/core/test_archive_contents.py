"""What an archive holds, under which names, and when two archives are one."""

import hashlib
import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.archive import PieceKind
from transfer.core.archive_contents import (
    ArchivedFile,
    ArchivePlan,
    Contents,
    Selection,
    archive_names,
    plan_archive,
)
from transfer.core.archive_marks import Marks
from transfer.core.names import CasePath, split
from transfer.core.uploads import Direction, FileId, Folder

MOMENT = datetime(2026, 3, 2, 9, 30, 15, 999_999, tzinfo=UTC)


def file(path: str, data: bytes = b"x", *, modified_at: datetime = MOMENT) -> ArchivedFile:
    return ArchivedFile(
        id=FileId(f"id of {path}"),
        path=CasePath(path),
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        crc32=None,
        object_key=f"key of {path}",
        modified_at=modified_at,
    )


def folder(path: str) -> Folder:
    return Folder(path=CasePath(path), modified_at=MOMENT)


def plan(*entries: ArchivedFile | Folder, unfinished: tuple[str, ...] = ()) -> ArchivePlan:
    return plan_archive(
        Contents(
            folders=[entry for entry in entries if isinstance(entry, Folder)],
            files=[entry for entry in entries if isinstance(entry, ArchivedFile)],
            unfinished=[CasePath(path) for path in unfinished],
        )
    )


def members(planned: ArchivePlan) -> list[str]:
    return [member.name.decode() for member in planned.layout.members]


def test_members_are_sorted_behind_the_list_of_digests() -> None:
    planned = plan(file("b/x"), folder("b"), folder("a"), file("b.txt"), file("a-z"))
    assert members(planned) == ["SHA256SUMS", "a-z", "a/", "b.txt", "b/", "b/x"]
    assert [found and found.path for found in planned.files] == [
        None, "a-z", None, "b.txt", None, "b/x",
    ]  # fmt: skip
    assert planned.file_count == 3


def test_the_order_in_which_files_are_found_does_not_matter() -> None:
    entries: list[ArchivedFile | Folder] = [file("b"), folder("a"), file("a/x"), folder("c")]
    first, second = plan(*entries), plan(*reversed(entries))
    assert first.etag == second.etag
    assert first.layout.size == second.layout.size


def test_the_list_is_what_sha256sum_reads() -> None:
    planned = plan(file("b c", b"two"), file("a", b"one"), unfinished=("z", "logs/y"))
    one, two = (hashlib.sha256(data).hexdigest() for data in (b"one", b"two"))
    assert planned.manifest.decode() == (
        f"{one}  a\n"
        f"{two}  b c\n"
        "# Still on its way, and not in here: logs/y\n"
        "# Still on its way, and not in here: z\n"
    )


def test_the_list_has_a_name_that_no_file_has() -> None:
    planned = plan(file("sha256sums"), folder("SHA256SUMS (2)"), file("a"))
    assert members(planned)[0] == "SHA256SUMS (3)"


def test_the_list_is_as_old_as_the_latest_file() -> None:
    later = MOMENT + timedelta(days=1)
    planned = plan(file("a"), file("b", modified_at=later), file("c"))
    assert planned.layout.members[0].modified_seconds == int(later.timestamp())
    assert plan().layout.members[0].modified_seconds == 315_532_800


def test_a_time_before_1970_is_rounded_down() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)
    assert plan(file("a", modified_at=moment)).layout.members[1].modified_seconds == -2


@pytest.mark.parametrize(
    "other",
    [
        [file("a", b"y"), file("b")],
        [file("a"), file("c")],
        [file("a")],
        [file("a"), file("b"), folder("c")],
        [file("a"), file("b", modified_at=MOMENT + timedelta(seconds=1))],
        [file("a"), file("b", b"longer")],
    ],
)
def test_another_set_of_files_has_another_tag(other: list[ArchivedFile | Folder]) -> None:
    assert plan(*other).etag != plan(file("a"), file("b")).etag


def test_a_file_that_is_on_its_way_changes_the_tag() -> None:
    assert plan(file("a"), unfinished=("b",)).etag != plan(file("a")).etag


def test_the_same_bytes_have_the_same_tag_whoever_keeps_them() -> None:
    again = replace(file("a"), id=FileId("another"), object_key="elsewhere", crc32=5)
    assert plan(again).etag == plan(file("a")).etag


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("logs/trace.log", "logs/trace.log"),
        ("..\\..\\evil.exe", ".._.._evil.exe"),
        ("C:evil.exe", "C_evil.exe"),
        ("12:30:00.log", "12:30:00.log"),
        ("invoice\u202egnp.exe", "invoice_gnp.exe"),
    ],
)
def test_no_name_leads_out_of_the_folder_or_misleads(path: str, name: str) -> None:
    assert archive_names([CasePath(path)])[CasePath(path)] == name


def test_names_that_would_become_one_are_numbered() -> None:
    paths = [CasePath(path) for path in ("a\\b", "a_b", "a\u202eb", "a\\b/c\\d", "a\\b/c_d")]
    names = archive_names(paths)
    assert names[CasePath("a_b")] == "a_b"
    assert sorted(names.values()) == sorted(set(names.values()))
    inside = names[CasePath("a\\b")]
    assert names[CasePath("a\\b/c_d")] == f"{inside}/c_d"
    assert names[CasePath("a\\b/c\\d")] == f"{inside}/c_d (2)"


components = st.text("ab_\\:\u202e ()2", min_size=1, max_size=5)


@given(st.lists(st.lists(components, min_size=1, max_size=3).map("/".join), max_size=12))
def test_no_two_paths_ever_get_one_name(paths: list[str]) -> None:
    found = set()
    for path in paths:
        at = CasePath(path)
        while at:
            found.add(at)
            at = split(at)[0]
    names = archive_names(found)
    assert len(set(names.values())) == len(found)
    for path, name in names.items():
        assert "\\" not in name
        assert path.count("/") == name.count("/")
        if "/" in path:
            assert split(name)[0] == names[split(path)[0]]


def test_the_whole_of_a_plan_is_a_zip() -> None:
    planned = plan(folder("logs"), file("logs/a", b"abc"))
    pieces = planned.layout.pieces(0, planned.layout.size)
    whole = b""
    for piece in pieces:
        stored = planned.manifest if piece.index == 0 else b"abc"
        if piece.kind is PieceKind.DATA:
            whole += stored[piece.start : piece.start + piece.size]
        else:
            crc = {0: planned.manifest_crc32, 2: 0x352441C2}.get(piece.index, 0)
            whole += planned.layout.record(piece, crc)
    with zipfile.ZipFile(io.BytesIO(whole)) as unpacked:
        assert unpacked.testzip() is None
        assert unpacked.read("SHA256SUMS") == planned.manifest


def test_selections_are_told_apart() -> None:
    ids = frozenset({FileId("a"), FileId("b")})
    selections = [
        Selection(),
        Selection(path=CasePath("logs")),
        Selection(direction=Direction.FROM_CUSTOMER),
        Selection(until=MOMENT),
        Selection(files=ids),
        Selection(until=MOMENT, marks=Marks(1, b"\x80")),
        Selection(marks=Marks(1, b"\x80")),
    ]
    assert len({selection.key() for selection in selections}) == len(selections)
    assert [selection.is_everything_below for selection in selections] == [True] * 2 + [False] * 5
    assert [selection.is_open_ended for selection in selections] == [True] * 3 + [False] * 4
    again = frozenset(sorted(ids, reverse=True))
    assert Selection(files=again).key() == Selection(files=ids).key()
