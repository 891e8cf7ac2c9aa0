"""How far the log can be told of, while transactions with lower numbers are still to commit."""

from hypothesis import given
from hypothesis import strategies as st

from tests.clock import START
from transfer.core.events import Noted
from transfer.engine.settling import Settling


def entry(number: int) -> Noted:
    return Noted(number=number, at=START, action="x", case_number=None, subject=None, details={})


def test_without_gaps_everything_is_settled() -> None:
    log = Settling(3, 90)
    log.read([entry(4), entry(5)], 0)
    assert (log.seen, log.settled, list(log.missing)) == (5, 5, [])


def test_what_is_missing_is_waited_for() -> None:
    log = Settling(0, 90)
    log.read([entry(1), entry(3), entry(6)], 0)
    assert (log.settled, list(log.missing)) == (1, [2, 4, 5])
    log.found([entry(2), entry(4)])
    assert (log.settled, list(log.missing)) == (4, [5])


def test_what_stays_away_was_never_committed() -> None:
    log = Settling(0, 90)
    log.read([entry(2)], 0)
    log.read([entry(4)], 50)
    log.give_up(90)
    assert (log.settled, list(log.missing)) == (2, [3])
    log.give_up(140)
    assert log.settled == 4


def test_a_leap_of_the_numbers_is_not_remembered_one_by_one() -> None:
    log = Settling(0, 90)
    log.read([entry(10**9)], 0)
    assert len(log.missing) == 1000


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 4), max_size=8))
def test_whoever_goes_on_behind_what_is_settled_misses_nothing(
    commits: list[int], steps: list[int]
) -> None:
    log, present, told = Settling(0, 90), set[int](), set[int]()
    waiting = list(commits)
    for step in [*steps, 8]:
        present |= set(waiting[:step])
        del waiting[:step]
        late = [entry(one) for one in sorted(log.missing) if one in present]
        log.found(late)
        page = [entry(one) for one in sorted(present) if one > log.seen]
        log.read(page, 0)
        told |= {one.number for one in (*late, *page)}
        assert told == present
        assert set(range(1, log.settled + 1)) <= told
    assert log.settled == 8
