"""What customers and Customer Care do to a case of the embedded core, beside its statuses."""

from datetime import timedelta

import pytest

from tests.clock import START, MovableClock
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.access import Door, Principal, Role
from transfer.core.accounts import LIFETIME, AccountEnd, AccountId, SftpAccount
from transfer.core.cases import (
    Case,
    CaseNumber,
    CaseUpdate,
    Priority,
    Status,
    UpdateKind,
    close,
)
from transfer.core.closure import CloseReason
from transfer.core.errors import CaseStateError, InvalidRequestError
from transfer.ports import Records

NUMBER = CaseNumber("0003256109")
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
async def case(desk: EmbeddedCaseCore) -> Case:
    return await desk.open("Trace of a hanging node", "ACME", "ada", NUMBER)


async def entries(desk: EmbeddedCaseCore) -> list[tuple[str, str, UpdateKind]]:
    return [(one.author, one.text, one.kind) for one in await desk.updates(NUMBER)]


async def test_a_case_is_opened_with_who_bought_and_how_much_it_presses(
    desk: EmbeddedCaseCore,
) -> None:
    opened = await desk.open(
        "Down", "ACME", "ada", NUMBER, priority=Priority.PRODUCTION_DOWN, sold_to="Reseller"
    )
    assert (opened.priority, opened.sold_to) == (Priority.PRODUCTION_DOWN, "Reseller")
    assert await desk.case(NUMBER) == opened


async def test_a_change_of_priority_is_told_and_kept(
    desk: EmbeddedCaseCore, case: Case, records: Records
) -> None:
    changed = await desk.prioritise(NUMBER, Priority.CRITICAL, "ada")
    assert (changed.priority, changed.version) == (Priority.CRITICAL, 2)
    assert (await entries(desk))[-1] == ("ada", "Priority: Critical.", UpdateKind.ENTRY)
    audited = (await records.audit.events(NUMBER))[-1]
    assert (audited.action, audited.details) == ("case.prioritised", {"priority": "Critical"})
    await desk.close(NUMBER, None, "ada")
    with pytest.raises(CaseStateError, match="closed"):
        await desk.prioritise(NUMBER, Priority.LOW, "ada")


@pytest.mark.parametrize("status", [Status.AWAITING_INFORMATION, Status.SOLUTION_PROPOSED])
async def test_a_comment_of_the_customer_makes_a_waiting_case_ours_again(
    desk: EmbeddedCaseCore, case: Case, status: Status, records: Records
) -> None:
    await desk.move(NUMBER, status, None, "ada")
    commented = await desk.comment(NUMBER, "It was\nthe cable.", "grace", by_customer=True)
    assert (commented.status, commented.substatus) == (Status.OPEN, "Investigation")
    assert (await entries(desk))[-2:] == [
        ("grace", "It was\nthe cable.", UpdateKind.COMMENT),
        ("Case Transfer", "Status: Open (Investigation).", UpdateKind.ENTRY),
    ]
    audited = (await records.audit.events(NUMBER))[-1]
    assert (audited.action, audited.actor, audited.details) == ("case.commented", "grace", {})


async def test_a_comment_of_customer_care_leaves_the_status(
    desk: EmbeddedCaseCore, case: Case
) -> None:
    moved = await desk.move(NUMBER, Status.SOLUTION_PROPOSED, None, "ada")
    commented = await desk.comment(NUMBER, "Did it help?", "ada")
    assert commented.status is Status.SOLUTION_PROPOSED
    assert (commented.wait, commented.version) == (moved.wait, moved.version + 1)
    assert (await entries(desk))[-1] == ("ada", "Did it help?", UpdateKind.COMMENT)


async def test_a_comment_on_an_open_case_is_just_noted(desk: EmbeddedCaseCore, case: Case) -> None:
    commented = await desk.comment(NUMBER, "Any news?", "grace", by_customer=True)
    assert (commented.status, commented.substatus, commented.version) == (Status.OPEN, "New", 2)


@pytest.mark.parametrize("by_customer", [True, False])
async def test_a_closed_case_takes_no_comment(
    desk: EmbeddedCaseCore, case: Case, by_customer: bool
) -> None:
    await desk.close(NUMBER, None, "ada")
    with pytest.raises(CaseStateError, match="reopened"):
        await desk.comment(NUMBER, "One more thing", "grace", by_customer=by_customer)


