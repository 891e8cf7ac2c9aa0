"""Events of another case core: forged, old, doubled, out of order, and what becomes of them."""

import asyncio
import base64
import itertools
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from tests.clock import MovableClock
from tests.unit.casebridge.meters import ReadMeter
from tests.unit.casebridge.scripted_core import NUMBER, ScriptedCore, a_case, closed
from transfer.casebridge.inbox import InboxReader, SignedInbox
from transfer.casebridge.known import KnownCases
from transfer.casebridge.signatures import SigningKeys
from transfer.core.cases import CaseNumber, Status
from transfer.core.errors import (
    CaseCoreUnavailableError,
    InvalidRequestError,
    NotSignedInError,
    RecordsUnavailableError,
)
from transfer.ports import CaseNews, Inbox, Records

KEYS = SigningKeys([f"whsec_{base64.b64encode(b'k' * 32).decode()}"])
STRANGER = SigningKeys([f"whsec_{base64.b64encode(b's' * 32).decode()}"])
UNKNOWN = CaseNumber("0000000404")


class Room:
    """An inbox before a mirror of a scripted core."""

    def __init__(self, records: Records, clock: MovableClock) -> None:
        self.records = records
        self.clock = clock
        self.core = ScriptedCore(a_case())
        numbers = itertools.count()
        self.mirror = KnownCases(
            core=self.core,
            records=records,
            clock=clock,
            new_id=lambda: f"here-{next(numbers)}",
            lifetime=LIFETIME,
        )
        self.meter = ReadMeter()
        self.reader = InboxReader(
            records=records, mirror=self.mirror, clock=clock, meter=self.meter
        )
        self.woken = 0
        self.inbox = SignedInbox(
            records=records, keys=KEYS, clock=clock, wake=self.wake, meter=self.meter
        )

    def wake(self) -> None:
        self.woken += 1
        self.reader.wake()

    async def send(
        self, message_id: str = "m1", keys: SigningKeys = KEYS, /, **event: object
    ) -> bool:
        body = json.dumps(an_event(**event))
        headers = keys.sign(message_id, body, self.clock.now())
        return await self.inbox.receive(headers, body.encode())

    async def status(self) -> Status:
        """Return the status that is known here, without asking the core."""
        return (await self.records.cases.case(NUMBER)).status


LIFETIME = timedelta(minutes=5)
"""Of answers: nothing comes to light by asking again."""


def an_event(**changes: object) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": "e1",
        "source": "urn:cases",
        "type": "case.closed",
        "subject": NUMBER,
        "data": {"version": 2},
        "more": "of a later release",
    }
    merged = event | changes
    return {name: value for name, value in merged.items() if value is not None}


@pytest.fixture
async def room(records: Records, clock: MovableClock) -> Room:
    room = Room(records, clock)
    await room.mirror.case(NUMBER)
    room.core.asked.clear()
    return room


async def test_an_event_has_the_case_asked_for_and_a_closure_known_at_once(room: Room) -> None:
    room.core.put(closed(a_case()))
    assert await room.send()
    assert room.woken == 1
    assert await room.reader.run_once() == 1
    assert await room.status() is Status.CLOSED
    assert await room.records.inbox.waiting() == 0


async def test_a_forged_event_changes_nothing_and_is_counted(room: Room) -> None:
    room.core.put(closed(a_case()))
    with capture_logs() as logs, pytest.raises(NotSignedInError):
        await room.send("m1", STRANGER)
    assert await room.reader.run_once() == 0
    assert room.core.asked == []
    assert await room.status() is Status.OPEN
    assert room.meter.counted["case_events_refused"] == 1
    assert NUMBER not in repr(logs)


async def test_an_event_that_was_replayed_later_is_refused(room: Room) -> None:
    body = json.dumps(an_event())
    headers = KEYS.sign("m1", body, room.clock.now())
    assert await room.inbox.receive(headers, body.encode())
    assert not await room.inbox.receive(headers, body.encode())
    room.clock.advance(timedelta(minutes=6))
    with pytest.raises(NotSignedInError, match="five minutes"):
        await room.inbox.receive(headers, body.encode())


