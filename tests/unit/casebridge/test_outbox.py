"""Events on their way to the case core: at least once, in order, whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

import pytest
from structlog.testing import capture_logs

from tests.clock import START, MovableClock
from tests.unit.casebridge.meters import ReadMeter
from transfer.casebridge.outbox import OutboxDispatcher
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    CaseCoreUnavailableError,
    RecordsUnavailableError,
    RefusedError,
)
from transfer.ports import (
    Backlog,
    CaseEvent,
    Destination,
    DropPolicy,
    Outbox,
    OutgoingEvent,
)

FIRST = CaseNumber("0000000001")
SECOND = CaseNumber("0000000002")
NAME = "secret plans.doc"


def an_event(name: str, case: CaseNumber = FIRST, at: datetime = START) -> CaseEvent:
    return CaseEvent(id=name, type="file.received", case_number=case, at=at, data={"path": NAME})


@dataclass
class RememberedOutbox:
    """An outbox in memory, as far as the dispatcher uses it."""

    waiting: list[CaseEvent] = field(default_factory=list)
    run_at: dict[str, datetime] = field(default_factory=dict)
    claimed_until: dict[str, datetime] = field(default_factory=dict)
    claimed_by: dict[str, str] = field(default_factory=dict)
    delivered_at: dict[str, datetime] = field(default_factory=dict)
    drops: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    errors: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    broken: bool = False

    async def claim(
        self,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int = 100,
        *,
        destination: Destination = Destination.CORE,  # noqa: ARG002 - the port's
        drops: DropPolicy | None = None,  # noqa: ARG002 - the port's
    ) -> list[OutgoingEvent]:
        if self.broken:
            raise RecordsUnavailableError("away")
        self.looks += 1
        oldest: dict[CaseNumber, CaseEvent] = {}
        for event in self.waiting:
            oldest.setdefault(event.case_number, event)
        due = {
            number
            for number, event in oldest.items()
            if self.run_at.get(event.id, START) <= now
            and self.claimed_until.get(event.id, START) <= now
        }
        claimed = [event for event in self.waiting if event.case_number in due][:limit]
        self.claimed_until.update({event.id: until for event in claimed})
        self.claimed_by.update({event.id: worker for event in claimed})
        return [
            OutgoingEvent(
                id=event.id,
                type=event.type,
                case_number=event.case_number,
                at=event.at,
                data=event.data,
                drop=self.drops.get(event.id),
                failures=self.failures.get(event.id, 0),
                refusals=self.refusals.get(event.id, 0),
            )
            for event in claimed
        ]

    async def delivered(
        self,
        event_ids: Sequence[str],
        now: datetime,
        *,
        destination: Destination = Destination.CORE,  # noqa: ARG002 - the port's
    ) -> None:
        if self.broken:
            raise RecordsUnavailableError("away")
        self.waiting = [event for event in self.waiting if event.id not in event_ids]
        self.delivered_at.update(dict.fromkeys(event_ids, now))

    async def retry(
        self,
        event_id: str,
        run_at: datetime,
        error: str | None,
        *,
        refused: bool = False,
        destination: Destination = Destination.CORE,  # noqa: ARG002 - the port's
    ) -> None:
        self.run_at[event_id] = run_at
        self._release(event_id)
        if error is not None:
            self.errors.append(error)
            self.failures[event_id] = self.failures.get(event_id, 0) + 1
            self.refusals[event_id] = self.refusals.get(event_id, 0) + 1 if refused else 0

    async def give_up(
        self,
        event_ids: Sequence[str],
        now: datetime,  # noqa: ARG002 - the port's
        error: str,
        *,
        destination: Destination = Destination.CORE,  # noqa: ARG002 - the port's
    ) -> None:
        self._release(event_ids[0])
        self.waiting = [event for event in self.waiting if event.id not in event_ids]
        self.dead += event_ids
        self.errors.append(error)

    async def backlogs(self) -> dict[Destination, Backlog]:
        if not self.waiting:
            return {}
        oldest_at = min(event.at for event in self.waiting)
        return {Destination.CORE: Backlog(waiting=len(self.waiting), oldest_at=oldest_at)}

    def _release(self, event_id: str) -> None:
        (case,) = (event.case_number for event in self.waiting if event.id == event_id)
        for event in self.waiting:
            if event.case_number == case:
                self.claimed_until.pop(event.id, None)


@dataclass
class ListeningCore:
    """A case core that takes note, or fails as told; plays `transfer.ports.EventSink`."""

    outbox: RememberedOutbox
    told: list[str] = field(default_factory=list)
    events: list[CaseEvent] = field(default_factory=list)
    calls: int = 0
    tries: int = 0
    failing: dict[str, Exception] = field(default_factory=dict)
    breaks_outbox: bool = False

    async def tell(self, *events: CaseEvent) -> None:
        self.tries += 1
        await asyncio.sleep(0)  # noqa: TID251 -- as an answer takes its time
        for event in events:
            if event.id in self.failing:
                raise self.failing[event.id]
        self.told += [event.id for event in events]
        self.events += events
        self.calls += 1
        self.outbox.broken = self.breaks_outbox


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def outbox() -> RememberedOutbox:
    return RememberedOutbox()


@pytest.fixture
def core(outbox: RememberedOutbox) -> ListeningCore:
    return ListeningCore(outbox)


def a_dispatcher(
    outbox: RememberedOutbox,
    core: ListeningCore,
    clock: MovableClock,
    chance: float = 0.0,
    *,
    together: bool = True,
    meter: ReadMeter | None = None,
) -> OutboxDispatcher:
    return OutboxDispatcher(
        outbox=cast("Outbox", outbox),
        core=core,
        clock=clock,
        worker="w1",
        chance=lambda: chance,
        together=together,
        meter=meter,
    )


@asynccontextmanager
async def running(dispatcher: OutboxDispatcher) -> AsyncIterator[None]:
    task = asyncio.create_task(dispatcher.run())
    try:
        yield
    finally:
        dispatcher.stop()
        await asyncio.wait_for(task, 5)


async def test_all_events_are_told_in_order_a_case(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [
        an_event("1a"),
        an_event("1b"),
        an_event("2a", SECOND),
        an_event("1c"),
        an_event("2b", SECOND),
    ]
    assert await a_dispatcher(outbox, core, clock).run_once() == 5
    assert [name for name in core.told if name[0] == "1"] == ["1a", "1b", "1c"]
    assert [name for name in core.told if name[0] == "2"] == ["2a", "2b"]
    assert outbox.waiting == []
    assert set(outbox.claimed_by.values()) == {"w1"}
    assert set(outbox.delivered_at.values()) == {START}


async def test_a_failed_event_holds_back_its_case_and_no_other(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a"), an_event("1b"), an_event("2a", SECOND)]
    core.failing["1a"] = RecordsUnavailableError("away")
    assert await a_dispatcher(outbox, core, clock).run_once() == 1
    assert core.told == ["2a"]
    assert outbox.errors == ["records-unavailable"]
    core.failing.clear()
    clock.advance(timedelta(seconds=1))
    assert await a_dispatcher(outbox, core, clock).run_once() == 2
    assert core.told == ["2a", "1a", "1b"]


async def test_the_events_of_a_case_are_told_together(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event(f"{n:03}") for n in range(150)]
    assert await a_dispatcher(outbox, core, clock).run_once() == 150
    assert core.told == [f"{n:03}" for n in range(150)]
    assert core.calls == 2


async def test_one_bad_event_holds_back_only_what_follows_it(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event(name) for name in ("1a", "1b", "1c")]
    core.failing["1b"] = RecordsUnavailableError("away")
    dispatcher = a_dispatcher(outbox, core, clock)
    assert await dispatcher.run_once() == 1
    assert core.told == ["1a"]
    assert outbox.run_at["1b"] == START + timedelta(seconds=1)
    core.failing.clear()
    clock.advance(timedelta(seconds=1))
    assert await dispatcher.run_once() == 2
    assert core.told == ["1a", "1b", "1c"]


async def test_the_waits_double_up_to_a_cap(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    core.failing["1a"] = RecordsUnavailableError("away")
    dispatcher = a_dispatcher(outbox, core, clock)
    waits = []
    for _ in range(14):
        await dispatcher.run_once()
        waits.append((outbox.run_at["1a"] - clock.now()).total_seconds())
        clock.set(outbox.run_at["1a"])
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300, 300]


async def test_jitter_shortens_a_wait_by_up_to_half(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    outbox.failures["1a"] = 50
    core.failing["1a"] = RecordsUnavailableError("away")
    await a_dispatcher(outbox, core, clock, chance=0.5).run_once()
    assert outbox.run_at["1a"] - clock.now() == timedelta(seconds=225)


async def test_a_fault_in_telling_one_event_does_not_hold_up_the_others(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a"), an_event("2a", SECOND)]
    core.failing["1a"] = KeyError("path")
    assert await a_dispatcher(outbox, core, clock).run_once() == 1
    assert (core.told, outbox.errors) == (["2a"], ["KeyError"])


async def test_a_case_core_that_does_not_answer_in_time_is_asked_again_later(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    core.failing["1a"] = TimeoutError()
    assert await a_dispatcher(outbox, core, clock).run_once() == 0
    assert outbox.errors == ["timeout"]


async def test_an_event_that_was_told_but_not_marked_is_told_again_when_its_claim_runs_out(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    core.breaks_outbox = True
    dispatcher = a_dispatcher(outbox, core, clock)
    with pytest.raises(RecordsUnavailableError):
        await dispatcher.run_once()
    outbox.broken = core.breaks_outbox = False
    assert await dispatcher.run_once() == 0
    clock.advance(timedelta(seconds=90))
    assert await dispatcher.run_once() == 1
    assert core.told == ["1a", "1a"]


async def test_two_processes_share_the_events(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event(f"e{n}", CaseNumber(f"{n % 7:010}")) for n in range(50)]
    told = await asyncio.gather(*(a_dispatcher(outbox, core, clock).run_once() for _ in range(2)))
    assert sum(told) == len(core.told) == len(set(core.told)) == 50


async def test_the_loop_tells_at_once_when_woken_and_otherwise_looks_now_and_then(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    dispatcher = a_dispatcher(outbox, core, clock)
    async with running(dispatcher):
        await clock.wait_for_sleepers()
        outbox.waiting = [an_event("1a")]
        dispatcher.wake()
        await asyncio.wait_for(_until_empty(outbox, clock), 5)
        outbox.waiting = [an_event("1b")]
        clock.advance(timedelta(seconds=2))
        await asyncio.wait_for(_until_empty(outbox, clock), 5)
    assert core.told == ["1a", "1b"]


async def test_the_loop_survives_an_outage_of_the_records(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    outbox.broken = True
    async with running(a_dispatcher(outbox, core, clock)):
        await clock.wait_for_sleepers()
        outbox.broken = False
        clock.advance(timedelta(seconds=2))
        await asyncio.wait_for(_until_empty(outbox, clock), 5)
    assert core.told == ["1a"]


async def test_a_stopped_dispatcher_claims_nothing_more(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    dispatcher = a_dispatcher(outbox, core, clock)
    dispatcher.stop()
    await asyncio.wait_for(dispatcher.run(), 5)
    assert await dispatcher.run_once() == 0
    assert core.told == []


async def test_the_log_of_a_failure_names_no_file(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a"), an_event("2a", SECOND)]
    core.failing = {"1a": RecordsUnavailableError("away"), "2a": KeyError("path")}
    with capture_logs() as logs:
        await a_dispatcher(outbox, core, clock).run_once()
    assert {entry["event"] for entry in logs} == {"outbox.event-not-told", "outbox.event-failed"}
    assert NAME not in repr(logs)


async def test_an_event_that_is_refused_again_and_again_is_given_up_and_the_next_one_told(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a"), an_event("1b")]
    core.failing["1a"] = RefusedError("never")
    meter = ReadMeter()
    dispatcher = a_dispatcher(outbox, core, clock, meter=meter)
    for _ in range(8):
        await dispatcher.run_once()
        clock.set(max(clock.now(), outbox.run_at["1a"]))
    assert (outbox.dead, core.told) == (["1a"], ["1b"])
    assert outbox.errors == ["refused"] * 8
    assert meter.counted == {"events_not_told": 8, "events_dead": 1, "events_told": 1}


async def test_an_event_that_waited_out_an_outage_is_not_given_up_at_its_first_refusal(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    dispatcher = a_dispatcher(outbox, core, clock)
    away, refused = RecordsUnavailableError("away"), RefusedError("never")
    for error in (*[refused] * 7, *[away] * 3, *[refused] * 7):
        core.failing["1a"] = error
        await dispatcher.run_once()
        clock.set(outbox.run_at["1a"])
    assert outbox.dead == []
    await dispatcher.run_once()
    assert outbox.dead == ["1a"]


async def test_a_core_that_is_away_has_its_events_kept_for_a_week(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    outbox.failures["1a"] = 1998
    core.failing["1a"] = RecordsUnavailableError("away")
    dispatcher = a_dispatcher(outbox, core, clock)
    await dispatcher.run_once()
    assert outbox.dead == []
    assert outbox.run_at["1a"] - clock.now() == timedelta(minutes=5)
    clock.advance(timedelta(minutes=5))
    await dispatcher.run_once()
    assert outbox.dead == ["1a"]


async def test_a_core_that_asks_for_a_while_is_left_alone_for_it_and_told_nothing_else(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    wait = timedelta(seconds=90)
    core.failing["1a"] = CaseCoreUnavailableError("busy", retry_after=wait)
    dispatcher = a_dispatcher(outbox, core, clock, chance=0.9)
    await dispatcher.run_once()
    assert outbox.run_at["1a"] - clock.now() == wait
    core.failing.clear()
    outbox.waiting.append(an_event("2a", SECOND))
    assert await dispatcher.run_once() == 0
    clock.advance(wait)
    assert await dispatcher.run_once() == 2


async def test_what_was_claimed_with_the_event_that_it_asked_for_a_while_upon_waits_as_well(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    cases = [CaseNumber(f"{n:010}") for n in range(20)]
    outbox.waiting = [an_event(f"{case}{part}", case) for case in cases for part in "ab"]
    wait = timedelta(seconds=90)
    busy = CaseCoreUnavailableError("busy", retry_after=wait)
    core.failing = {event.id: busy for event in outbox.waiting}
    dispatcher = a_dispatcher(outbox, core, clock)
    await dispatcher.run_once()
    assert core.tries == 8  # those of the moment when it said so; none was tried a second time
    assert set(outbox.failures.values()) == {1}
    assert {outbox.run_at[f"{case}a"] for case in cases} == {clock.now() + wait}
    core.failing.clear()
    clock.advance(wait)
    assert await dispatcher.run_once() == 40


async def test_a_core_that_is_away_is_looked_for_less_and_less_until_it_is_back(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    core.failing["1a"] = RecordsUnavailableError("away")
    dispatcher = a_dispatcher(outbox, core, clock)
    pauses = []
    for _ in range(8):
        looks, began = outbox.looks, clock.now()
        outbox.run_at.clear()
        while outbox.looks == looks:
            clock.advance(timedelta(seconds=1))
            await dispatcher.run_once()
        pauses.append((clock.now() - began).total_seconds())
    assert pauses == [1, 1, 2, 4, 8, 16, 30, 30]
    core.failing.clear()
    outbox.run_at.clear()
    clock.advance(timedelta(seconds=30))
    assert await dispatcher.run_once() == 1
    outbox.waiting = [an_event("1a")]
    outbox.run_at.clear()
    core.failing["1a"] = RecordsUnavailableError("away")
    await dispatcher.run_once()
    clock.advance(timedelta(seconds=1))
    looks = outbox.looks
    await dispatcher.run_once()
    assert outbox.looks == looks + 1


async def test_cases_whose_turn_comes_too_late_for_their_claim_are_told_by_another(
    outbox: RememberedOutbox, clock: MovableClock
) -> None:
    outbox.waiting = [an_event(f"{n}", CaseNumber(f"{n:010}")) for n in range(20)]

    class SlowCore(ListeningCore):
        async def tell(self, *events: CaseEvent) -> None:
            clock.advance(timedelta(seconds=5))
            await super().tell(*events)
            assert outbox.claimed_until[events[0].id] > clock.now()

    slow = SlowCore(outbox)
    assert await a_dispatcher(outbox, slow, clock).run_once() == 20
    assert outbox.errors == []
    assert outbox.looks > 2


async def test_nobody_is_left_alone_for_more_than_an_hour(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a")]
    core.failing["1a"] = CaseCoreUnavailableError("busy", retry_after=timedelta(days=3650))
    dispatcher = a_dispatcher(outbox, core, clock)
    await dispatcher.run_once()
    core.failing.clear()
    clock.advance(timedelta(hours=1))
    assert await dispatcher.run_once() == 1


async def test_the_files_of_a_drop_are_told_as_one_event_with_their_digests(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [
        CaseEvent(
            id=name,
            type="file.received",
            case_number=FIRST,
            at=START,
            data={"path": name, "size": 7, "sha256": "ab", "sent_by": "Jo", "door": "http"},
        )
        for name in ("1a", "1b", "1c")
    ]
    outbox.drops = {"1a": "1a", "1b": "1a", "1c": "1c"}
    assert await a_dispatcher(outbox, core, clock).run_once() == 3
    assert core.told == ["drop-1a", "1c"]
    assert core.events[0].type == "files.received"
    assert core.events[0].data == {
        "sent_by": "Jo",
        "door": "http",
        "count": 2,
        "size": 14,
        "files": [
            {"path": "1a", "size": 7, "sha256": "ab"},
            {"path": "1b", "size": 7, "sha256": "ab"},
        ],
    }
    assert outbox.waiting == []


async def test_a_drop_that_is_refused_is_given_up_as_a_whole(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a"), an_event("1b")]
    outbox.drops = {"1a": "1a", "1b": "1a"}
    outbox.failures = outbox.refusals = {"1a": 7}
    core.failing["drop-1a"] = RefusedError("never")
    await a_dispatcher(outbox, core, clock).run_once()
    assert outbox.dead == ["1a", "1b"]


async def test_told_singly_what_was_taken_before_a_failure_is_not_told_again(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event(name) for name in ("1a", "1b", "1c")]
    core.failing["1b"] = RecordsUnavailableError("away")
    dispatcher = a_dispatcher(outbox, core, clock, together=False)
    assert await dispatcher.run_once() == 1
    assert [event.id for event in outbox.waiting] == ["1b", "1c"]
    core.failing.clear()
    clock.advance(timedelta(seconds=1))
    assert await dispatcher.run_once() == 2
    assert core.told == ["1a", "1b", "1c"]


async def test_told_singly_a_slow_receiver_is_told_the_rest_by_another_claim(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event(f"{n}") for n in range(6)]

    class SlowCore(ListeningCore):
        async def tell(self, *events: CaseEvent) -> None:
            await super().tell(*events)
            clock.advance(timedelta(seconds=16))

    slow = SlowCore(outbox)
    assert await a_dispatcher(outbox, slow, clock, together=False).run_once() == 6
    assert slow.told == ["0", "1", "2", "3", "4", "5"]
    assert outbox.errors == []


async def test_what_waits_is_shown_and_so_is_its_age(
    outbox: RememberedOutbox, core: ListeningCore, clock: MovableClock
) -> None:
    outbox.waiting = [an_event("1a", at=START - timedelta(minutes=2))]
    core.failing["1a"] = RecordsUnavailableError("away")
    meter = ReadMeter()
    async with running(a_dispatcher(outbox, core, clock, meter=meter)):
        await clock.wait_for_sleepers()
    assert meter.shown == {
        "events_waiting": 1,
        "events_lying_dead": 0,
        "events_oldest_seconds": 120,
    }


async def _until_empty(outbox: RememberedOutbox, clock: MovableClock) -> None:
    while outbox.waiting or not clock.sleepers:
        await clock.wait_for_sleepers()
        await asyncio.to_thread(lambda: None)  # let the loop turn, without waiting on any clock
