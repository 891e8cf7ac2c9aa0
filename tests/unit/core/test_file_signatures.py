"""Files that are no text: what they seem to be, and their first bytes."""

import gzip
import io
import tarfile
import zipfile

import pytest

from transfer.core.file_signatures import HexRow, hex_rows, media_type


def tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    return made.getvalue()


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("x", b"x")
    return made.getvalue()


@pytest.mark.parametrize(
    ("sample", "media"),
    [
        (tar(), "application/x-tar"),
        (zipped(), "application/zip"),
        (gzip.compress(b"x", mtime=0), "application/gzip"),
        (b"\xd4\xc3\xb2\xa1rest", "application/vnd.tcpdump.pcap"),
        (b"whatever", None),
        (b"", None),
    ],
)
def test_a_file_is_known_by_its_first_bytes(sample: bytes, media: str | None) -> None:
    assert media_type(sample) == media


def test_bytes_are_shown_in_rows_of_sixteen() -> None:
    rows = hex_rows(b"ABC\x00" * 5)
    assert rows == (
        HexRow(0, " ".join(["41 42 43 00"] * 4), "ABC." * 4),
        HexRow(16, "41 42 43 00", "ABC."),
    )
    assert len(hex_rows(bytes(5000))) == 16