async def test_an_event_that_comes_twice_is_followed_once(room: Room) -> None:
    room.core.put(closed(a_case()))
    assert await room.send("m1")
    assert not await room.send("m1")
    await room.reader.run_once()
    assert not await room.send("m1")
    assert await room.reader.run_once() == 0
    assert room.core.asked == [NUMBER]
    assert room.meter.counted["case_events_doubled"] == 2


async def test_events_in_any_order_lead_to_what_the_core_says_now(room: Room) -> None:
    now = closed(a_case())
    room.core.put(now)
    await room.send("m2", data={"version": now.version})
    await room.reader.run_once()
    room.core.asked.clear()
    await room.send("m1", data={"version": 1}, type="case.opened")
    assert await room.reader.run_once() == 1
    assert room.core.asked == []  # that is old news
    assert await room.status() is Status.CLOSED


async def test_the_events_of_a_case_are_followed_by_one_question(room: Room) -> None:
    room.core.put(closed(a_case(), version=9))
    for version in range(2, 8):
        await room.send(f"m{version}", data={"version": version})
    assert await room.reader.run_once() == 6
    assert room.core.asked == [NUMBER]


@pytest.mark.parametrize("data", [None, {}, {"version": None}])
async def test_an_event_without_a_version_is_followed_all_the_same(
    room: Room, data: object
) -> None:
    room.core.put(closed(a_case()))
    await room.send(data=data)
    assert await room.reader.run_once() == 1
    assert await room.status() is Status.CLOSED


async def test_what_an_event_says_is_not_believed(room: Room) -> None:
    await room.send(data={"version": 2, "status": "Closed", "closed_at": "2026-01-01T00:00:00Z"})
    await room.reader.run_once()
    assert await room.status() is Status.OPEN


async def test_an_event_that_is_ahead_of_the_answer_is_followed_again(room: Room) -> None:
    await room.send(data={"version": 2})
    assert await room.reader.run_once() == 0
    assert room.core.asked == [NUMBER]
    room.core.put(closed(a_case()))
    room.clock.advance(timedelta(seconds=1))
    assert await room.reader.run_once() == 1
    assert await room.status() is Status.CLOSED


async def test_an_event_of_a_case_that_nobody_knows_here_is_done_with(room: Room) -> None:
    await room.send(subject=UNKNOWN)
    assert await room.reader.run_once() == 1
    assert room.core.asked == []


async def test_while_the_core_is_away_an_event_waits_longer_and_longer(room: Room) -> None:
    room.core.put(closed(a_case()))
    room.core.error = CaseCoreUnavailableError("away")
    await room.send()
    for seconds in (1, 2, 4):
        assert await room.reader.run_once() == 0
        room.clock.advance(timedelta(seconds=seconds - 0.1))
        room.core.asked.clear()
        assert await room.reader.run_once() == 0
        assert room.core.asked == []
        room.clock.advance(timedelta(seconds=0.1))
    room.core.error = None
    assert await room.reader.run_once() == 1
    assert await room.status() is Status.CLOSED
    assert room.meter.counted["case_events_failed"] == 3


async def fail_for_hours(room: Room) -> None:
    for _ in range(50):
        await room.reader.run_once()
        room.clock.advance(timedelta(minutes=5))


async def test_an_event_that_fails_for_hours_is_followed_once_a_day(room: Room) -> None:
    room.core.error = CaseCoreUnavailableError("away")
    await room.send()
    await fail_for_hours(room)
    room.core.asked.clear()
    room.core.error = None
    room.core.put(closed(a_case(), closed_at=room.clock.now()))
    room.clock.advance(timedelta(hours=23))
    assert await room.reader.run_once() == 0
    assert room.core.asked == []
    room.clock.advance(timedelta(hours=1))
    assert await room.reader.run_once() == 1
    assert await room.status() is Status.CLOSED


async def test_an_event_is_given_up_that_the_core_does_not_come_to_know_for_hours(
    room: Room,
) -> None:
    await room.send(data={"version": 2})
    with capture_logs() as logs:
        await fail_for_hours(room)
    assert await room.records.inbox.waiting() == 0
    assert logs[-1]["event"] == "case-events.given-up"


