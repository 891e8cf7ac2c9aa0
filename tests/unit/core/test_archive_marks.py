"""A choice of files as bits: read against the very files that it was made from, or refused."""

import zlib
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.archive_marks import Marks, checksum_of, chosen_of, parse_marks
from transfer.core.errors import ArchiveChangedError, InvalidRequestError
from transfer.core.uploads import FileId

IDS = st.sets(st.text("0123456789abcdef", min_size=1, max_size=8), max_size=40)


def written(ids: set[str], wanted: set[str]) -> str:
    """Return a choice as the page writes it."""
    ordered = sorted(ids)
    bits = bytearray(-(-len(ordered) // 8))
    for index, file_id in enumerate(ordered):
        if file_id in wanted:
            bits[index // 8] |= 0x80 >> index % 8
    checksum = zlib.crc32("\n".join(ordered).encode())
    return f"{checksum:08x}.{urlsafe_b64encode(bytes(bits)).decode().rstrip('=')}"


@given(ids=IDS, data=st.data())
def test_what_was_chosen_is_what_is_read(ids: set[str], data: st.DataObject) -> None:
    wanted = data.draw(st.sets(st.sampled_from(sorted(ids)))) if ids else set()
    marks = parse_marks(written(ids, wanted))
    assert chosen_of([FileId(one) for one in ids], marks) == wanted


@given(ids=IDS.filter(bool), other=IDS)
def test_a_choice_from_other_files_is_refused(ids: set[str], other: set[str]) -> None:
    marks = parse_marks(written(ids, ids))
    if checksum_of([FileId(one) for one in sorted(other)]) == marks.checksum:
        return
    with pytest.raises(ArchiveChangedError):
        chosen_of([FileId(one) for one in other], marks)


@pytest.mark.parametrize("bits", [b"", b"\x80\x00"])
def test_bits_that_are_too_few_or_too_many_are_refused(bits: bytes) -> None:
    ids = [FileId("a"), FileId("b")]
    with pytest.raises(ArchiveChangedError):
        chosen_of(ids, Marks(checksum_of(ids), bits))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "0123456.",
        "0123456g.AA",
        "ABCDEF01.AA",
        "01234567AA",
        "01234567.A",
        "01234567.AAAAA",
        "01234567.A+",
        "01234567.AA=",
        "01234567.AA\n",
    ],
)
def test_what_is_no_choice_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_marks(text)
