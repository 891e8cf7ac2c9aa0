"""What accounts agree on: how long their data is kept, and that it is held."""

from datetime import timedelta

import pytest

from tests.clock import START
from transfer.core.account_terms import (
    LONGEST_PERIOD,
    AccountTerms,
    held,
    lifted,
    with_period,
)
from transfer.core.errors import CaseStateError, InvalidRequestError

TERMS = AccountTerms(account="Acme", changed_by="root", changed_at=START)
LATER = START + timedelta(days=1)


@pytest.mark.parametrize("period", [timedelta(), timedelta(days=90), LONGEST_PERIOD, None])
def test_a_period_is_from_nothing_to_a_century_or_the_usual_one(period: timedelta | None) -> None:
    changed = with_period(TERMS, period, "ada", LATER)
    assert (changed.period, changed.changed_by, changed.changed_at) == (period, "ada", LATER)
    assert changed.are_usual == (period is None)


@pytest.mark.parametrize("period", [timedelta(seconds=-1), LONGEST_PERIOD + timedelta(seconds=1)])
def test_no_other_period_is_taken(period: timedelta) -> None:
    with pytest.raises(InvalidRequestError):
        with_period(TERMS, period, "ada", LATER)


def test_a_part_of_a_second_never_makes_a_deletion_at_closure_of_it() -> None:
    assert with_period(TERMS, timedelta(milliseconds=1), "ada", LATER).period == timedelta(
        seconds=1
    )


def test_a_hold_is_placed_once_and_lifted_once() -> None:
    keeping = held(TERMS, "Litigation", "ada", LATER)
    assert keeping.hold is not None
    assert (keeping.hold.reason, keeping.hold.placed_by) == ("Litigation", "ada")
    assert not keeping.are_usual
    with pytest.raises(CaseStateError):
        held(keeping, "Again", "ada", LATER)
    free = lifted(keeping, "grace", LATER)
    assert (free.hold, free.changed_by) == (None, "grace")
    with pytest.raises(CaseStateError):
        lifted(free, "grace", LATER)


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 501])
def test_a_hold_has_a_reason_on_one_line(reason: str) -> None:
    with pytest.raises(InvalidRequestError):
        held(TERMS, reason, "ada", LATER)
