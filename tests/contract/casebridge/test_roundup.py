"""A tracker that nobody here wrote, held to what every case core is; and what it alone is."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import encode_basic_auth

from tests.contract.casebridge.case_core_contract import (
    NEVER_GIVEN,
    CaseCoreContract,
    CoreRoom,
    a_file,
)
from tests.roundup import FIELDS, PASSWORD, USER, Tracker, roundup_tracker
from transfer.casebridge.core_client import CoreAccess, CoreClient
from transfer.casebridge.roundup import RoundupCaseCore
from transfer.casebridge.roundup_tickets import TicketMapping, moment_of
from transfer.clock import SystemClock
from transfer.core.cases import CaseNumber, Priority, Status
from transfer.core.errors import CaseContradictionError, CaseCoreUnavailableError, CaseMissingError
from transfer.settings import Settings
from transfer.wiring.roundup import ticket_mapping

MAPPING = ticket_mapping(Settings.model_validate({"roundup_fields": FIELDS}))
_NAMES = {
    Status.OPEN: "chatting",
    Status.AWAITING_INFORMATION: "need-eg",
    Status.SOLUTION_PROPOSED: "done-cbb",
    Status.CLOSED: "resolved",
}


@pytest.fixture(scope="module")
def tracker() -> Iterator[Tracker]:
    with roundup_tracker() as running:
        yield running


@asynccontextmanager
async def connected(
    tracker: Tracker, mapping: TicketMapping = MAPPING, password: str = PASSWORD
) -> AsyncIterator[RoundupCaseCore]:
    clock = SystemClock()
    authorization = {"Authorization": encode_basic_auth(USER, password)}
    access = CoreAccess(headers=authorization, timeout=timedelta(seconds=30))
    core = RoundupCaseCore(tracker.url, CoreClient(access, clock), mapping, clock, user=USER)
    try:
        yield core
    finally:
        await core.close()


class TrackerRoom(CoreRoom):
    """People at a tracker; who are `unhurried` change a ticket once a second at most.

    The tracker's clock counts seconds: all that they change within one is one change.
    """

    unhurried = False

    def __init__(self, tracker: Tracker, core: RoundupCaseCore) -> None:
        self.tracker = tracker
        self.core = core
        self.clock = SystemClock()

    async def open(self, subject: str, account: str) -> CaseNumber:
        ticket = await asyncio.to_thread(self.tracker.open, subject, account=account)
        return CaseNumber(ticket.zfill(10))

    async def move(self, number: CaseNumber, status: Status) -> None:
        if self.unhurried:
            await self.settled(number)
        ticket = str(int(number))
        await asyncio.to_thread(self.tracker.change, ticket, status=_NAMES[status])

    async def close(self, number: CaseNumber) -> None:
        await self.move(number, Status.CLOSED)

    async def reopen(self, number: CaseNumber) -> None:
        await self.move(number, Status.OPEN)

    async def texts(self, number: CaseNumber) -> list[str]:
        return await asyncio.to_thread(self.tracker.texts, str(int(number)))

    async def settled(self, number: CaseNumber, seconds: float = 1) -> None:
        """Wait until a ticket has changed a while ago."""
        told = await asyncio.to_thread(self.tracker.properties, str(int(number)))
        await self.clock.sleep_until(moment_of(told["activity"]) + timedelta(seconds=seconds))


@pytest.fixture
async def room(tracker: Tracker) -> AsyncIterator[TrackerRoom]:
    async with connected(tracker) as core:
        yield TrackerRoom(tracker, core)


class TestRoundup(CaseCoreContract):
    @pytest.fixture
    def room(self, room: TrackerRoom) -> CoreRoom:
        return room

    async def test_its_version_grows_with_every_change(self, room: CoreRoom) -> None:
        assert isinstance(room, TrackerRoom)
        room.unhurried = True
        await super().test_its_version_grows_with_every_change(room)

    async def test_what_is_asked_twice_is_told_alike(self, room: CoreRoom) -> None:
        assert isinstance(room, TrackerRoom)
        number = await room.open("Crash", "Example Ltd")
        await room.settled(number, 3)  # until then, its version says that it may change once more
        first = await room.core.case(number, fresh=True)
        assert await room.core.case(number, fresh=True) == first


# ── What its words mean ──────────────────────────────────────────────────────────────────────


async def test_its_fields_statuses_and_priorities_are_ours(room: TrackerRoom) -> None:
    ticket = room.tracker.open(
        "Crash", account=" Example Ltd ", area="EMEA", priority="urgent", status="deferred"
    )
    case = await room.core.case(CaseNumber(ticket.zfill(10)))
    assert (case.subject, case.account, case.region) == ("Crash", "Example Ltd", "EMEA")
    assert (case.status, case.substatus) == (Status.AWAITING_INFORMATION, "Third Party Pending")
    assert case.priority is Priority.CRITICAL


async def test_times_are_utc_whatever_the_tracker_s_time_zone(room: TrackerRoom) -> None:
    number = await room.open("Crash", "Example Ltd")
    _, page = None, await room.core.changes()
    case = await room.core.case(number)
    assert abs(case.opened_at - room.clock.now()) < timedelta(minutes=1)
    while page.more:
        page = await room.core.changes(page.cursor)
    await room.close(number)
    assert number in {case.number for case in (await room.core.changes(page.cursor)).cases}


async def test_a_status_that_nobody_explained_is_no_reason_for_anything(
    room: TrackerRoom, tracker: Tracker
) -> None:
    number = await room.open("Crash", "Example Ltd")
    statuses = {"resolved": (Status.CLOSED, "Resolved")}
    async with connected(tracker, replace(MAPPING, statuses=statuses)) as unexplained:
        with pytest.raises(CaseContradictionError, match=number):
            await unexplained.case(number)
        page = await unexplained.changes(limit=1000)
        assert number not in {case.number for case in page.cases}


async def test_a_number_may_be_a_property_of_its_own(room: TrackerRoom, tracker: Tracker) -> None:
    number = CaseNumber("0003256109")
    ticket = tracker.open("Crash", account=number)
    fields = {**MAPPING.fields, "number": "account"}
    async with connected(tracker, replace(MAPPING, fields=fields)) as numbered:
        case = await numbered.case(number)
        assert (case.number, case.subject) == (number, "Crash")
        await numbered.tell(a_file(number, "first.log", room.clock))
        assert "first.log" in tracker.texts(ticket)[0]
        with pytest.raises(CaseMissingError):
            await numbered.case(NEVER_GIVEN)
        tracker.open("Another", account=number)
        with pytest.raises(CaseContradictionError, match="several"):
            await numbered.case(number)


async def test_a_wrong_password_and_a_field_that_is_not_there_are_no_answers(
    room: TrackerRoom, tracker: Tracker
) -> None:
    number = await room.open("Crash", "Example Ltd")
    without = replace(MAPPING, fields={**MAPPING.fields, "subject": "no_such_property"})
    for wrong in (connected(tracker, password="wrong"), connected(tracker, without)):
        async with wrong as core:
            with pytest.raises(CaseCoreUnavailableError):
                await core.case(number)


# ── Messages ─────────────────────────────────────────────────────────────────────────────────


async def test_what_the_customer_sends_makes_a_ticket_ours_that_waited(room: TrackerRoom) -> None:
    number = await room.open("Crash", "Example Ltd")
    await room.move(number, Status.AWAITING_INFORMATION)
    sent = a_file(number, "first.log", room.clock)
    await room.core.tell(sent)
    case = await room.core.case(number)
    assert (case.status, case.substatus) == (Status.OPEN, "Investigation")
    await room.move(number, Status.AWAITING_INFORMATION)
    await room.core.tell(sent)  # told before: it changes nothing
    assert (await room.core.case(number)).status is Status.AWAITING_INFORMATION


async def test_a_message_never_reopens_a_ticket_whatever_its_detectors_make_of_one(
    room: TrackerRoom,
) -> None:
    number = await room.open("Crash", "Example Ltd")
    await room.close(number)
    closed = await room.core.case(number)
    await room.core.tell(a_file(number, "late.log", room.clock))
    case = await room.core.case(number)
    assert (case.status, case.closed_at) == (Status.CLOSED, closed.closed_at)
    assert len(await room.texts(number)) == 1


async def test_an_event_that_two_tell_at_once_is_read_once(
    room: TrackerRoom, tracker: Tracker
) -> None:
    number = await room.open("Crash", "Example Ltd")
    sent = a_file(number, "first.log", room.clock)
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(connected(tracker)) for _ in range(3)]
        for count in range(3):
            sent = a_file(number, f"{count}.log", room.clock)
            await asyncio.gather(*(core.tell(sent) for core in others))
    texts = await room.texts(number)
    assert [text.partition(".log")[0][-1] for text in texts] == list("012")


async def test_a_message_that_the_tracker_attached_twice_is_read_once(
    room: TrackerRoom, tracker: Tracker
) -> None:
    number = await room.open("Crash", "Example Ltd")
    sent = a_file(number, "first.log", room.clock)
    await room.core.tell(sent)
    await asyncio.to_thread(tracker.attach_again, str(int(number)))
    assert len(await room.texts(number)) == 2
    await room.core.tell(sent)
    (text,) = await room.texts(number)
    assert "first.log" in text


async def test_a_message_says_who_did_what(room: TrackerRoom) -> None:
    number = await room.open("Crash", "Example Ltd")
    await room.core.tell(a_file(number, "first.log", room.clock))
    (text,) = await room.texts(number)
    assert text.endswith("(customer)")


async def test_what_people_need_not_know_makes_no_message(room: TrackerRoom) -> None:
    number = await room.open("Crash", "Example Ltd")
    event = replace(a_file(number, "first.log", room.clock), type="of-another-release")
    await room.core.tell(event)
    await room.core.tell(replace(event, case_number=NEVER_GIVEN))
    assert await room.texts(number) == []
