"""Ranges: what is asked for, within what there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.http.ranges import Span, UnsatisfiableRangeError, parse_range

sizes = st.integers(min_value=0, max_value=1 << 50)


@given(sizes, sizes, sizes)
def test_a_range_within_the_file_is_what_was_asked_for(start: int, more: int, rest: int) -> None:
    total = start + more + 1 + rest
    assert parse_range(f"bytes={start}-{start + more}", total) == Span(start, more + 1)


@given(sizes, sizes)
def test_an_open_range_goes_to_the_end(start: int, more: int) -> None:
    assert parse_range(f"bytes={start}-", start + more + 1) == Span(start, more + 1)


@given(sizes, sizes, sizes)
def test_an_end_beyond_the_file_is_its_end(start: int, more: int, beyond: int) -> None:
    total = start + more + 1
    assert parse_range(f"bytes={start}-{total + beyond}", total) == Span(start, more + 1)


@given(sizes.filter(bool), sizes.filter(bool))
def test_a_suffix_is_the_end_of_the_file(size: int, total: int) -> None:
    span = parse_range(f"bytes=-{size}", total)
    assert span == Span(total - min(size, total), min(size, total))


@given(sizes, sizes)
def test_a_range_beyond_the_end_is_refused(total: int, more: int) -> None:
    for asked in (f"bytes={total + more}-", f"bytes={total + more}-{total + more}", "bytes=-0"):
        with pytest.raises(UnsatisfiableRangeError):
            parse_range(asked, total)


@given(st.text(), sizes)
def test_any_header_is_answered_within_the_file(header: str, total: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            span = parse_range(text, total)
        except UnsatisfiableRangeError:
            continue
        if span is not None:
            assert 0 <= span.start < span.start + span.size <= total


def test_a_suffix_of_nothing_is_nothing() -> None:
    assert parse_range("bytes=-5", 0) is None


@pytest.mark.parametrize("header", ["", "bytes", "bytes=5-4", "bytes=1-2,3-4", "items=0-5"])
def test_what_is_not_understood_asks_for_everything(header: str) -> None:
    assert parse_range(header, 10) is None


def test_a_piece_tells_where_it_belongs() -> None:
    assert Span(5, 10).content_range(100) == "bytes 5-14/100"
