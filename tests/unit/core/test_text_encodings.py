"""Encodings: found by a sample, and lines found in each of them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.text_encodings import (
    Encoding,
    character_edge,
    decode,
    detect,
    first_line_end,
    last_line_end,
    mark_bytes,
)

GERMAN = "Verbindung abgebrochen: Zeitüberschreitung nach 30 Sekunden (äöü)\n"
JAPANESE = "接続がタイムアウトしました\n"
UNMARKED = [one for one in Encoding if one.unit_bytes == 1]


@pytest.mark.parametrize(
    ("sample", "encoding"),
    [
        (b"plain ASCII\n", Encoding.UTF_8),
        (GERMAN.encode(), Encoding.UTF_8),
        (JAPANESE.encode()[:-5], Encoding.UTF_8),  # cut within a character
        (JAPANESE.encode() + b"\x80\x80\x80\x80\x80", Encoding.UTF_8),
        ("\ufeffmarked\n".encode(), Encoding.UTF_8),
        (GERMAN.encode("windows-1252"), Encoding.WINDOWS_1252),
        (b"\x1b[31mred\x1b[0m\x0c\n", Encoding.UTF_8),
        (GERMAN.encode("utf-16"), Encoding.UTF_16_LE),
        (b"\xfe\xff" + GERMAN.encode("utf-16-be"), Encoding.UTF_16_BE),
        (GERMAN.encode("utf-16-le"), Encoding.UTF_16_LE),
        (GERMAN.encode("utf-16-be"), Encoding.UTF_16_BE),
        (GERMAN.encode("utf-32"), Encoding.UTF_32_LE),
        (b"\0\0\xfe\xff" + GERMAN.encode("utf-32-be"), Encoding.UTF_32_BE),
        (b"\x7fELF\x02\x01\x01\0\0\0", None),
        (b"text, then a zero\0", None),
        (bytes(range(1, 32)) * 4, None),
        (b"\xfd\xfe\xff" * 3 + b"\x80", Encoding.WINDOWS_1252),
        (b"\x80\x80\x80\x80", Encoding.WINDOWS_1252),
    ],
)
def test_an_encoding_is_told_by_a_sample(sample: bytes, encoding: Encoding | None) -> None:
    assert detect(sample) is encoding


def test_what_is_random_is_no_text() -> None:
    source = random.Random(4711)
    assert all(detect(source.randbytes(500)) is None for _ in range(200))


@pytest.mark.parametrize("encoding", Encoding)
def test_a_mark_is_known_only_to_the_encodings_that_have_one(encoding: Encoding) -> None:
    marked = "\ufeffx".encode("utf-8" if encoding.unit_bytes == 1 else encoding)
    expected = 3 if encoding is Encoding.UTF_8 else encoding.unit_bytes
    assert mark_bytes(marked, encoding) == (
        expected if encoding is Encoding.UTF_8 or encoding.unit_bytes > 1 else 0
    )
    assert mark_bytes(b"x", encoding) == 0


def test_a_line_that_is_no_utf_8_is_taken_for_windows_1252() -> None:
    raw = GERMAN.encode() + GERMAN.encode("windows-1252") + JAPANESE.encode()
    assert decode(raw, Encoding.UTF_8) == GERMAN * 2 + JAPANESE
    assert decode(b"\x81", Encoding.UTF_8) == "\ufffd"


def test_what_another_encoding_does_not_have_is_replaced() -> None:
    assert decode(b"a\xff\xffb", Encoding.SHIFT_JIS) == "a\ufffd\ufffdb"


@given(st.binary(max_size=300), st.sampled_from(list(Encoding)))
def test_whatever_the_bytes_there_are_characters(raw: bytes, encoding: Encoding) -> None:
    decode(raw, encoding).encode()


# Characters whose bytes look like a line feed's, in one order or the other.
texts = st.lists(st.text("aü\u0a0a\u0a00\u000a\U0001f600", max_size=5), max_size=8).map("".join)


@given(texts, st.sampled_from([one for one in Encoding if "utf" in one]))
def test_lines_end_where_the_text_says(text: str, encoding: Encoding) -> None:
    raw = text.encode(encoding)
    lines = [line.encode(encoding) for line in text.splitlines(keepends=True)]
    found, start = [], 0
    while end := first_line_end(raw, encoding, start):
        found.append(raw[start:end])
        start = end
    assert found == [line for line in lines if line.endswith(encoding.line_feed)]
    assert last_line_end(raw, encoding, len(raw)) == start


@given(st.text(min_size=1, max_size=40), st.data())
def test_a_cut_leaves_characters_whole(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    end = data.draw(st.integers(0, len(raw) - 1))
    edge = character_edge(raw, Encoding.UTF_8, end)
    assert 0 <= end - edge <= 3
    assert raw[:edge].decode() + raw[edge:].decode() == text


def test_a_cut_is_at_the_edge_of_a_unit_and_lets_nonsense_be() -> None:
    assert character_edge(bytes(9), Encoding.UTF_32_LE, 7) == 4
    assert character_edge(b"\x80" * 20, Encoding.UTF_8, 10) == 10
    assert character_edge(b"\x80" * 20, Encoding.UTF_8, 0) == 0


@pytest.mark.parametrize("encoding", UNMARKED)
def test_a_line_feed_is_never_part_of_a_character(encoding: Encoding) -> None:
    assert encoding.line_feed == b"\n"
    for code in range(0x80, 0x3000):
        raw = chr(code).encode(encoding, "ignore")
        assert b"\n" not in raw