async def test_an_event_of_a_case_whose_data_is_gone_is_given_up(room: Room) -> None:
    room.core.put(closed(a_case()))
    await room.mirror.case(NUMBER, fresh=True)
    case = await room.records.cases.case(NUMBER)
    now = room.clock.now()
    assert await room.records.cases.start_purge(NUMBER, expected_version=case.version, now=now)
    await room.records.cases.finish_purge(NUMBER, now)
    room.core.cases.clear()
    await room.send(data={"version": 3})
    await fail_for_hours(room)
    assert await room.records.inbox.waiting() == 0


async def test_an_event_waits_for_as_long_as_the_core_asks_to_be_left_alone(room: Room) -> None:
    room.core.error = CaseCoreUnavailableError("busy", retry_after=timedelta(minutes=20))
    await room.send()
    await room.reader.run_once()
    room.clock.advance(timedelta(minutes=19))
    assert await room.reader.run_once() == 0
    assert len(room.core.asked) == 1
    room.clock.advance(timedelta(minutes=1))
    await room.reader.run_once()
    assert len(room.core.asked) == 2


async def test_one_case_that_fails_does_not_hold_up_another(room: Room) -> None:
    other = CaseNumber("0003256110")
    room.core.put(a_case(other))
    await room.mirror.case(other)
    room.core.put(closed(a_case(other)))
    room.core.put(a_case("0009999999"))  # asked for this one, the core will tell of another
    room.core.cases[NUMBER] = room.core.cases[CaseNumber("0009999999")]
    await room.send("m1")
    await room.send("m2", subject=other)
    assert await room.reader.run_once() == 1
    assert await room.records.inbox.waiting() == 1
    assert await room.status() is Status.OPEN


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"subject": "3256109"},
        {"subject": None},
        {"type": ""},
        {"type": "a\nb"},
        {"data": {"version": "2"}},
        {"data": {"version": -1}},
        {"data": {"version": 2**60}},
        {"data": [1]},
        {"id": None},
    ],
)
async def test_what_is_no_event_is_refused_with_where_it_is_wrong(
    room: Room, change: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(change))):
        await room.send(**change)
    assert await room.records.inbox.waiting() == 0


@pytest.mark.parametrize("body", ["", "[]", "{", "null", '"x"'])
async def test_what_is_no_object_is_refused(room: Room, body: str) -> None:
    headers = KEYS.sign("m1", body, room.clock.now())
    with pytest.raises(InvalidRequestError, match="body"):
        await room.inbox.receive(headers, body.encode())


async def test_events_that_were_followed_are_forgotten_after_a_week(room: Room) -> None:
    await room.send("m1", data={"version": 1})
    await room.reader.run_once()
    room.clock.advance(timedelta(days=7))
    await room.reader.run_once()
    assert not await room.send("m1")
    room.clock.advance(timedelta(seconds=1))
    await room.reader.run_once()
    assert await room.send("m1")


class FlakyInbox:
    """An inbox that is away the first time it is asked; the rest is real."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._is_away = True

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real one has
        return getattr(self._inbox, name)

    async def claim(self, *args: Any, **kwargs: Any) -> list[CaseNews]:  # noqa: ANN401 - the same
        if self._is_away:
            self._is_away = False
            raise RecordsUnavailableError("away")
        return await self._inbox.claim(*args, **kwargs)


async def test_the_loop_follows_what_comes_and_survives_an_outage_of_the_records(
    room: Room,
) -> None:
    flaky = cast("Inbox", FlakyInbox(room.records.inbox))
    reader = InboxReader(
        records=replace(room.records, inbox=flaky),
        mirror=room.mirror,
        clock=room.clock,
        meter=room.meter,
    )
    room.core.put(closed(a_case()))
    await room.send()
    task = asyncio.create_task(reader.run())
    try:
        for _ in range(200):
            await room.clock.wait_for_sleepers()
            if await room.status() is Status.CLOSED:
                break
            room.clock.advance(timedelta(seconds=5))
            await asyncio.to_thread(lambda: None)  # let the loop turn
    finally:
        reader.stop()
        await asyncio.wait_for(task, 5)
    assert await room.status() is Status.CLOSED
    assert room.meter.shown["case_events_waiting"] == 0


async def test_a_reader_that_is_stopped_begins_nothing_more(room: Room) -> None:
    await room.send()
    room.reader.stop()
    await asyncio.wait_for(room.reader.run(), 5)
    assert await room.reader.run_once() == 0
    assert room.core.asked == []
