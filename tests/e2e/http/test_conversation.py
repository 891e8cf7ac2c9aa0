"""What customers and Customer Care say and do to a case over the API."""

from datetime import timedelta

import pytest

from tests.e2e.http.http_room import HttpRoom, Parsed
from tests.engine_room import NUMBER
from transfer.core.access import Role
from transfer.core.contacts import Contact, ContactKind

CASE = f"/api/v1/cases/{NUMBER}"
ASKED = {"status": "Awaiting Information", "substatus": "Information Required From Customer"}


async def said(room: HttpRoom) -> list[tuple[str, str, str]]:
    updates = (await room.ask("GET", f"{CASE}/updates")).json()["updates"]
    return [(update["author"], update["kind"], update["text"]) for update in updates]


async def test_a_customer_s_comment_makes_a_case_that_waited_for_them_open(room: HttpRoom) -> None:
    moved = await room.ask("POST", f"{CASE}/status", who="analyst", json=ASKED)
    assert moved.json()["waiting_since"].startswith("2026-03-02T09:00:0")
    answered = await room.ask("POST", f"{CASE}/updates", json={"text": "It was\nthe cable."})
    assert answered.status == 200
    assert (answered.json()["status"], answered.json()["waiting_since"]) == ("Open", None)
    assert (await said(room))[-2:] == [
        ("designated", "comment", "It was\nthe cable."),
        ("Case Transfer", "entry", "Status: Open (Investigation)."),
    ]


async def test_customer_care_s_comment_leaves_the_case_waiting(room: HttpRoom) -> None:
    await room.ask("POST", f"{CASE}/status", who="analyst", json=ASKED)
    commented = await room.ask("POST", f"{CASE}/updates", who="analyst", json={"text": "Any news?"})
    assert commented.json()["status"] == "Awaiting Information"
    assert (await said(room))[-1] == ("analyst", "comment", "Any news?")


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "\u0000"}, {"text": "a" * 10_001}])
async def test_what_is_no_comment_is_refused(room: HttpRoom, body: Parsed) -> None:
    answer = await room.ask("POST", f"{CASE}/updates", json=body)
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert len(await said(room)) == 1


async def test_a_customer_closes_with_a_reason_and_a_comment(room: HttpRoom) -> None:
    for body in (
        {},
        {"resolution": "Resolved"},
        {"reason": "No longer needed"},
        {"comment": "We moved."},
        {"reason": "Bored", "comment": "We moved."},
        {"reason": "No longer needed", "comment": " "},
    ):
        refused = await room.ask("POST", f"{CASE}/close", json=body)
        assert (refused.status, refused.code) == (400, "invalid-request")
    closing = {"reason": "No longer needed", "comment": "We moved."}
    closed = await room.ask("POST", f"{CASE}/close", json=closing)
    assert (closed.json()["substatus"], closed.json()["close_reason"]) == (
        "Cancelled",
        "No longer needed",
    )
    assert (await said(room))[-1] == ("designated", "comment", "We moved.")


async def test_a_customer_has_a_case_reopened_within_thirty_days(room: HttpRoom) -> None:
    await room.ask("POST", f"{CASE}/close", who="analyst")
    silent = await room.ask("POST", f"{CASE}/reopen")
    assert (silent.status, silent.code) == (400, "invalid-request")
    why = {"information": "It hangs again."}
    assert (await room.ask("POST", f"{CASE}/reopen", json=why)).json()["status"] == "Open"
    await room.ask("POST", f"{CASE}/close", who="analyst")
    closed_at = (await room.engine.core.case(NUMBER)).closed_at
    assert closed_at is not None
    room.engine.clock.set(closed_at + timedelta(days=30, seconds=1))
    for role, number in ((Role.DESIGNATED, NUMBER), (Role.ANALYST, None)):
        # What they came with then has expired.
        issued = await room.engine.tokens.issue(role, role.value, number, issued_by="test")
        room.tokens[role.value] = issued[1]
    late = await room.ask("POST", f"{CASE}/reopen", json=why)
    assert (late.status, late.code) == (409, "case-state")
    assert f"open a new case, and name {NUMBER}" in late.json()["detail"]
    by_care = await room.ask("POST", f"{CASE}/reopen", who="analyst", json=why)
    assert by_care.json()["status"] == "Open"


async def test_customer_care_says_how_much_a_case_presses(room: HttpRoom) -> None:
    changed = await room.ask(
        "POST", f"{CASE}/priority", who="analyst", json={"priority": "production down"}
    )
    assert changed.json()["priority"] == "Production Down"
    wrong = await room.ask("POST", f"{CASE}/priority", who="analyst", json={"priority": "x"})
    assert (wrong.status, wrong.code) == (400, "invalid-request")
    opened = await room.ask(
        "POST",
        "/api/v1/cases",
        who="analyst",
        json={"subject": "s", "account": "ACME", "sold_to": "Reseller", "priority": "low"},
    )
    assert opened.json()["priority"] == "Low"


async def test_a_contact_who_was_removed_finds_nothing_any_more(room: HttpRoom) -> None:
    contacts = room.engine.records.contacts
    account = (await room.engine.core.case(NUMBER)).account
    grace = Contact(account=account, person="grace", kind=ContactKind.DESIGNATED)
    await contacts.put(grace)
    for path in (CASE, f"{CASE}/files"):
        answer = await room.ask("GET", path)
        assert (answer.status, answer.code) == (404, "case-not-found")
    assert (await room.ask("GET", "/api/v1/cases")).json()["cases"] == []
    await contacts.put(Contact(account=account, person="designated", kind=ContactKind.READ_ONLY))
    assert (await room.ask("GET", CASE)).json()["may"] == ["see", "download"]
    assert (await room.ask("GET", CASE, who="analyst")).status == 200
