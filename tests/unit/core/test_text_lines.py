"""Lines as they are shown: numbered, cut, and with nothing that steers what shows them."""

import pytest

from transfer.core.text_encodings import Encoding
from transfer.core.text_lines import MAX_SHOWN, Line, first_lines, last_lines, visible

UTF_8 = Encoding.UTF_8


def texts(lines: tuple[Line, ...]) -> list[tuple[int | None, str]]:
    return [(line.number, line.text) for line in lines]


def test_first_lines_are_numbered_and_their_bytes_counted() -> None:
    found = first_lines("eins\r\nzwölf\n\ndrei".encode(), UTF_8, limit=3, number=7)
    assert texts(found.lines) == [(7, "eins"), (8, "zwölf"), (9, "")]
    assert (found.size, found.next_number) == (14, 10)
    rest = first_lines(b"drei", UTF_8, limit=3, number=10)
    assert texts(rest.lines) == [(10, "drei")]
    assert (rest.size, rest.next_number) == (4, 10)  # it may go on
    assert first_lines(b"", UTF_8, limit=3, number=1).lines == ()


def test_last_lines_are_numbered_if_their_first_one_is() -> None:
    raw = b"one\ntwo\nthree\n"
    assert texts(last_lines(raw, UTF_8, limit=2, number=4)) == [(5, "two"), (6, "three")]
    assert texts(last_lines(raw[:-1], UTF_8, limit=1, number=None)) == [(None, "three")]
    assert texts(last_lines(raw, UTF_8, limit=9, number=1))[0] == (1, "one")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_lines_are_found_in_wide_encodings(encoding: str) -> None:
    raw = "a\u0a0a\r\nb\n".encode(encoding)
    wide = Encoding(encoding)
    expected = [(1, "a\u0a0a"), (2, "b")]
    assert texts(first_lines(raw, wide, limit=9, number=1).lines) == expected
    assert texts(last_lines(raw, wide, limit=9, number=1)) == expected


def test_a_long_line_is_cut() -> None:
    (line,) = first_lines(b"x" * 5000, UTF_8, limit=1, number=1).lines
    assert (len(line.text), line.is_cut, line.is_match) == (MAX_SHOWN, True, False)
    (line,) = first_lines(b"x" * MAX_SHOWN + b"\n", UTF_8, limit=1, number=1).lines
    assert not line.is_cut


def test_control_characters_are_drawn() -> None:
    assert visible("a\tb") == "a\tb"
    assert visible("\x1b[31mred\x00\x7f\x9b") == "␛[31mred␀␡\ufffd"