async def test_a_comment_without_words_changes_nothing(desk: EmbeddedCaseCore, case: Case) -> None:
    with pytest.raises(InvalidRequestError):
        await desk.comment(NUMBER, " ", "grace", by_customer=True)
    with pytest.raises(InvalidRequestError):
        await desk.close(NUMBER, None, "grace", comment="\x00")
    assert await desk.case(NUMBER) == case


async def test_a_case_is_closed_with_a_reason_and_a_comment(
    desk: EmbeddedCaseCore, case: Case, records: Records
) -> None:
    closed = await desk.close(
        NUMBER, None, "grace", reason=CloseReason.NOT_NEEDED, comment="We have moved on."
    )
    assert (closed.substatus, closed.close_reason) == ("Cancelled", "No longer needed")
    assert await desk.case(NUMBER) == closed
    assert (await entries(desk))[-2:] == [
        ("grace", "Case closed: Cancelled (No longer needed).", UpdateKind.ENTRY),
        ("grace", "We have moved on.", UpdateKind.COMMENT),
    ]
    audited = (await records.audit.events(NUMBER))[-1]
    assert audited.details == {"resolution": "Cancelled", "reason": "No longer needed"}


async def test_a_customer_has_a_case_reopened_within_thirty_days_by_saying_why(
    desk: EmbeddedCaseCore, case: Case, clock: MovableClock
) -> None:
    await desk.close(NUMBER, None, "ada", reason=CloseReason.SOLVED)
    clock.advance(30 * DAY)
    for nothing in ("", "  \n"):
        with pytest.raises(InvalidRequestError, match="Write something"):
            await desk.reopen_for_customer(NUMBER, nothing, "grace")
    reopened = await desk.reopen_for_customer(NUMBER, "It hangs again.", "grace")
    assert (reopened.status, reopened.close_reason) == (Status.OPEN, None)
    assert (await entries(desk))[-2:] == [
        ("grace", "Case reopened.", UpdateKind.ENTRY),
        ("grace", "It hangs again.", UpdateKind.COMMENT),
    ]


async def test_afterwards_the_customer_is_told_what_to_do_instead(
    desk: EmbeddedCaseCore, case: Case, clock: MovableClock
) -> None:
    closed = await desk.close(NUMBER, None, "ada")
    clock.advance(30 * DAY + INSTANT)
    with pytest.raises(CaseStateError, match="open a new case, and name 0003256109"):
        await desk.reopen_for_customer(NUMBER, "It hangs again.", "grace")
    assert await desk.case(NUMBER) == closed


async def test_the_time_to_ask_is_the_operator_s(
    records: Records, case: Case, clock: MovableClock
) -> None:
    strict = EmbeddedCaseCore(
        records=records, clock=clock, new_id=lambda: "another", reopening=7 * DAY
    )
    await strict.close(NUMBER, None, "ada")
    clock.advance(7 * DAY + INSTANT)
    with pytest.raises(CaseStateError, match="7 days"):
        await strict.reopen_for_customer(NUMBER, "It hangs again.", "grace")
    reopened = await strict.reopen(NUMBER, "ada", information="They called.")
    assert not reopened.is_closed
    assert (await strict.updates(NUMBER))[-1] == CaseUpdate(
        at=clock.now(), author="ada", text="They called.", kind=UpdateKind.COMMENT
    )


async def test_reopening_does_not_bring_back_an_account_that_a_crash_amid_the_closing_left(
    desk: EmbeddedCaseCore, case: Case, records: Records
) -> None:
    account = SftpAccount(
        id=AccountId("a1"),
        case_number=NUMBER,
        username="c-x7",
        password_hash=bytes(32),
        sealed_password=b"sealed",
        issued_by="ada",
        issued_at=START,
        expires_at=START + LIFETIME,
    )
    await records.accounts.insert(account, Principal(name="ada", role=Role.ANALYST, door=Door.HTTP))
    # As the closing does it, up to where it ends the accounts.
    assert await records.cases.save(close(case, None, START), expected_version=1)
    await desk.reopen(NUMBER, "ada")
    assert (await records.accounts.account(account.id)).end is AccountEnd.CASE_CLOSED
