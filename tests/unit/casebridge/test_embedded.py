"""The case core that runs from here."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.clock import START, MovableClock
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.access import Door, Principal, Role
from transfer.core.accounts import LIFETIME, AccountEnd, AccountId, SftpAccount
from transfer.core.cases import Case, CaseNumber, CaseUpdate, Priority, Status
from transfer.core.errors import CaseMissingError, CaseStateError, NameTakenError
from transfer.ports import CaseCore, CaseDesk, CaseEvent, CaseRecords, Records

NUMBER = CaseNumber("0003256109")
DIGEST = "ab" * 32


@pytest.fixture
async def case(desk: EmbeddedCaseCore) -> Case:
    return await desk.open("Trace of a hanging node", "ACME", "ada", NUMBER)


def a_file(name: str = "app.log", **data: object) -> CaseEvent:
    known: dict[str, object] = {
        "path": name,
        "size": 1_258_291,
        "sha256": DIGEST,
        "direction": "from_customer",
        "sent_by": "customer",
    }
    return CaseEvent(
        id=f"received-{name}",
        type="file.received",
        case_number=NUMBER,
        at=START,
        data={**known, **data},
    )


async def history(desk: EmbeddedCaseCore) -> list[str]:
    return [update.text for update in await desk.updates(NUMBER)]


async def audited(records: Records) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (event.action, event.actor, dict(event.details))
        for event in await records.audit.events(NUMBER)
    ]


class _Chased:
    """Case records in which someone else is always faster; the rest is real."""

    def __init__(self, cases: CaseRecords) -> None:
        self._cases = cases
        self.saves = 0
        self.inserts = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the real one has
        return getattr(self._cases, name)

    async def save(self, *_: object, **__: object) -> bool:
        self.saves += 1
        return False

    note = save

    async def insert(self, *_: object, **__: object) -> None:
        self.inserts += 1
        raise NameTakenError("taken")


def chased(records: Records, clock: MovableClock) -> tuple[EmbeddedCaseCore, _Chased]:
    cases: Any = _Chased(records.cases)
    return EmbeddedCaseCore(
        records=replace(records, cases=cases), clock=clock, new_id=lambda: "another"
    ), cases


# ── Opening ──────────────────────────────────────────────────────────────────────────────────


async def test_it_plays_the_roles_of_a_case_core_and_a_desk(desk: EmbeddedCaseCore) -> None:
    as_core: CaseCore = desk
    as_desk: CaseDesk = desk
    assert as_core is as_desk


async def test_the_first_case_has_the_number_one_and_each_next_one_more(
    desk: EmbeddedCaseCore,
) -> None:
    first = await desk.open("First", "ACME", "ada")
    second = await desk.open("Second", "ACME", "ada")
    assert (first.number, second.number) == ("0000000001", "0000000002")
    assert first.id != second.id
    assert (first.status, first.substatus, first.opened_at) == (Status.OPEN, "New", START)


async def test_numbers_go_on_from_the_highest_given(desk: EmbeddedCaseCore, case: Case) -> None:
    assert case.number == NUMBER
    assert (await desk.open("Next", "ACME", "ada")).number == "0003256110"


async def test_a_number_in_use_is_not_given_twice(desk: EmbeddedCaseCore, case: Case) -> None:
    with pytest.raises(NameTakenError):
        await desk.open("Again", "ACME", "ada", NUMBER)
    assert await desk.case(NUMBER) == case


async def test_a_given_number_is_tried_once(records: Records, clock: MovableClock) -> None:
    desk, cases = chased(records, clock)
    with pytest.raises(NameTakenError):
        await desk.open("Again", "ACME", "ada", NUMBER)
    assert cases.inserts == 1


async def test_cases_opened_at_the_same_time_all_get_a_number_of_their_own(
    desk: EmbeddedCaseCore,
) -> None:
    opened = await asyncio.gather(*(desk.open(f"Case {n}", "ACME", "ada") for n in range(12)))
    assert sorted(case.number for case in opened) == [f"{n:010}" for n in range(1, 13)]


async def test_after_the_highest_possible_number_one_has_to_be_given(
    desk: EmbeddedCaseCore,
) -> None:
    await desk.open("Last", "ACME", "ada", CaseNumber("9999999999"))
    with pytest.raises(NameTakenError, match="give a free one"):
        await desk.open("One more", "ACME", "ada")


async def test_opening_gives_up_when_others_are_always_faster(
    records: Records, clock: MovableClock
) -> None:
    desk, cases = chased(records, clock)
    with pytest.raises(NameTakenError, match="try again"):
        await desk.open("Unlucky", "ACME", "ada")
    assert 10 < cases.inserts < 100


async def test_cases_are_listed_newest_first_and_by_status(
    desk: EmbeddedCaseCore, clock: MovableClock
) -> None:
    first = await desk.open("First", "ACME", "ada")
    clock.advance(1)
    second = await desk.open("Second", "ACME", "ada")
    await desk.close(first.number, None, "ada")
    assert [case.number for case in await desk.cases()] == [second.number, first.number]
    assert [case.number for case in await desk.cases(Status.CLOSED)] == [first.number]
    assert len(await desk.cases(limit=1)) == 1


async def test_a_case_that_is_not_there_is_missing_to_every_question(
    desk: EmbeddedCaseCore,
) -> None:
    for question in (
        desk.case(NUMBER),
        desk.updates(NUMBER),
        desk.close(NUMBER, None, "ada"),
        desk.tell(a_file()),
    ):
        with pytest.raises(CaseMissingError):
            await question


# ── Changes ──────────────────────────────────────────────────────────────────────────────────


async def test_each_change_is_kept_with_who_made_it_in_history_and_audit(
    desk: EmbeddedCaseCore, case: Case, records: Records
) -> None:
    await desk.move(NUMBER, Status.AWAITING_INFORMATION, "Third Party Pending", "grace")
    await desk.close(NUMBER, "Cancelled", "ada")
    await desk.reopen(NUMBER, "grace")
    await desk.hold(NUMBER, "Litigation", "root")
    await desk.unhold(NUMBER, "root")
    assert await desk.updates(NUMBER) == [
        CaseUpdate(at=START, author="ada", text="Case opened."),
        CaseUpdate(
            at=START, author="grace", text="Status: Awaiting Information (Third Party Pending)."
        ),
        CaseUpdate(at=START, author="ada", text="Case closed: Cancelled."),
        CaseUpdate(at=START, author="grace", text="Case reopened."),
        CaseUpdate(at=START, author="root", text="Hold placed on the data: Litigation"),
        CaseUpdate(at=START, author="root", text="Hold lifted."),
    ]
    assert await audited(records) == [
        ("case.opened", "ada", {}),
        (
            "case.moved",
            "grace",
            {"status": "Awaiting Information", "substatus": "Third Party Pending"},
        ),
        ("case.closed", "ada", {"resolution": "Cancelled"}),
        ("case.reopened", "grace", {}),
        ("case.held", "root", {"reason": "Litigation"}),
        ("case.unheld", "root", {}),
    ]
    assert (await desk.case(NUMBER)).version == case.version + 5


async def test_closing_notes_the_time_and_reopening_forgets_it(
    desk: EmbeddedCaseCore, case: Case, clock: MovableClock
) -> None:
    clock.advance(timedelta(days=2))
    closed = await desk.close(NUMBER, None, "ada")
    assert (closed.closed_at, closed.substatus) == (START + timedelta(days=2), "Resolved")
    assert await desk.case(NUMBER) == closed
    assert (await desk.reopen(NUMBER, "ada")).closed_at is None


async def test_closing_ends_the_accounts_for_good(
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
    analyst = Principal(name="ada", role=Role.ANALYST, door=Door.HTTP)
    await records.accounts.insert(account, analyst)
    await desk.close(NUMBER, None, "ada")
    await desk.reopen(NUMBER, "ada")
    ended = await records.accounts.account(account.id)
    assert (ended.end, ended.sealed_password) == (AccountEnd.CASE_CLOSED, None)


async def test_what_the_rules_refuse_changes_nothing(
    desk: EmbeddedCaseCore, case: Case, records: Records
) -> None:
    with pytest.raises(CaseStateError):
        await desk.reopen(NUMBER, "ada")
    with pytest.raises(CaseStateError):
        await desk.unhold(NUMBER, "ada")
    assert await desk.case(NUMBER) == case
    assert len(await desk.updates(NUMBER)) == len(await audited(records)) == 1


async def test_a_hold_says_why_since_when_and_by_whom(desk: EmbeddedCaseCore, case: Case) -> None:
    held = await desk.hold(NUMBER, "Litigation", "root")
    assert held.hold is not None
    assert (held.hold.reason, held.hold.placed_by, held.hold.placed_at) == (
        "Litigation",
        "root",
        START,
    )
    assert (await desk.unhold(NUMBER, "root")).hold is None


async def test_a_held_case_is_not_held_again_so_that_the_first_reason_stays(
    desk: EmbeddedCaseCore, case: Case
) -> None:
    await desk.hold(NUMBER, "Litigation", "root")
    with pytest.raises(CaseStateError, match="already"):
        await desk.hold(NUMBER, "Another", "root")
    hold = (await desk.case(NUMBER)).hold
    assert hold is not None
    assert hold.reason == "Litigation"


async def test_data_that_is_gone_can_not_be_held(
    desk: EmbeddedCaseCore, case: Case, records: Records, clock: MovableClock
) -> None:
    closed = await desk.close(NUMBER, None, "ada")
    assert await records.cases.start_purge(NUMBER, expected_version=closed.version, now=clock.now())
    await records.cases.finish_purge(NUMBER, clock.now())
    with pytest.raises(CaseStateError, match="gone"):
        await desk.hold(NUMBER, "Too late", "root")


async def test_of_many_who_close_at_once_one_does_and_the_others_are_told(
    desk: EmbeddedCaseCore, case: Case
) -> None:
    outcomes = await asyncio.gather(
        *(desk.close(NUMBER, None, f"analyst {n}") for n in range(8)), return_exceptions=True
    )
    closed = [outcome for outcome in outcomes if isinstance(outcome, Case)]
    assert len(closed) == 1
    assert sum(isinstance(outcome, CaseStateError) for outcome in outcomes) == 7
    assert len(await history(desk)) == 2


async def test_reopening_and_the_begin_of_deletion_never_both_happen(
    desk: EmbeddedCaseCore, case: Case, records: Records, clock: MovableClock
) -> None:
    for _ in range(5):
        closed = await desk.close(NUMBER, None, "ada")
        reopened, begun = await asyncio.gather(
            desk.reopen(NUMBER, "grace"),
            records.cases.start_purge(NUMBER, expected_version=closed.version, now=clock.now()),
            return_exceptions=True,
        )
        assert isinstance(reopened, Case) != (begun is True)
        if begun is True:
            break


async def test_a_change_gives_up_when_others_always_change_first(
    records: Records, clock: MovableClock, case: Case
) -> None:
    desk, cases = chased(records, clock)
    with pytest.raises(CaseStateError, match="retry"):
        await desk.close(NUMBER, None, "ada")
    assert 10 < cases.saves < 100
    with pytest.raises(CaseStateError, match="again"):
        await desk.tell(a_file())


# ── Events ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [Status.AWAITING_INFORMATION, Status.SOLUTION_PROPOSED])
async def test_a_file_from_the_customer_makes_a_waiting_case_ours_again(
    desk: EmbeddedCaseCore, case: Case, status: Status
) -> None:
    await desk.move(NUMBER, status, None, "ada")
    await desk.tell(a_file())
    present = await desk.case(NUMBER)
    assert (present.status, present.substatus) == (Status.OPEN, "Investigation")
    assert (await desk.updates(NUMBER))[-1] == CaseUpdate(
        at=START,
        author="customer",
        text=f"File received: app.log (1.2 MiB, SHA-256 {DIGEST}). Status: Open (Investigation).",
    )


@pytest.mark.parametrize("substatus", ["Third Party Pending", "Information Required From Customer"])
async def test_a_file_that_came_before_the_question_and_is_told_after_it_does_not_answer_it(
    desk: EmbeddedCaseCore, case: Case, clock: MovableClock, substatus: str
) -> None:
    early = a_file("early.log")
    clock.advance(timedelta(seconds=5))
    await desk.move(NUMBER, Status.AWAITING_INFORMATION, substatus, "ada")
    await desk.tell(early)
    assert (await desk.case(NUMBER)).status is Status.AWAITING_INFORMATION
    assert len(await desk.updates(NUMBER)) == 3
    clock.advance(timedelta(seconds=5))
    await desk.prioritise(NUMBER, Priority.HIGH, "ada")
    await desk.tell(replace(early, id="later", at=clock.now() - timedelta(seconds=1)))
    assert (await desk.case(NUMBER)).status is Status.OPEN


async def test_an_event_that_is_told_again_changes_nothing(
    desk: EmbeddedCaseCore, case: Case
) -> None:
    await desk.tell(a_file())
    await desk.move(NUMBER, Status.SOLUTION_PROPOSED, None, "ada")
    before = await desk.case(NUMBER), await desk.updates(NUMBER)
    await desk.tell(a_file())
    assert (await desk.case(NUMBER), await desk.updates(NUMBER)) == before


async def test_a_file_that_arrives_after_closing_is_told_and_does_not_reopen(
    desk: EmbeddedCaseCore, case: Case
) -> None:
    closed = await desk.close(NUMBER, None, "ada")
    await desk.tell(a_file())
    assert await desk.case(NUMBER) == closed
    assert (await history(desk))[-1].startswith("File received: app.log")


async def test_a_shared_file_is_told_and_leaves_the_status(
    desk: EmbeddedCaseCore, case: Case
) -> None:
    moved = await desk.move(NUMBER, Status.AWAITING_INFORMATION, None, "ada")
    await desk.tell(a_file("shared/fix.zip", direction="shared_with_customer", sent_by="ada"))
    assert await desk.case(NUMBER) == moved
    assert "shared with the customer" in (await history(desk))[-1]


async def test_an_account_is_told_without_changing_the_case(
    desk: EmbeddedCaseCore, case: Case
) -> None:
    await desk.tell(
        CaseEvent(
            id="account-issued-a1",
            type="account.issued",
            case_number=NUMBER,
            at=START,
            data={"username": "c-x7", "actor": "ada"},
        )
    )
    assert await desk.case(NUMBER) == case
    assert (await desk.updates(NUMBER))[-1] == CaseUpdate(
        at=START, author="ada", text="SFTP account c-x7 issued."
    )


async def test_an_event_of_an_unknown_type_makes_no_entry(
    desk: EmbeddedCaseCore, case: Case
) -> None:
    await desk.tell(replace(a_file(), type="upload.renamed"))
    assert await history(desk) == ["Case opened."]


async def test_events_told_side_by_side_and_twice_are_each_applied_once(
    desk: EmbeddedCaseCore, case: Case
) -> None:
    await desk.move(NUMBER, Status.AWAITING_INFORMATION, None, "ada")
    events = [a_file(f"{n}.log") for n in range(10)]
    await asyncio.gather(*(desk.tell(event) for event in events * 2))
    texts = (await history(desk))[2:]
    assert len(texts) == 10
    assert sum("Status: Open" in text for text in texts) == 1


async def test_events_told_together_are_noted_in_their_order(
    desk: EmbeddedCaseCore, case: Case
) -> None:
    await desk.move(NUMBER, Status.AWAITING_INFORMATION, None, "ada")
    await desk.tell(a_file("0.log"))
    await desk.move(NUMBER, Status.AWAITING_INFORMATION, None, "ada")
    await desk.tell(*(a_file(f"{n}.log") for n in range(3)))
    texts = (await history(desk))[-2:]
    assert texts[0].startswith("File received: 1.log")
    assert texts[0].endswith("Status: Open (Investigation).")
    assert texts[1].startswith("File received: 2.log")
    assert "Status" not in texts[1]
