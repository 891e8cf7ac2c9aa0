"""Archives by layout: what any range is made of, and that the whole is a zip to all who read it."""

import io
import subprocess
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.programs import program
from transfer.core.archive import ArchiveLayout, Piece, PieceKind
from transfer.core.zip_records import Member

GIB = 1 << 30
MOMENT = int(datetime(2026, 3, 2, 9, 30, 15, tzinfo=UTC).timestamp())

Content = tuple[Member, bytes]


def file(name: str, data: bytes = b"", seconds: int = MOMENT) -> Content:
    return Member(name.encode(), len(data), seconds), data


def folder(name: str, seconds: int = MOMENT) -> Content:
    return Member(f"{name}/".encode(), 0, seconds), b""


def cut(layout: ArchiveLayout, contents: list[Content], start: int, size: int) -> bytes:
    return b"".join(_bytes(layout, contents, piece) for piece in layout.pieces(start, size))


def _bytes(layout: ArchiveLayout, contents: list[Content], piece: Piece) -> bytes:
    data = contents[piece.index][1] if contents else b""
    if piece.kind is PieceKind.DATA:
        return data[piece.start : piece.start + piece.size]
    return layout.record(piece, zlib.crc32(data))


def archive(contents: list[Content]) -> bytes:
    layout = ArchiveLayout([member for member, _ in contents])
    whole = cut(layout, contents, 0, layout.size)
    assert len(whole) == layout.size
    return whole


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="/\\"),
    min_size=1,
    max_size=20,
)
contents_of_archives = st.dictionaries(names, st.binary(max_size=200), max_size=6).map(
    lambda found: [file(name, data) for name, data in sorted(found.items())]
)


@given(contents_of_archives)
def test_what_is_packed_is_unpacked(contents: list[Content]) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(contents))) as unpacked:
        assert unpacked.testzip() is None
        assert [info.filename.encode() for info in unpacked.infolist()] == [
            member.name for member, _ in contents
        ]
        for member, data in contents:
            assert unpacked.read(member.name.decode()) == data


@given(contents_of_archives, st.data())
def test_any_range_is_that_of_the_whole(contents: list[Content], data: st.DataObject) -> None:
    whole = archive(contents)
    start = data.draw(st.integers(0, len(whole) - 1))
    size = data.draw(st.integers(1, len(whole) - start))
    layout = ArchiveLayout([member for member, _ in contents])
    assert cut(layout, contents, start, size) == whole[start : start + size]


def test_pieces_follow_each_other_without_a_gap() -> None:
    contents = [folder("a"), file("a/x", b"12345"), file("b", b"6789")]
    layout = ArchiveLayout([member for member, _ in contents])
    for start in range(layout.size):
        pieces = list(layout.pieces(start, layout.size - start))
        assert sum(piece.size for piece in pieces) == layout.size - start


def test_kinds_times_and_attributes_are_told() -> None:
    old, late = -86_400, 1 << 33
    contents = [
        folder("logs"),
        file("logs/ü.txt", b"x"),
        file("old", b"", old),
        file("z", b"", late),
    ]
    with zipfile.ZipFile(io.BytesIO(archive(contents))) as unpacked:
        made, text, old_file, late_file = unpacked.infolist()
    assert made.is_dir()
    assert made.external_attr == 0o040755 << 16 | 0x10
    assert text.external_attr == 0o100644 << 16
    assert text.flag_bits == 0x800
    assert text.compress_type == zipfile.ZIP_STORED
    assert text.date_time == (2026, 3, 2, 9, 30, 14)
    assert text.extra == bytes.fromhex("5554050001") + MOMENT.to_bytes(4, "little")
    assert old_file.date_time == (1980, 1, 1, 0, 0, 0)
    assert old_file.extra.endswith(old.to_bytes(4, "little", signed=True))
    assert late_file.date_time[0] == 2107
    assert late_file.extra == b""


def test_an_archive_of_nothing_is_one() -> None:
    assert zipfile.ZipFile(io.BytesIO(archive([]))).infolist() == []


@pytest.mark.parametrize("count", [65_534, 65_536])
def test_zip64_begins_where_16_bits_end(count: int) -> None:
    whole = archive([file(f"{number:06}") for number in range(count)])
    assert (b"PK\x06\x06" in whole) is (count == 65_536)
    assert len(zipfile.ZipFile(io.BytesIO(whole)).infolist()) == count


class Sparse(io.RawIOBase):
    """An archive whose files are all zeros: as long as it is, without being stored."""

    def __init__(self, layout: ArchiveLayout, crcs: dict[int, int]) -> None:
        super().__init__()
        self._layout = layout
        self._crcs = crcs
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._layout.size)[whence]
        return self._position

    def read(self, size: int = -1) -> bytes:
        left = max(self._layout.size - self._position, 0)
        size = left if size < 0 else min(size, left)
        data = b"".join(self._piece(piece) for piece in self._layout.pieces(self._position, size))
        self._position += len(data)
        return data

    def _piece(self, piece: Piece) -> bytes:
        if piece.kind is PieceKind.DATA:
            return bytes(piece.size)
        return self._layout.record(piece, self._crcs.get(piece.index, 0))


def test_files_and_offsets_beyond_4_gib_are_found() -> None:
    small = zlib.crc32(bytes(1000))
    layout = ArchiveLayout(
        [
            Member(b"a-small", 1000, MOMENT),
            Member(b"b-edge", (4 * GIB) - 2, MOMENT),
            Member(b"c-small", 1000, MOMENT),
            Member(b"d-huge", 5 << 40, MOMENT),
            Member(b"e-just", (4 * GIB) - 1, MOMENT),
            Member(b"f-small", 1000, MOMENT),
        ]
    )
    assert layout.size > 5 << 40
    unpacked = zipfile.ZipFile(Sparse(layout, dict.fromkeys((0, 2, 5), small)))
    sizes = [info.file_size for info in unpacked.infolist()]
    assert sizes == [1000, 4 * GIB - 2, 1000, 5 << 40, 4 * GIB - 1, 1000]
    assert unpacked.infolist()[2].header_offset > 4 * GIB - 2
    for name in ("a-small", "c-small", "f-small"):
        assert unpacked.read(name) == bytes(1000)
    with unpacked.open("d-huge") as content:
        assert content.read(10) == bytes(10)


def test_unzip_reads_it_and_sets_the_times(tmp_path: Path) -> None:
    contents = [
        folder("empty"),
        folder("logs"),
        file("logs/trace ü ログ.log", b"hello" * 1000),
        file("z.bin", bytes(70_000)),
    ]
    (tmp_path / "case.zip").write_bytes(archive(contents))
    tested = run("unzip", "-t", "case.zip", folder=tmp_path)
    assert "No errors detected" in tested
    listed = run("zipinfo", "-v", "case.zip", folder=tmp_path)
    assert "version of encoding software" in listed
    run("unzip", "-q", "case.zip", "-d", "out", folder=tmp_path)
    assert (tmp_path / "out/logs/trace ü ログ.log").read_bytes() == b"hello" * 1000
    assert (tmp_path / "out/empty").is_dir()
    assert int((tmp_path / "out/z.bin").stat().st_mtime) == MOMENT


def run(name: str, *arguments: str, folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 - a program that is installed
        [program(name), *arguments],
        cwd=folder,
        env={"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
