"""A buffer on its way out."""

from concurrent.futures import CancelledError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.storage.s3_bodies import SLICE_BYTES, OutgoingBody

CONTENT = bytes(range(256)) * (3 * SLICE_BYTES // 256) + b"the end"


def read_out(body: OutgoingBody, size: int) -> list[bytes]:
    pieces = []
    while piece := body.read(size):
        pieces.append(bytes(piece))
    return pieces


@given(size=st.integers(min_value=1, max_value=4 * SLICE_BYTES))
def test_slices_make_up_the_buffer(size: int) -> None:
    assert b"".join(read_out(OutgoingBody(CONTENT), size)) == CONTENT


def test_slices_are_large_however_little_is_asked_for() -> None:
    sizes = [len(piece) for piece in read_out(OutgoingBody(CONTENT), 16_384)]
    assert sizes == [SLICE_BYTES] * 3 + [7]


@pytest.mark.parametrize("size", [None, -1])
def test_all_that_is_left_can_be_read_at_once(size: int | None) -> None:
    body = OutgoingBody(CONTENT)
    body.read(1)
    assert body.read(size) == CONTENT[SLICE_BYTES:]


def test_a_slice_is_no_copy() -> None:
    buffer = bytearray(CONTENT)
    piece = OutgoingBody(buffer).read(1)
    buffer[0] = 99
    assert piece[0] == 99


def test_a_buffer_of_larger_items_counts_in_bytes() -> None:
    numbers = memoryview(b"12345678").cast("I")
    body = OutgoingBody(numbers)
    assert len(body) == 8
    assert bytes(body.read()) == b"12345678"


@pytest.mark.parametrize(
    ("offset", "whence", "position"), [(5, 0, 5), (0, 2, len(CONTENT)), (-2, 1, 0), (-1, 2, -1)]
)
def test_it_can_be_sent_again_from_anywhere(offset: int, whence: int, position: int) -> None:
    body = OutgoingBody(CONTENT)
    expected = position % len(CONTENT) if position < 0 else position
    assert body.seek(offset, whence) == expected
    assert body.tell() == expected
    assert body.read(-1) == CONTENT[expected:]


def test_an_abandoned_body_gives_nothing_more_and_holds_no_buffer() -> None:
    buffer = bytearray(b"content")
    body = OutgoingBody(buffer)
    body.abandon()
    with pytest.raises(CancelledError):
        body.read()
    buffer.clear()  # raises BufferError while anybody still looks at it
