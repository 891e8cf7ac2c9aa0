"""The worker of follow-ups, by a clock that tests move."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clock import START, MovableClock
from tests.contract.records.scenario import finished, receive
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.follow_ups import FOLLOW_UP, FollowUps
from transfer.core.access import Door, Principal, Role
from transfer.core.accounts import LIFETIME, AccountEnd, AccountId, SftpAccount
from transfer.core.cases import Case, CaseNumber, CustomerWait, Priority, Status
from transfer.core.errors import RecordsUnavailableError
from transfer.core.follow_ups import DayCount, FollowUpPlan
from transfer.ports import CaseEvent, Records

NUMBER = CaseNumber("0003256109")
ASKED = "Information Required From Customer"
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
REMINDED = "Customer Care has waited for an answer for"
ANALYST = Principal(name="ada", role=Role.ANALYST, door=Door.HTTP)

Worker = Callable[..., FollowUps]


@pytest.fixture
async def case(desk: EmbeddedCaseCore) -> Case:
    await desk.open("Trace of a hanging node", "ACME", "ada", NUMBER)
    return await desk.move(NUMBER, Status.AWAITING_INFORMATION, ASKED, "ada")


@pytest.fixture
def worker(records: Records, clock: MovableClock) -> Worker:
    async def never() -> bool:
        return False

    def make(
        plan: FollowUpPlan | None = None,
        *,
        on: Records = records,
        doubts_clock: Callable[[], Awaitable[bool]] | None = None,
    ) -> FollowUps:
        return FollowUps(
            records=on, clock=clock, plan=plan or FollowUpPlan(), doubts_clock=doubts_clock or never
        )

    return make


async def texts(desk: EmbeddedCaseCore) -> list[str]:
    return [update.text for update in await desk.updates(NUMBER)]


async def told(records: Records, clock: MovableClock) -> list[CaseEvent]:
    """Return what the outbox has of follow-ups, undelivered."""
    now = clock.now()
    events = await records.outbox.claim("test", now, now, 100)
    return [event for event in events if event.type == FOLLOW_UP]


def a_file() -> CaseEvent:
    return CaseEvent(
        id="received-1",
        type="file.received",
        case_number=NUMBER,
        at=START,
        data={"path": "app.log", "direction": "from_customer", "sent_by": "customer"},
    )


async def test_a_customer_is_reminded_at_two_and_five_days_and_at_ten_the_case_closes(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, records: Records, clock: MovableClock
) -> None:
    follow_ups = worker()
    for day in (2, 5, 10):
        clock.set(START + day * DAY - INSTANT)
        assert await follow_ups.run_once() == 0
        clock.set(START + day * DAY)
        assert await follow_ups.run_once() == 1
        assert await follow_ups.run_once() == 0
    assert (await texts(desk))[2:] == [
        f"{REMINDED} 2 days (reminder 1). Without one, the case closes on 2026-03-12.",
        f"{REMINDED} 5 days (reminder 2). Without one, the case closes on 2026-03-12.",
        "Case closed: Cancelled (No answer from the customer). Nothing was heard for 10 days.",
    ]
    closed = await desk.case(NUMBER)
    assert (closed.status, closed.closed_at) == (Status.CLOSED, START + 10 * DAY)
    events = await told(records, clock)
    assert [(one.data["number"], one.data["days"], one.data["closed"]) for one in events] == [
        (1, 2, False),
        (2, 5, False),
        (3, 10, True),
    ]
    assert events[0].data["closes_at"] == (START + 10 * DAY).isoformat()
    assert events[2].data["closes_at"] is None
    assert [event.at for event in events] == [START + day * DAY for day in (2, 5, 10)]


async def test_follow_ups_and_the_closure_are_in_the_audit_log(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, records: Records, clock: MovableClock
) -> None:
    follow_ups = worker(FollowUpPlan(days=(1, 2)))
    for _ in range(2):
        clock.advance(DAY)
        await follow_ups.run_once()
    noted: list[tuple[str, Any]] = [
        (event.action, event.details) for event in await records.audit.events(NUMBER)
    ]
    assert noted[2:] == [
        ("case.followed-up", {"number": "1", "days": "1"}),
        ("case.followed-up", {"number": "2", "days": "2"}),
        ("case.closed", {"resolution": "Cancelled", "reason": "No answer from the customer"}),
    ]


async def test_a_closure_for_want_of_an_answer_ends_the_accounts(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, records: Records, clock: MovableClock
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
    await records.accounts.insert(account, ANALYST)
    clock.advance(DAY)
    await worker(FollowUpPlan(days=(1,))).run_once()
    assert (await records.accounts.account(account.id)).end is AccountEnd.CASE_CLOSED


async def test_business_days_leave_a_weekend_out(
    desk: EmbeddedCaseCore, worker: Worker, clock: MovableClock
) -> None:
    friday = START + 4 * DAY
    clock.set(friday)
    await desk.open("Trace of a hanging node", "ACME", "ada", NUMBER)
    await desk.move(NUMBER, Status.SOLUTION_PROPOSED, None, "ada")
    follow_ups = worker(FollowUpPlan(count=DayCount.BUSINESS))
    days = []
    for hour in range(24 * 20):
        clock.set(friday + timedelta(hours=hour))
        if await follow_ups.run_once():
            days.append(clock.now().date().isoformat())
    assert days == ["2026-03-10", "2026-03-13", "2026-03-20"]
    assert (await texts(desk))[2].startswith(f"{REMINDED} 2 business days")
    assert (await desk.case(NUMBER)).substatus == "Resolved"


async def test_an_upload_stops_the_time(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, clock: MovableClock
) -> None:
    follow_ups = worker()
    clock.advance(4 * DAY)
    assert await follow_ups.run_once() == 1
    await desk.tell(a_file())
    present = await desk.case(NUMBER)
    assert (present.status, present.wait) == (Status.OPEN, None)
    clock.advance(30 * DAY)
    assert await follow_ups.run_once() == 0


async def test_a_file_that_has_arrived_and_was_not_told_yet_stops_the_time_as_well(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, records: Records, clock: MovableClock
) -> None:
    clock.advance(9 * DAY)
    await receive(records, case_number=NUMBER, done=finished(now=clock.now()))
    clock.advance(DAY)
    assert await worker().run_once() == 0
    assert not (await desk.case(NUMBER)).is_closed


async def test_a_file_that_arrives_while_a_case_is_being_closed_stops_that(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, records: Records, clock: MovableClock
) -> None:
    class Arrival:
        """Case records that a file comes to just when a case is looked at; the rest is real."""

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real one has
            return getattr(records.cases, name)

        async def case(self, number: CaseNumber) -> Case:
            found = await records.cases.case(number)
            await receive(records, case_number=number, done=finished(now=clock.now()))
            return found

    clock.advance(10 * DAY)
    cases: Any = Arrival()
    assert await worker(on=replace(records, cases=cases)).run_once() == 0
    assert (await desk.case(NUMBER)).wait == case.wait
    assert len(await records.outbox.claim("w", clock.now(), clock.now())) == 1  # of the file alone


async def test_a_comment_of_the_customer_stops_the_time_and_one_of_customer_care_does_not(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, clock: MovableClock
) -> None:
    await desk.comment(NUMBER, "Any news?", "ada")
    assert (await desk.case(NUMBER)).wait == CustomerWait(since=START)
    await desk.comment(NUMBER, "It was the cable.", "grace", by_customer=True)
    clock.advance(30 * DAY)
    assert await worker().run_once() == 0


async def test_a_new_question_begins_the_time_anew(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, clock: MovableClock
) -> None:
    follow_ups = worker()
    clock.advance(6 * DAY)
    assert await follow_ups.run_once() == 1
    await desk.move(NUMBER, Status.SOLUTION_PROPOSED, None, "ada")
    clock.advance(2 * DAY - INSTANT)
    assert await follow_ups.run_once() == 0
    clock.advance(INSTANT)
    assert await follow_ups.run_once() == 1


async def test_a_third_party_s_debt_is_nothing_to_remind_the_customer_of(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, clock: MovableClock
) -> None:
    await desk.move(NUMBER, Status.AWAITING_INFORMATION, "Third Party Pending", "ada")
    clock.advance(30 * DAY)
    assert await worker().run_once() == 0


async def test_a_case_whose_service_is_down_is_never_let_go(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, clock: MovableClock
) -> None:
    await desk.prioritise(NUMBER, Priority.PRODUCTION_DOWN, "ada")
    clock.advance(30 * DAY)
    follow_ups = worker()
    assert await follow_ups.run_once() == 0
    await desk.prioritise(NUMBER, Priority.HIGH, "ada")
    assert await follow_ups.run_once() == 0
    clock.advance(2 * DAY)
    assert await follow_ups.run_once() == 1
    await desk.prioritise(NUMBER, Priority.LOW, "ada")
    clock.advance(3 * DAY)
    assert await follow_ups.run_once() == 1


async def test_after_an_outage_each_case_is_reminded_once_and_closed_only_later(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, clock: MovableClock
) -> None:
    follow_ups = worker()
    clock.advance(100 * DAY)
    assert [await follow_ups.run_once() for _ in range(3)] == [1, 0, 0]
    assert not (await desk.case(NUMBER)).is_closed
    assert "the case closes on 2026-06-16" in (await texts(desk))[-1]


async def test_of_two_workers_one_does_it(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, records: Records, clock: MovableClock
) -> None:
    for _ in range(10):
        clock.advance(DAY)
        await asyncio.gather(*(worker().run_once() for _ in range(4)))
    assert len(await told(records, clock)) == 3
    assert len(await texts(desk)) == 5


async def test_more_cases_than_a_page_are_all_seen_to(
    desk: EmbeddedCaseCore, worker: Worker, clock: MovableClock
) -> None:
    clock.set(START + 3 * DAY)
    for n in range(103):
        case = await desk.open(f"Case {n}", "ACME", "ada")
        await desk.move(case.number, Status.SOLUTION_PROPOSED, None, "ada")
    late = await desk.open("An hour later", "ACME", "ada")
    clock.advance(timedelta(hours=1))
    await desk.move(late.number, Status.SOLUTION_PROPOSED, None, "ada")
    follow_ups = worker(FollowUpPlan(days=(1, 9), count=DayCount.BUSINESS))
    clock.set(datetime(2026, 3, 6, 9, 30, tzinfo=UTC))
    assert await follow_ups.run_once() == 103
    clock.set(datetime(2026, 3, 6, 10, 30, tzinfo=UTC))
    assert await follow_ups.run_once() == 1


async def test_a_case_that_fails_does_not_hold_up_the_others(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, records: Records, clock: MovableClock
) -> None:
    other = await desk.open("Another", "ACME", "ada")
    await desk.move(other.number, Status.SOLUTION_PROPOSED, None, "ada")
    clock.advance(2 * DAY)
    cases: Any = _Failing(records.cases, NUMBER)
    assert await worker(on=replace(records, cases=cases)).run_once() == 1
    assert (await desk.case(other.number)).wait == CustomerWait(
        since=START, notices=1, noticed_at=clock.now()
    )
    assert await worker().run_once() == 1


async def test_it_has_rounds_until_it_is_stopped_whatever_goes_wrong(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, records: Records, clock: MovableClock
) -> None:
    cases: Any = _Failing(records.cases, NUMBER)
    cases.outage = RuntimeError("a bug")
    follow_ups = worker(on=replace(records, cases=cases))
    running = asyncio.create_task(follow_ups.run())
    await clock.wait_for_sleepers()
    cases.outage, cases.number = None, None
    clock.advance(2 * DAY)
    async with asyncio.timeout(10):
        while (wait := (await desk.case(NUMBER)).wait) is None or not wait.notices:
            await clock.wait_for_sleepers()
            clock.advance(60)
        follow_ups.stop()
        await running


async def test_one_that_was_stopped_begins_with_no_other_case(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, clock: MovableClock
) -> None:
    follow_ups = worker()
    clock.advance(2 * DAY)
    follow_ups.stop()
    assert await follow_ups.run_once() == 0


class _Failing:
    """Case records that fail for one case, or as a whole; the rest is real."""

    def __init__(self, cases: Any, number: CaseNumber | None) -> None:  # noqa: ANN401 - a stand-in
        self._cases = cases
        self.number = number
        self.outage: Exception | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real one has
        return getattr(self._cases, name)

    async def waiting(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
        if self.outage is not None:
            raise self.outage
        return await self._cases.waiting(*given, **named)

    async def case(self, number: CaseNumber) -> Case:
        if number == self.number:
            raise RecordsUnavailableError("away")
        case: Case = await self._cases.case(number)
        return case


async def test_nothing_is_done_while_the_clock_is_in_doubt(
    desk: EmbeddedCaseCore, case: Case, worker: Worker, clock: MovableClock
) -> None:
    answers = iter([True, False])

    async def doubts_clock() -> bool:
        return next(answers)

    follow_ups = worker(doubts_clock=doubts_clock)
    clock.set(START + 10 * DAY)
    assert await follow_ups.run_once() == 0
    assert not (await desk.case(NUMBER)).is_closed
    assert await follow_ups.run_once() == 1
