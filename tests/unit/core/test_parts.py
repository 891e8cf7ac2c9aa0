"""Part plans: the numbers always suffice, whatever the length and however it comes in."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer.core.parts import (
    GIB,
    MAX_FILE_BYTES,
    MAX_PART_BYTES,
    MAX_PART_NUMBER,
    MIB,
    MIN_PART_BYTES,
    PartPlan,
    Progress,
    copy_ranges,
    may_be_short_part,
    part_size,
)

PLAN = PartPlan()
EQUAL = PartPlan(equal=True)
lengths = st.integers(0, MAX_FILE_BYTES * 9 // 10)


def at(offset: int, number: int, length: int | None) -> Progress:
    return Progress(offset=offset, next_part_number=number, length=length)


def test_parts_of_an_ordinary_file_have_16_mib() -> None:
    assert part_size(PLAN, at(0, 1, 3 * GIB)) == 16 * MIB


def test_parts_grow_beyond_what_ten_thousand_of_16_mib_hold() -> None:
    assert part_size(PLAN, at(0, 1, 1024 * GIB)) > 100 * MIB


@settings(deadline=None)
@given(length=lengths)
def test_the_numbers_suffice_for_any_known_length(length: int) -> None:
    offset, number = 0, 1
    while offset < length:
        size = part_size(PLAN, at(offset, number, length))
        assert MIN_PART_BYTES <= size <= MAX_PART_BYTES
        # Whole runs of equal parts at a time: ten thousand steps a case would take minutes.
        run = max(1, min(50, (length - offset) // size))
        offset, number = offset + run * size, number + run
    assert number - 1 <= MAX_PART_NUMBER


def test_the_numbers_suffice_for_20_tib_of_unknown_length() -> None:
    offset = 0
    for number in range(1, MAX_PART_NUMBER + 1):
        offset += part_size(PLAN, at(offset, number, None))
    assert offset >= 20 * 1024 * GIB


@settings(deadline=None, max_examples=20)
@given(length=st.integers(1, 2000 * GIB), chunk=st.integers(MIN_PART_BYTES, 15 * MIB))
def test_a_client_of_small_chunks_does_not_use_up_the_numbers(length: int, chunk: int) -> None:
    number, offset = 1, 0
    for _ in range(MAX_PART_NUMBER):
        progress = at(offset, number, length)
        pending = 0
        while pending < part_size(PLAN, progress):
            pending += chunk
            if may_be_short_part(PLAN, progress, pending):
                break
        offset, number = offset + pending, number + 1
        if offset >= length:
            break
    assert offset >= length


def test_equal_parts_never_change_their_size_and_allow_no_short_one() -> None:
    length = 700 * GIB
    sizes = {part_size(EQUAL, at(n * 80 * MIB, n + 1, length)) for n in range(0, 9000, 100)}
    assert len(sizes) == 1
    assert sizes.pop() * MAX_PART_NUMBER >= length
    assert not may_be_short_part(EQUAL, at(0, 1, length), 15 * MIB)


def test_equal_parts_of_unknown_length_keep_the_base_size() -> None:
    assert part_size(EQUAL, at(0, 5000, None)) == 16 * MIB


def test_less_than_five_mib_is_never_a_part_in_the_middle() -> None:
    assert not may_be_short_part(PLAN, at(0, 1, 3 * GIB), MIN_PART_BYTES - 1)
    assert may_be_short_part(PLAN, at(0, 1, 3 * GIB), MIN_PART_BYTES)


def test_short_parts_of_unknown_length_stop_when_numbers_matter() -> None:
    assert may_be_short_part(PLAN, at(0, 750, None), MIN_PART_BYTES)
    assert not may_be_short_part(PLAN, at(0, 751, None), MIN_PART_BYTES)


@given(size=st.integers(MIN_PART_BYTES, MAX_FILE_BYTES))
def test_copies_cover_the_source_once_in_parts_that_s3_takes(size: int) -> None:
    ranges = copy_ranges(size)
    assert ranges[0][0] == 0
    assert all(a[0] + a[1] == b[0] for a, b in pairwise(ranges))
    assert sum(length for _, length in ranges) == size
    assert all(MIN_PART_BYTES <= length <= MAX_PART_BYTES for _, length in ranges)


def test_less_than_five_mib_is_never_copied() -> None:
    with pytest.raises(ValueError, match="5242879"):
        copy_ranges(MIN_PART_BYTES - 1)
