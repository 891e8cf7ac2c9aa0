"""What a seal says, and which numbers the next one still looks for."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import START
from transfer.core.audit_chain import (
    MOST_GAPS,
    PATIENCE,
    Gap,
    Seal,
    given_up,
    next_seal,
    packed,
    parse_seal,
    unpacked,
)
from transfer.core.errors import InvalidRequestError

SOON = START + timedelta(seconds=10)


def found(*numbers: int) -> list[tuple[int, bytes]]:
    return [(number, number.to_bytes(32, "big")) for number in numbers]


def test_the_first_seal_follows_nothing_and_misses_nothing() -> None:
    seal = next_seal(None, found(1, 2, 3), START)
    assert (seal.number, seal.previous, seal.entries, seal.horizon) == (1, None, 3, 3)
    assert seal.gaps == ()


def test_the_next_seal_names_the_one_before_by_its_digest() -> None:
    first = next_seal(None, found(1), START)
    second = next_seal(first, found(2), SOON)
    assert (second.number, second.previous, second.horizon) == (2, first.digest(), 2)


def test_a_number_that_is_missing_is_looked_for_until_it_comes() -> None:
    first = next_seal(None, found(1, 4, 6), START)
    assert first.gaps == (Gap(2, 3, START), Gap(5, 5, START))
    second = next_seal(first, found(2, 7), SOON)
    assert second.gaps == (Gap(3, 3, START), Gap(5, 5, START))
    late = next_seal(second, found(3, 5), SOON)
    assert (late.gaps, late.horizon) == ((), 7)


def test_a_number_in_the_middle_of_a_gap_leaves_two() -> None:
    first = next_seal(None, found(9), START)
    assert next_seal(first, found(4), SOON).gaps == (Gap(1, 3, START), Gap(5, 8, START))


def test_a_number_that_never_comes_is_given_up() -> None:
    first = next_seal(None, found(1, 3), START)
    middle = next_seal(first, found(4), START + PATIENCE / 2)
    almost = next_seal(middle, found(5), START + PATIENCE - timedelta(seconds=1))
    assert almost.gaps == (Gap(2, 2, START),)
    assert given_up(middle, almost, [5]) == []
    over = next_seal(almost, found(7), START + PATIENCE)
    assert over.gaps == (Gap(6, 6, START + PATIENCE),)
    assert given_up(almost, over, [7]) == [Gap(2, 2, START)]


def test_a_clock_that_jumps_gives_no_number_up() -> None:
    first = next_seal(None, found(1, 3), START)
    ahead = START + timedelta(days=365)
    second = next_seal(first, found(4), ahead)
    assert second.gaps == (Gap(2, 2, ahead),)
    assert given_up(first, second, [4]) == []
    third = next_seal(second, found(2), ahead + timedelta(seconds=10))
    assert third.gaps == ()
    assert given_up(second, third, [2]) == []


def test_of_very_many_gaps_the_oldest_are_given_up() -> None:
    first = next_seal(None, found(2), START)
    many = found(*range(4, 4 + 2 * MOST_GAPS, 2))
    second = next_seal(first, many, SOON)
    assert len(second.gaps) == MOST_GAPS
    assert given_up(first, second, [number for number, _ in many]) == [Gap(1, 1, START)]


def test_what_is_packed_comes_back() -> None:
    entries = found(1, 2**63 - 1)
    assert unpacked(packed(entries)) == entries
    assert unpacked(packed(entries)[:-1]) == entries[:1]
    assert unpacked(b"") == []


def test_a_seal_is_read_from_what_it_says() -> None:
    seal = next_seal(next_seal(None, found(1), START), found(5, 9), SOON)
    assert parse_seal(seal.statement()) == seal


def statement(**changes: object) -> str:
    said = json.loads(next_seal(None, found(1), START).statement())
    return json.dumps({**said, **changes}, separators=(",", ":"), sort_keys=True)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "[]",
        "{}",
        statement(kind="receipt"),
        statement(version=2),
        statement(number="1"),
        statement(gaps=[[1]]),
        statement(surplus=1),
        statement(sealed_at="yesterday"),
    ],
)
def test_what_is_no_seal_is_refused(words: str) -> None:
    with pytest.raises(InvalidRequestError, match="no seal"):
        parse_seal(words)


@given(
    batches=st.lists(
        st.tuples(st.integers(0, 4000), st.sets(st.integers(1, 60), min_size=1)), max_size=8
    )
)
def test_every_number_is_sealed_once_or_looked_for_or_given_up(
    batches: list[tuple[int, set[int]]],
) -> None:
    """Entries come in any order; those are sealed that the seal before lets be found."""
    seal: Seal | None = None
    now, sealed, abandoned = START, set[int](), set[int]()
    for seconds, coming in batches:
        now += timedelta(seconds=seconds)
        fresh = sorted(number for number in coming if _reaches(seal, number))
        if not fresh:
            continue
        after = next_seal(seal, found(*fresh), now)
        abandoned |= _numbers(given_up(seal, after, fresh))
        assert not sealed & set(fresh)
        sealed |= set(fresh)
        seal = after
        awaited = _numbers(list(seal.gaps))
        assert sealed | awaited | abandoned == set(range(1, seal.horizon + 1))
        assert not sealed & awaited
        assert not abandoned & awaited
        assert not abandoned & sealed


def _reaches(seal: Seal | None, number: int) -> bool:
    if seal is None or number > seal.horizon:
        return True
    return any(gap.first <= number <= gap.last for gap in seal.gaps)


def _numbers(gaps: list[Gap]) -> set[int]:
    return {number for gap in gaps for number in range(gap.first, gap.last + 1)}
