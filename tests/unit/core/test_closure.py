"""Why cases are closed, and until when they are reopened for their customers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.cases import Case, CaseId, CaseNumber, Status
from transfer.core.closure import (
    LONGEST_COMMENT,
    REOPENING,
    CloseReason,
    close_for,
    parse_close_reason,
    parse_comment,
    reopen_for_customer,
)
from transfer.core.errors import CaseStateError, InvalidRequestError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)

CASE = Case(
    number=CaseNumber("0003256109"),
    id=CaseId("k3"),
    subject="Trace of a hanging node",
    account="ACME",
    status=Status.OPEN,
    substatus="New",
    opened_at=NOW,
)


@pytest.mark.parametrize(
    ("reason", "resolution"),
    [
        (CloseReason.SOLVED, "Resolved"),
        (CloseReason.SOLVED_BY_CUSTOMER, "Resolved"),
        (CloseReason.NOT_NEEDED, "Cancelled"),
        (CloseReason.DUPLICATE, "Cancelled"),
        (None, "Resolved"),
    ],
)
def test_the_resolution_follows_from_the_reason(
    reason: CloseReason | None, resolution: str
) -> None:
    closed = close_for(CASE, reason, None, NOW)
    assert (closed.substatus, closed.close_reason) == (resolution, reason)


def test_a_resolution_that_is_named_wins() -> None:
    assert close_for(CASE, CloseReason.NOT_NEEDED, "resolved", NOW).substatus == "Resolved"


def test_a_reason_is_read_whatever_its_letters_case() -> None:
    assert parse_close_reason("no longer NEEDED") is CloseReason.NOT_NEEDED


def test_an_unknown_reason_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidRequestError, match="Duplicate of another case"):
        parse_close_reason("Bored")


def test_a_customer_may_ask_for_reopening_for_thirty_days() -> None:
    closed = close_for(CASE, None, None, NOW)
    reopened = reopen_for_customer(closed, NOW + REOPENING)
    assert (reopened.status, reopened.substatus) == (Status.OPEN, "Investigation")
    assert (reopened.closed_at, reopened.close_reason) == (None, None)


def test_afterwards_they_are_told_what_to_do_instead() -> None:
    closed = close_for(CASE, None, None, NOW)
    with pytest.raises(CaseStateError, match=r"30 days ago.*open a new case.*0003256109"):
        reopen_for_customer(closed, NOW + REOPENING + INSTANT)


def test_what_is_open_is_not_reopened_for_them() -> None:
    with pytest.raises(CaseStateError, match="isn't closed"):
        reopen_for_customer(CASE, NOW)


def test_a_comment_keeps_its_lines_and_loses_what_surrounds_it() -> None:
    assert parse_comment("  It hangs:\r\n\tonce a day\n\n") == "It hangs:\n\tonce a day"


@pytest.mark.parametrize("text", [None, "", " \r\n\t "])
def test_nothing_is_no_comment(text: str | None) -> None:
    with pytest.raises(InvalidRequestError, match="Write something"):
        parse_comment(text)


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[31mred", "a\x7fb", "half \ud83d", "a\rb"])
def test_what_is_no_text_is_no_comment(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="control characters"):
        parse_comment(text)


def test_a_comment_has_its_limit() -> None:
    assert len(parse_comment("é" * LONGEST_COMMENT)) == LONGEST_COMMENT
    with pytest.raises(InvalidRequestError, match="at most"):
        parse_comment("é" * (LONGEST_COMMENT + 1))


@given(st.text())
def test_what_is_a_comment_stays_one(text: str) -> None:
    try:
        once = parse_comment(text)
    except InvalidRequestError:
        return
    assert parse_comment(once) == once
    once.encode()
