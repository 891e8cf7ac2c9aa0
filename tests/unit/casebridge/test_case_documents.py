"""A case as JSON, to and fro."""

import json
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import START
from tests.unit.casebridge.scripted_core import NUMBER, a_case, closed
from transfer.casebridge.case_documents import (
    case_document,
    case_of,
    event_document,
    parse_case,
    parse_changes,
)
from transfer.core.cases import Case, CaseNumber, Hold, Priority, Status
from transfer.core.contacts import Contact, ContactKind
from transfer.core.errors import CaseContradictionError
from transfer.ports import CaseEvent

printable = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=50)
moments = st.integers(-(10**9), 10**9).map(lambda seconds: START + timedelta(seconds=seconds))
people = st.builds(
    Contact,
    account=printable,
    person=printable,
    kind=st.sampled_from(ContactKind),
    email=st.none() | printable,
    language=st.none() | st.just("de"),
)
cases = st.builds(
    a_case,
    st.from_regex(r"[0-9]{10}", fullmatch=True, alphabet=st.sampled_from("0123456789")),
    subject=st.text(st.characters(exclude_categories=["C"]), max_size=50),
    account=printable,
    sold_to=st.none() | printable,
    status=st.sampled_from(Status),
    substatus=printable,
    priority=st.sampled_from(Priority),
    region=st.none() | printable,
    opened_at=moments,
    closed_at=st.none() | moments,
    close_reason=st.none() | printable,
    version=st.integers(1, 2**53 - 1),
    contacts=st.lists(people, max_size=3).map(tuple),
)


@given(cases)
def test_a_case_comes_back_as_it_was(case: Case) -> None:
    assert case_of(case_document(case)) == case


def test_what_is_ours_of_a_case_is_not_told() -> None:
    hold = Hold(reason="A claim", placed_by="eve", placed_at=START)
    ours = replace(a_case(), hold=hold, purge_started_at=START, purged_at=START, as_of=START)
    assert case_of(case_document(ours)) == a_case()


def test_times_are_told_in_utc() -> None:
    there = timezone(timedelta(hours=2))
    case = closed(a_case(), opened_at=START.astimezone(there), closed_at=START.astimezone(there))
    assert case_document(case)["closed_at"] == "2026-03-02T09:00:00Z"
    assert case_document(case)["opened_at"] == "2026-03-02T09:00:00Z"


def test_times_of_another_zone_are_read_as_utc() -> None:
    document = {**case_document(a_case()), "opened_at": "2026-03-02T11:00:00+02:00"}
    assert case_of(document).opened_at.tzinfo is UTC


def test_what_is_wrong_is_named_and_what_it_has_is_not() -> None:
    with pytest.raises(CaseContradictionError, match=r"wrong: status") as refused:
        case_of({**case_document(a_case()), "status": "secret"})
    assert "secret" not in refused.value.message


def test_what_is_no_json_is_wrong_as_a_whole() -> None:
    with pytest.raises(CaseContradictionError, match="the whole"):
        parse_case(b"{")


def test_a_page_has_its_cases_and_where_to_go_on() -> None:
    page = parse_changes(
        json.dumps({"cases": [case_document(a_case())], "cursor": "7", "more": True})
    )
    assert ([case.number for case in page.cases], page.cursor, page.more) == ([NUMBER], "7", True)


def test_a_page_without_a_cursor_is_none() -> None:
    with pytest.raises(CaseContradictionError, match="cursor"):
        parse_changes(json.dumps({"cases": [], "cursor": "", "more": False}))


def test_a_moment_outside_the_calendar_is_garbage() -> None:
    document = {**case_document(a_case()), "opened_at": "0001-01-01T00:00:00+23:00"}
    with pytest.raises(CaseContradictionError):
        case_of(document)
    page = parse_changes(json.dumps({"cases": [document], "cursor": "7", "more": True}))
    assert (page.cases, page.unreadable) == ((), (NUMBER,))


@pytest.mark.parametrize("raw", [b"\xff", b"7", b"[" * 100_000, b'{"cases": {}}'])
def test_what_is_no_page_is_garbage(raw: bytes) -> None:
    with pytest.raises(CaseContradictionError):
        parse_changes(raw)


def test_a_case_that_is_nested_too_deeply_is_garbage() -> None:
    document: dict[str, Any] = {}
    for _ in range(5000):
        document = {"more": document}
    with pytest.raises(CaseContradictionError):
        case_of(document)


def test_an_event_is_a_cloud_event() -> None:
    event = CaseEvent(
        id="e1", type="file.received", case_number=CaseNumber(NUMBER), at=START, data={"size": 1}
    )
    assert event_document(event, "urn:here") == {
        "specversion": "1.0",
        "id": "e1",
        "source": "urn:here",
        "type": "file.received",
        "subject": NUMBER,
        "time": "2026-03-02T09:00:00Z",
        "datacontenttype": "application/json",
        "data": {"size": 1},
    }
