from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from transfer.core.extents import Extents, Piece

_RANGES = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted)


@given(steps=st.lists(st.tuples(st.booleans(), _RANGES)), asked=_RANGES)
def test_ranges_in_any_order_are_what_was_added_and_not_cut_off(
    steps: list[tuple[bool, list[int]]], asked: list[int]
) -> None:
    extents, expected = Extents(), set[int]()
    for cuts, (start, end) in steps:
        if cuts:
            extents.cut(start)
            expected = {at for at in expected if at < start}
        else:
            extents.add(start, end)
            expected |= set(range(start, end))
    assert extents.total == len(expected)
    start, end = asked
    pieces = list(extents.pieces(start, end))
    covered = [at for piece in pieces for at in range(piece.start, piece.end)]
    assert covered == list(range(start, end))
    for piece in pieces:
        inside = set(range(piece.start, piece.end))
        assert inside <= expected if piece.is_here else not inside & expected
    for before, behind in pairwise(pieces):
        assert before.is_here != behind.is_here
    assert extents.missing(start, end) == len(set(range(start, end)) - expected)


def test_ranges_that_touch_are_one() -> None:
    extents = Extents()
    for start, end in ((0, 10), (20, 30), (10, 20)):
        extents.add(start, end)
    assert list(extents.pieces(5, 40)) == [Piece(5, 30, is_here=True), Piece(30, 40, is_here=False)]
