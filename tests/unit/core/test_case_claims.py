"""What another case core may say of a case."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.clock import START
from transfer.core.case_claims import AHEAD, check_claim, check_succession, counted_from
from transfer.core.cases import NO_ID, Case, CaseNumber, Status, confirmed
from transfer.core.errors import CaseContradictionError, CaseCoreUnavailableError

NUMBER = CaseNumber("0003256109")
OPEN = Case(
    number=NUMBER,
    id=NO_ID,
    subject="Crash",
    account="Example Ltd",
    status=Status.OPEN,
    substatus="New",
    opened_at=START,
)
CLOSED = replace(OPEN, status=Status.CLOSED, substatus="Resolved", closed_at=START)


@pytest.mark.parametrize(
    "claim",
    [
        OPEN,
        CLOSED,
        replace(OPEN, opened_at=START + AHEAD),
        replace(CLOSED, closed_at=START + AHEAD),
    ],
)
def test_what_can_be_so_is_believed(claim: Case) -> None:
    check_claim(claim, NUMBER, START)


@pytest.mark.parametrize(
    ("claim", "fault"),
    [
        (replace(OPEN, number=CaseNumber("0003256110")), "another one"),
        (replace(OPEN, version=0), "version"),
        (replace(OPEN, opened_at=START + AHEAD + timedelta(seconds=1)), "opened in the future"),
        (replace(CLOSED, closed_at=None), "since when"),
        (replace(OPEN, closed_at=START), "isn't closed"),
        (replace(CLOSED, closed_at=START - timedelta(seconds=1)), "before it was opened"),
        (
            replace(CLOSED, closed_at=START + AHEAD + timedelta(seconds=1)),
            "closed in the future",
        ),
    ],
)
def test_what_cannot_be_so_is_refused_with_its_reason(claim: Case, fault: str) -> None:
    with pytest.raises(CaseContradictionError, match=fault) as refused:
        check_claim(claim, NUMBER, START)
    assert NUMBER in refused.value.message
    assert "Crash" not in refused.value.message


def test_a_later_state_of_a_case_succeeds_it() -> None:
    check_succession(OPEN, replace(CLOSED, subject="Another", account="Another Ltd"))


def test_a_number_that_was_given_to_another_case_is_found_out() -> None:
    with pytest.raises(CaseContradictionError, match="another case"):
        check_succession(OPEN, replace(OPEN, opened_at=START + timedelta(days=1)))


def test_a_closure_counts_from_when_the_core_says_unless_it_said_otherwise_before() -> None:
    day, second = timedelta(days=1), timedelta(seconds=1)
    ago = replace(CLOSED, closed_at=START - 60 * day)
    later = replace(CLOSED, closed_at=START + day)
    assert counted_from(CLOSED, OPEN, START) is None
    assert counted_from(OPEN, CLOSED, START + AHEAD) == START
    assert counted_from(OPEN, CLOSED, START + AHEAD + second) == START + AHEAD + second
    assert counted_from(OPEN, ago, START - day) == START - day
    assert counted_from(CLOSED, ago, START - 90 * day) == START
    assert counted_from(CLOSED, later, START) == START + day


def test_a_case_is_confirmed_unless_it_is_what_the_core_said_last() -> None:
    assert confirmed(OPEN) is OPEN
    with pytest.raises(CaseCoreUnavailableError, match="new access"):
        confirmed(replace(OPEN, as_of=START))
