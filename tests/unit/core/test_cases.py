"""The rules of a case's statuses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.cases import (
    SUBSTATUSES,
    Case,
    CaseId,
    CaseNumber,
    Priority,
    Status,
    after_customer_upload,
    close,
    move,
    parse_case_number,
    parse_priority,
    parse_status,
    prioritise,
    reopen,
    substatus_of,
)
from transfer.core.errors import CaseStateError, InvalidRequestError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

OPEN_STATUSES = [status for status in Status if status is not Status.CLOSED]


def a_case(status: Status = Status.OPEN) -> Case:
    return Case(
        number=CaseNumber("0003256109"),
        id=CaseId("k3"),
        subject="Trace of a hanging node",
        account="ACME",
        status=status,
        substatus=SUBSTATUSES[status][0],
        opened_at=NOW,
        closed_at=NOW if status is Status.CLOSED else None,
    )


def test_a_case_number_has_ten_digits() -> None:
    assert parse_case_number("0003256109") == "0003256109"


@pytest.mark.parametrize(
    "text", ["", "325610", "00032561090", "000325610x", " 0003256109", "0003256109\n", "٠٠٠٣٢٥٦١٠٩"]
)
def test_anything_but_ten_ascii_digits_is_no_case_number(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="ten digits"):
        parse_case_number(text)


@pytest.mark.parametrize("status", Status)
def test_a_status_is_read_whatever_its_letters_case(status: Status) -> None:
    assert parse_status(status.value.upper()) is status


def test_an_unknown_status_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidRequestError, match="Solution Proposed"):
        parse_status("Waiting")


def test_a_status_takes_its_first_substatus_when_none_is_named() -> None:
    assert substatus_of(Status.CLOSED, None) == "Resolved"


def test_a_substatus_is_read_whatever_its_letters_case() -> None:
    assert substatus_of(Status.OPEN, "engineering request") == "Engineering Request"


def test_a_substatus_of_another_status_is_refused_with_the_right_ones() -> None:
    with pytest.raises(InvalidRequestError, match="Resolved, Cancelled"):
        substatus_of(Status.CLOSED, "New")


@pytest.mark.parametrize("priority", Priority)
def test_a_priority_is_read_whatever_its_letters_case(priority: Priority) -> None:
    assert parse_priority(priority.value.upper()) is priority


def test_an_unknown_priority_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidRequestError, match="Production Down"):
        parse_priority("Urgent")


def test_a_change_of_priority_changes_that_and_the_version() -> None:
    changed = prioritise(a_case(), Priority.LOW)
    assert changed == replace(a_case(), priority=Priority.LOW, version=2)


def test_a_closed_case_keeps_its_priority() -> None:
    with pytest.raises(CaseStateError, match="reopen"):
        prioritise(a_case(Status.CLOSED), Priority.LOW)


def test_moving_a_case_changes_its_status_and_version_and_nothing_else() -> None:
    moved = move(a_case(), Status.AWAITING_INFORMATION, "Third Party Pending")
    assert moved == replace(
        a_case(Status.AWAITING_INFORMATION), substatus="Third Party Pending", version=2
    )


def test_a_closed_case_is_not_moved() -> None:
    with pytest.raises(CaseStateError, match="reopen"):
        move(a_case(Status.CLOSED), Status.OPEN, None)


def test_moving_does_not_close() -> None:
    with pytest.raises(CaseStateError, match="resolution"):
        move(a_case(), Status.CLOSED, None)


@pytest.mark.parametrize("status", OPEN_STATUSES)
def test_any_open_case_can_be_closed_as_resolved_or_cancelled(status: Status) -> None:
    closed = close(a_case(status), "cancelled", NOW)
    assert (closed.status, closed.substatus) == (Status.CLOSED, "Cancelled")
    assert (closed.closed_at, closed.version, closed.is_closed) == (NOW, 2, True)


def test_a_closed_case_is_not_closed_again_so_its_time_stays() -> None:
    with pytest.raises(CaseStateError, match="already"):
        close(a_case(Status.CLOSED), None, NOW + timedelta(days=1))


def test_a_reopened_case_is_under_investigation_and_has_no_closing_time() -> None:
    reopened = reopen(a_case(Status.CLOSED))
    assert (reopened.status, reopened.substatus) == (Status.OPEN, "Investigation")
    assert (reopened.closed_at, reopened.version, reopened.is_closed) == (None, 2, False)


@pytest.mark.parametrize("status", OPEN_STATUSES)
def test_an_open_case_is_not_reopened(status: Status) -> None:
    with pytest.raises(CaseStateError, match="isn't closed"):
        reopen(a_case(status))


def test_a_case_whose_deletion_has_begun_is_not_reopened() -> None:
    with pytest.raises(CaseStateError, match="open a new case"):
        reopen(replace(a_case(Status.CLOSED), purge_started_at=NOW))


@pytest.mark.parametrize("status", [Status.AWAITING_INFORMATION, Status.SOLUTION_PROPOSED])
def test_an_upload_makes_a_case_that_waited_for_the_customer_ours_again(status: Status) -> None:
    after = after_customer_upload(a_case(status))
    assert (after.status, after.substatus, after.version) == (Status.OPEN, "Investigation", 2)


def test_what_was_sent_before_a_question_does_not_answer_it() -> None:
    case = replace(a_case(Status.AWAITING_INFORMATION), asked_at=NOW)
    assert after_customer_upload(case, NOW - timedelta(microseconds=1)) is case
    for sent_at in (NOW, None):
        assert after_customer_upload(case, sent_at).status is Status.OPEN
    assert after_customer_upload(replace(case, asked_at=None), NOW).asked_at is None


@pytest.mark.parametrize("status", [Status.OPEN, Status.CLOSED])
def test_an_upload_leaves_an_open_or_closed_case_as_it_is(status: Status) -> None:
    case = a_case(status)
    assert after_customer_upload(case) is case


STEPS = st.sampled_from(["close", "reopen", "upload", *OPEN_STATUSES])


@given(st.lists(STEPS, max_size=30))
def test_whatever_happens_a_case_has_a_closing_time_exactly_while_it_is_closed(
    steps: list[str],
) -> None:
    case, now = a_case(), NOW
    for step in steps:
        now += timedelta(hours=1)
        before = case
        try:
            case = _after(case, step, now)
        except CaseStateError:
            assert case is before
        assert (case.closed_at is not None) == case.is_closed
        assert case.substatus in SUBSTATUSES[case.status]
        assert case.version == before.version + (case is not before)
        if before.is_closed and case.is_closed:
            assert case.closed_at == before.closed_at


def _after(case: Case, step: str, now: datetime) -> Case:
    match step:
        case "close":
            return close(case, None, now)
        case "reopen":
            return reopen(case)
        case "upload":
            return after_customer_upload(case)
        case _:
            return move(case, Status(step), None)
