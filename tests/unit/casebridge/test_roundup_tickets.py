"""What a ticket of a tracker is to us, and what it can't be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from transfer.casebridge.roundup_tickets import (
    TicketMapping,
    moment_of,
    place_of,
    version_of,
)
from transfer.core.cases import NO_ID, Priority, Status
from transfer.core.errors import CaseContradictionError

MAPPING = TicketMapping(
    kind="issue",
    fields={
        "subject": "title",
        "account": "creator.organisation",
        "status": "status.name",
        "priority": "priority.name",
        "closed_at": "closed_at",
    },
    statuses={
        "new": (Status.OPEN, "New"),
        "looked-at": (Status.OPEN, "Investigation"),
        "asked": (Status.AWAITING_INFORMATION, "Third Party Pending"),
        "done": (Status.CLOSED, "Resolved"),
    },
    priorities={"urgent": Priority.CRITICAL},
)
CHANGED = datetime(2026, 3, 2, 9, 0, 7, tzinfo=UTC)
LATER = CHANGED + timedelta(minutes=1)


def ticket(**changes: object) -> dict[str, Any]:
    told = {
        "id": "42",
        "title": "Crash",
        "creator.organisation": "Example Ltd",
        "status.name": "new",
        "priority.name": "urgent",
        "closed_at": None,
        "creation": "2026-03-01.08:00:00",
        "activity": "2026-03-02.09:00:07",
    }
    return {**told, **{name.replace("__", "."): value for name, value in changes.items()}}


def test_a_ticket_is_the_case_of_its_id() -> None:
    case = MAPPING.case_of(ticket(), LATER)
    assert (case.number, case.id) == ("0000000042", NO_ID)
    assert (case.subject, case.account) == ("Crash", "Example Ltd")
    assert (case.status, case.substatus) == (Status.OPEN, "New")
    assert case.priority is Priority.CRITICAL
    assert case.opened_at == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert (case.closed_at, case.region, case.sold_to) == (None, None, None)


def test_what_is_not_told_is_as_little_as_can_be() -> None:
    told = ticket(creator__organisation=None, priority__name=None, title=" ")
    case = MAPPING.case_of(told, LATER)
    assert (case.subject, case.account, case.priority) == ("", "Unknown", Priority.MEDIUM)


def test_a_closed_ticket_says_since_when_and_a_reopened_one_no_more() -> None:
    told = ticket(status__name="done", closed_at="2026-03-02.08:59:00.250")
    assert MAPPING.case_of(told, LATER).closed_at == datetime(2026, 3, 2, 8, 59, tzinfo=UTC)
    reopened = ticket(closed_at="2026-03-02.08:59:00")
    assert MAPPING.case_of(reopened, LATER).closed_at is None
    assert MAPPING.case_of(ticket(status__name="done"), LATER).closed_at is None  # refused later


def test_the_number_may_be_a_property_that_not_every_ticket_has() -> None:
    mapping = replace(MAPPING, fields={**MAPPING.fields, "number": "case"})
    assert mapping.case_of(ticket(case="3256109"), LATER).number == "0003256109"
    assert (mapping.number_property, MAPPING.number_property) == ("case", None)
    for none in (None, 7, "", "x1", "٣", "12345678901"):
        assert mapping.number_of(ticket(case=none)) is None
        with pytest.raises(CaseContradictionError):
            mapping.case_of(ticket(case=none), LATER)


@pytest.mark.parametrize(
    "changes",
    [
        {"status__name": "on-hold"},
        {"status__name": None},
        {"status__name": 7},
        {"activity": None},
        {"activity": "yesterday"},
        {"activity": "2026-02-30.09:00:00"},
        {"creation": 7},
        {"status__name": "done", "closed_at": "soon"},
        {"title": "x" * 3000},
    ],
)
def test_what_cannot_be_a_case_is_a_contradiction(changes: dict[str, object]) -> None:
    with pytest.raises(CaseContradictionError):
        MAPPING.case_of(ticket(**changes), LATER)


@pytest.mark.parametrize("ticket_id", [None, 42, "", "x", "٤٢"])
def test_a_ticket_without_an_id_has_no_place(ticket_id: object) -> None:
    assert place_of(ticket()) == (CHANGED, 42)
    with pytest.raises(CaseContradictionError):
        place_of(ticket(id=ticket_id))


def test_a_status_has_a_name_there_if_any_is_like_it() -> None:
    assert MAPPING.name_of(Status.OPEN, "Investigation") == "looked-at"
    assert MAPPING.name_of(Status.OPEN, "Engineering Request") == "new"
    assert MAPPING.name_of(Status.SOLUTION_PROPOSED, "Replied") is None
    assert MAPPING.status_property == "status"


def test_what_is_told_in_the_second_of_a_change_is_older_than_what_is_told_after_it() -> None:
    versions = [
        version_of(CHANGED, CHANGED),
        version_of(CHANGED, CHANGED + timedelta(seconds=2)),
        version_of(CHANGED + timedelta(seconds=1), CHANGED),
        version_of(CHANGED + timedelta(seconds=1), LATER),
    ]
    assert versions == sorted(set(versions))
    assert version_of(CHANGED, CHANGED + timedelta(seconds=1)) == versions[0]


def test_fields_are_asked_for_by_their_names_there() -> None:
    assert MAPPING.wanted == (
        "activity,closed_at,creation,creator.organisation,priority.name,status.name,title"
    )


def test_a_stamp_is_utc() -> None:
    assert moment_of("2026-03-02.09:00:07") == CHANGED
