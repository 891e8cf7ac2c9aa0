"""Which pieces may be used, and how a file is made of them."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.access import Door
from transfer.core.cases import CaseId, CaseNumber
from transfer.core.concatenation import (
    Step,
    Stretch,
    are_whole,
    check_piece,
    check_takes_bytes,
    copied_ranges,
    final_expires_at,
    next_step,
    total_length,
)
from transfer.core.errors import ForbiddenError, InvalidRequestError, UploadGoneError
from transfer.core.names import CasePath
from transfer.core.parts import GIB, MAX_FILE_BYTES, MAX_PART_BYTES, MIB, MIN_PART_BYTES
from transfer.core.uploads import Concat, DigestState, Direction, Upload, UploadId, UploadState

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NUMBER = CaseNumber("0003256109")
PIECE = Upload(
    id=UploadId("a"),
    case_number=NUMBER,
    case_id=CaseId("case"),
    path=CasePath("unnamed"),
    direction=Direction.FROM_CUSTOMER,
    door=Door.HTTP,
    sent_by="customer",
    state=UploadState.RECEIVED,
    offset=10,
    length=10,
    created_at=NOW,
    updated_at=NOW,
    expires_at=NOW + timedelta(days=7),
    digest=DigestState(sha256=None, crc64nvme=0),
    fence=1,
    next_part_number=1,
    concat=Concat.PARTIAL,
    concat_header="partial",
)
FINAL = replace(PIECE, state=UploadState.RECEIVING, concat=Concat.FINAL, length=None)

sizes_of_pieces = st.lists(
    st.one_of(
        st.just(0),
        st.integers(1, 3 * MIB),
        st.integers(MIN_PART_BYTES - 1, MIN_PART_BYTES + 1),
        st.integers(1, 40 * MIB),
        st.integers(1, 3 * GIB),
    ),
    min_size=1,
    max_size=12,
).filter(any)


# ── Who may use what ─────────────────────────────────────────────────────────────────────────


def check(piece: Upload | None, now: datetime = NOW) -> None:
    check_piece(piece, number=NUMBER, direction=Direction.FROM_CUSTOMER, now=now)


@pytest.mark.parametrize("state", [UploadState.RECEIVING, UploadState.RECEIVED])
def test_a_partial_of_the_case_is_used_whole_or_not_yet(state: UploadState) -> None:
    check(replace(PIECE, state=state))


@pytest.mark.parametrize(
    "piece",
    [
        None,
        replace(PIECE, concat=None),
        replace(PIECE, concat=Concat.FINAL),
        replace(PIECE, case_number=CaseNumber("0009999999")),
        replace(PIECE, direction=Direction.SHARED_WITH_CUSTOMER),
    ],
)
def test_anything_else_is_refused_in_the_same_words(piece: Upload | None) -> None:
    with pytest.raises(InvalidRequestError, match="no partial upload of this case"):
        check(piece)


def test_what_is_over_is_gone() -> None:
    with pytest.raises(UploadGoneError):
        check(replace(PIECE, state=UploadState.ABANDONED))
    check(PIECE, PIECE.expires_at - timedelta(microseconds=1))
    with pytest.raises(UploadGoneError):
        check(PIECE, PIECE.expires_at)


def test_a_final_takes_no_bytes() -> None:
    check_takes_bytes(PIECE)
    check_takes_bytes(replace(PIECE, concat=None))
    with pytest.raises(ForbiddenError):
        check_takes_bytes(FINAL)


def test_the_whole_is_as_long_as_its_pieces_once_all_are_known() -> None:
    assert total_length([PIECE, PIECE]) == 20
    assert total_length([PIECE, replace(PIECE, length=None)]) is None
    assert are_whole([PIECE, PIECE])
    assert not are_whole([PIECE, replace(PIECE, state=UploadState.COMPLETING)])


def test_a_final_waits_as_long_as_any_of_its_pieces() -> None:
    late = replace(PIECE, expires_at=NOW + timedelta(days=9))
    assert final_expires_at(FINAL, [PIECE, late]) == late.expires_at
    longest = replace(FINAL, expires_at=NOW + timedelta(days=10))
    assert final_expires_at(longest, [PIECE, late]) == longest.expires_at


# ── How it is put together ───────────────────────────────────────────────────────────────────


def step(*stretches: tuple[int, int, int], copied: bool) -> Step:
    return Step(tuple(Stretch(*stretch) for stretch in stretches), copied)


def next_of(sizes: list[int], offset: int = 0, pending: int = 0, *, may_copy: bool = True) -> Step:
    return next_step(sizes, offset, pending=pending, least=MIN_PART_BYTES, may_copy=may_copy)


def test_a_big_piece_is_copied_whole() -> None:
    big = 20 * MIB
    assert next_of([0, big, big]) == step((1, 0, big), copied=True)
    assert next_of([big, big], big) == step((1, 0, big), copied=True)
    assert next_of([big, big], 3 * MIB) == step((0, 3 * MIB, 17 * MIB), copied=True)


def test_the_rest_of_the_last_piece_is_copied_however_small() -> None:
    sizes = [20 * MIB, 6 * MIB, 0]
    assert next_of(sizes, 21 * MIB) == step((1, MIB, 5 * MIB), copied=True)
    assert next_of(sizes, 25 * MIB) == step((1, 5 * MIB, MIB), copied=True)


def test_a_small_piece_is_read_with_so_much_of_its_neighbour_that_it_makes_a_part() -> None:
    big = 20 * MIB
    assert next_of([MIB, big, big]) == step((0, 0, MIB), (1, 0, 4 * MIB), copied=False)
    assert next_of([big, MIB, big], 2 * MIB + 18 * MIB) == step(
        (1, 0, MIB), (2, 0, 4 * MIB), copied=False
    )


def test_small_pieces_that_make_a_part_leave_their_neighbour_alone() -> None:
    assert next_of([3 * MIB, 2 * MIB, 20 * MIB]) == step(
        (0, 0, 3 * MIB), (1, 0, 2 * MIB), copied=False
    )


def test_a_tail_is_filled_before_anything_is_copied() -> None:
    assert next_of([20 * MIB], MIB, MIB) == step((0, MIB, 4 * MIB), copied=False)
    assert next_of([20 * MIB], 6 * MIB, 6 * MIB) == step((0, 6 * MIB, 1), copied=False)


def test_a_neighbour_that_would_be_left_too_small_is_read_to_its_end() -> None:
    assert next_of([MIB, 8 * MIB, 8 * MIB]) == step((0, 0, MIB), (1, 0, 8 * MIB), copied=False)


def test_small_pieces_are_read_to_the_end() -> None:
    assert next_of([10, 0, 20]) == step((0, 0, 10), (2, 0, 20), copied=False)


def test_a_store_that_wants_equal_parts_gets_everything_anew() -> None:
    big = 20 * MIB
    assert next_of([big, 1, big], 5, may_copy=False) == step(
        (0, 5, big - 5), (1, 0, 1), (2, 0, big), copied=False
    )


def test_there_is_nothing_behind_the_end() -> None:
    with pytest.raises(ValueError, match="the pieces end at 30"):
        next_of([10, 20], 30)


@given(sizes_of_pieces, st.integers(MIN_PART_BYTES, 64 * MIB))
def test_the_steps_reach_the_end_and_no_part_is_too_small(sizes: list[int], least: int) -> None:
    total, offset, pending, steps = sum(sizes), 0, 0, 0
    read_again = 0
    while offset < total:
        taken = next_step(sizes, offset, pending=pending, least=least, may_copy=True)
        steps += 1
        size = sum(stretch.size for stretch in taken.stretches)
        begins = [sum(sizes[: one.piece]) + one.start for one in taken.stretches]
        ends = [begin + one.size for begin, one in zip(begins, taken.stretches, strict=True)]
        assert [*begins, offset + size] == [offset, *ends], "a gap, or something twice"
        assert size > 0
        offset += size
        if taken.copied:
            assert pending == 0
            assert size >= MIN_PART_BYTES or offset == total
        else:
            read_again += size
            pending += size
            if pending >= least:  # what a writer makes of it when it is told to
                pending = 0
    assert steps <= 2 * len(sizes) + 1
    small = sum(size for size in sizes if size < least + MIN_PART_BYTES)
    assert read_again <= small + least * len(sizes)


@given(st.integers(0, 7), st.integers(1, 60 * GIB), st.integers(1, MAX_FILE_BYTES))
def test_ranges_are_copied_without_a_gap_and_within_what_a_store_takes(
    start: int, size: int, total: int
) -> None:
    ranges = copied_ranges(start, size, max(size, total))
    assert ranges[0][0] == start
    assert sum(length for _, length in ranges) == size
    assert all(
        begin + length == following
        for (begin, length), (following, _) in itertools.pairwise(ranges)
    )
    assert all(length <= MAX_PART_BYTES for _, length in ranges)
    assert all(length >= MIN_PART_BYTES for _, length in ranges[:-1])
    if len(ranges) > 1:
        assert ranges[-1][1] >= MIN_PART_BYTES


def test_the_largest_file_has_enough_part_numbers() -> None:
    assert len(copied_ranges(0, 40 << 40, 40 << 40)) <= 9200
