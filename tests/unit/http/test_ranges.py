"""Ranges: what is asked for, within what there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.http.multipart_ranges import MultipartRanges
from transfer.http.ranges import MAX_RANGES, Span, UnsatisfiableRangeError, parse_ranges

sizes = st.integers(min_value=0, max_value=1 << 50)


@given(sizes, sizes, sizes)
def test_a_range_within_the_file_is_what_was_asked_for(start: int, more: int, rest: int) -> None:
    total = start + more + 1 + rest
    assert parse_ranges(f"bytes={start}-{start + more}", total) == (Span(start, more + 1),)


@given(sizes, sizes)
def test_an_open_range_goes_to_the_end(start: int, more: int) -> None:
    assert parse_ranges(f"bytes={start}-", start + more + 1) == (Span(start, more + 1),)


@given(sizes, sizes, sizes)
def test_an_end_beyond_the_file_is_its_end(start: int, more: int, beyond: int) -> None:
    total = start + more + 1
    spans = parse_ranges(f"bytes={start}-{total + beyond}", total)
    assert spans == (Span(start, more + 1),)


@given(sizes.filter(bool), sizes.filter(bool))
def test_a_suffix_is_the_end_of_the_file(size: int, total: int) -> None:
    spans = parse_ranges(f"bytes=-{size}", total)
    assert spans == (Span(total - min(size, total), min(size, total)),)


@given(sizes, sizes)
def test_a_range_beyond_the_end_is_refused(total: int, more: int) -> None:
    beyond = [f"{total + more}-", f"{total + more}-{total + more}", "-0"]
    for asked in (*beyond, ",".join(beyond)):
        with pytest.raises(UnsatisfiableRangeError):
            parse_ranges(f"bytes={asked}", total)


@given(st.text(), sizes)
def test_any_header_is_answered_within_the_file(header: str, total: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            spans = parse_ranges(text, total)
        except UnsatisfiableRangeError:
            continue
        for span in spans or ():
            assert 0 <= span.start < span.end <= total


@given(st.data())
def test_several_ranges_give_each_byte_that_was_asked_for_once(data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 2000))
    edges = st.tuples(st.integers(0, total - 1), st.integers(0, total - 1)).map(sorted)
    asked = data.draw(st.lists(edges, min_size=1, max_size=MAX_RANGES))
    spans = parse_ranges("bytes=" + ", ".join(f"{a}-{b}" for a, b in asked), total)
    assert spans is not None
    wanted = {byte for a, b in asked for byte in range(a, b + 1)}
    sent = [byte for span in spans for byte in range(span.start, span.end)]
    assert len(sent) == len(set(sent)) <= total
    assert wanted <= set(sent)


def test_ranges_that_overlap_or_nearly_touch_are_one_in_the_order_asked_for() -> None:
    far = "bytes=5000-5009,0-9,5-19,30-39,9000-"
    assert parse_ranges(far, 9010) == (Span(5000, 10), Span(0, 40), Span(9000, 10))


def test_of_several_ranges_those_beyond_the_end_are_left_out() -> None:
    assert parse_ranges("bytes=0-4,500-,-0", 100) == (Span(0, 5),)


def test_a_suffix_of_nothing_is_nothing() -> None:
    assert parse_ranges("bytes=-5", 0) is None


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=,", "bytes=5-4", "bytes=1-2,x", "bytes=1-2,4-3", "items=0-5"],
)
def test_what_is_not_understood_asks_for_everything(header: str) -> None:
    assert parse_ranges(header, 10) is None


def test_a_flood_of_ranges_asks_for_everything() -> None:
    header = "bytes=" + ",".join(f"{start}-{start}" for start in range(0, 10_000, 1000))
    assert parse_ranges(header, 10_000) is not None
    flood = "bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1))
    assert parse_ranges(flood, 10_000) is None


def test_a_piece_tells_where_it_belongs() -> None:
    assert Span(5, 10).content_range(100) == "bytes 5-14/100"


def test_a_multipart_answer_is_as_long_as_it_says() -> None:
    spans = (Span(0, 3), Span(90, 10))
    ranges = MultipartRanges(spans=spans, total=100, boundary="xyz", part_type="text/plain")
    body = b"".join(head + bytes(span.size) for head, span in ranges.parts()) + ranges.ending
    assert len(body) == ranges.size
    assert body == (
        b"--xyz\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-2/100\r\n\r\n\0\0\0"
        b"\r\n--xyz\r\nContent-Type: text/plain\r\nContent-Range: bytes 90-99/100\r\n\r\n"
        + bytes(10)
        + b"\r\n--xyz--\r\n"
    )
