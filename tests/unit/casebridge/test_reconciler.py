"""Changes at another case core, asked for now and then: none is missed, whatever fails."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.clock import MovableClock
from tests.unit.casebridge.meters import ReadMeter
from tests.unit.casebridge.scripted_core import NUMBER, ScriptedCore, a_case, closed
from transfer.casebridge.inbox import InboxReader
from transfer.casebridge.known import KnownCases
from transfer.casebridge.reconciler import Reconciler
from transfer.core.cases import Case, CaseNumber, Status
from transfer.core.errors import CaseCoreUnavailableError, InvalidRequestError
from transfer.ports import CaseChanges, ReadingMark, Records

EVERY = timedelta(minutes=1)
OTHER = CaseNumber("0003256110")


class PagedCore(ScriptedCore):
    """A core that has written down its changes, one a page; a cursor is how many were read."""

    def __init__(self, *cases: Case) -> None:
        super().__init__(*cases)
        self.log: list[Case] = list(cases)
        self.cursors: list[str | None] = []
        self.stuck = False
        self.unreadable: set[CaseNumber] = set()

    def put(self, case: Case) -> Case:
        self.log.append(case)
        return super().put(case)

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:  # noqa: ARG002 - the port's
        self.cursors.append(since)
        if self.error is not None:
            raise self.error
        first = 0 if since is None else int(since)
        if first > len(self.log):
            raise InvalidRequestError("no such cursor")
        if self.stuck:
            return CaseChanges(cases=(), cursor=since or "0", more=True)
        page = self.log[first : first + 1]
        end, more = first + len(page), first + len(page) < len(self.log)
        if self.unreadable.intersection(case.number for case in page):
            numbers = tuple(case.number for case in page)
            return CaseChanges(cases=(), cursor=str(end), more=more, unreadable=numbers)
        return CaseChanges(cases=tuple(page), cursor=str(end), more=more)


@pytest.fixture
def core() -> PagedCore:
    return PagedCore(a_case(), a_case(OTHER))


@pytest.fixture
async def mirror(core: PagedCore, records: Records, clock: MovableClock) -> KnownCases:
    numbers = iter(range(1000))
    known = KnownCases(
        core=core, records=records, clock=clock, new_id=lambda: f"here-{next(numbers)}"
    )
    await known.case(NUMBER)
    return known


def a_reconciler(
    records: Records,
    mirror: KnownCases,
    clock: MovableClock,
    worker: str = "w1",
    meter: ReadMeter | None = None,
) -> Reconciler:
    return Reconciler(
        records=records, mirror=mirror, clock=clock, worker=worker, every=EVERY, meter=meter
    )


async def status(records: Records, number: CaseNumber = NUMBER) -> Status:
    return (await records.cases.case(number)).status


async def test_a_change_whose_event_was_lost_comes_to_light(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    meter = ReadMeter()
    reconciler = a_reconciler(records, mirror, clock, meter=meter)
    assert await reconciler.run_once() == 0
    core.put(closed(a_case()))
    clock.advance(EVERY)
    assert await reconciler.run_once() == 1
    assert await status(records) is Status.CLOSED
    assert core.cursors == [None, "1", "2"]
    assert meter.counted["reconciled_cases"] == 1
    assert meter.shown["reconciled_seconds"] == clock.now().timestamp()


async def test_it_goes_on_where_it_stood_also_in_another_process(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    await a_reconciler(records, mirror, clock).run_once()
    clock.advance(EVERY)
    await a_reconciler(records, mirror, clock, "w2").run_once()
    assert core.cursors == [None, "1", "2"]


async def test_what_is_not_known_here_is_left_alone(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    core.put(closed(a_case(OTHER)))
    assert await a_reconciler(records, mirror, clock).run_once() == 0
    assert await records.known_cases.find(OTHER) is None


async def test_one_process_asks_at_a_time_and_no_more_often_than_it_should(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    first, second = (a_reconciler(records, mirror, clock, name) for name in ("w1", "w2"))
    mark = await records.reading_marks.claim(
        "case-core", "w3", clock.now(), clock.now() + timedelta(minutes=2)
    )
    assert mark == ReadingMark(cursor=None, read_at=None)
    assert await first.run_once() == 0
    assert core.cursors == []
    clock.advance(timedelta(minutes=2))  # the other one has died
    await first.run_once()
    await second.run_once()
    assert core.cursors == [None, "1"]


async def test_a_process_that_was_overtaken_moves_no_cursor(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    async def overtake() -> None:
        clock.advance(timedelta(minutes=3))
        until = clock.now() + timedelta(minutes=2)
        await records.reading_marks.claim("case-core", "w2", clock.now(), until)

    learn = mirror.learn

    async def slowly(
        *cases: Case, unreadable: Sequence[CaseNumber | None] = ()
    ) -> list[CaseNumber]:
        await overtake()
        return await learn(*cases, unreadable=unreadable)

    object.__setattr__(mirror, "learn", slowly)
    await a_reconciler(records, mirror, clock).run_once()
    assert core.cursors == [None]
    mark = await records.reading_marks.claim("case-core", "w2", clock.now(), clock.now())
    assert mark == ReadingMark(cursor=None, read_at=None)


async def test_a_case_that_cannot_be_read_or_be_so_is_asked_for_until_it_can(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    reader = InboxReader(records=records, mirror=mirror, clock=clock)
    await mirror.case(OTHER)
    reconciler = a_reconciler(records, mirror, clock)
    await reconciler.run_once()
    core.put(closed(a_case(), closed_at=clock.now() + timedelta(minutes=7)))  # its clock is ahead
    core.put(closed(a_case(OTHER)))
    core.unreadable = {OTHER}
    clock.advance(EVERY)
    await reconciler.run_once()
    assert core.cursors[-1] == "3"  # it goes on all the same
    core.unreadable.clear()
    for _ in range(30):
        await reader.run_once()
        clock.advance(timedelta(seconds=20))
    assert [await status(records, number) for number in (NUMBER, OTHER)] == [Status.CLOSED] * 2
    assert await records.inbox.waiting() == 0


async def test_a_case_of_which_nothing_was_heard_for_a_day_is_asked_for(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    reader = InboxReader(records=records, mirror=mirror, clock=clock)
    reconciler = a_reconciler(records, mirror, clock)
    await reconciler.run_once()
    core.cases[NUMBER] = closed(a_case())  # and tells nobody
    clock.advance(timedelta(hours=23))
    await reconciler.run_once()
    assert await records.inbox.waiting() == 0
    clock.advance(timedelta(hours=2))
    await reconciler.run_once()
    await reader.run_once()
    assert await status(records) is Status.CLOSED


async def test_while_the_core_is_away_nothing_is_skipped(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    reconciler = a_reconciler(records, mirror, clock)
    await reconciler.run_once()
    core.put(closed(a_case()))
    core.error = CaseCoreUnavailableError("away")
    clock.advance(EVERY)
    with pytest.raises(CaseCoreUnavailableError):
        await reconciler.run_once()
    core.error = None
    assert await reconciler.run_once() == 1
    assert await status(records) is Status.CLOSED


async def test_a_core_that_has_forgotten_the_cursor_is_read_anew(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    reconciler = a_reconciler(records, mirror, clock)
    await reconciler.run_once()
    core.log = [closed(a_case())]  # it was restored from a backup
    clock.advance(EVERY)
    with capture_logs() as logs:
        assert await reconciler.run_once() == 1
    assert core.cursors[-2:] == ["2", None]
    assert "reconciler.begins-anew" in {entry["event"] for entry in logs}


async def test_a_core_that_refuses_even_a_beginning_is_told_of(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    core.error = InvalidRequestError("no")
    with pytest.raises(InvalidRequestError):
        await a_reconciler(records, mirror, clock).run_once()


async def test_a_core_that_always_has_more_of_the_same_is_not_asked_for_ever(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    reconciler = a_reconciler(records, mirror, clock)
    await reconciler.run_once()
    core.stuck = True
    clock.advance(EVERY)
    with capture_logs() as logs:
        await reconciler.run_once()
    assert len(core.cursors) == 3
    assert "reconciler.stuck" in {entry["event"] for entry in logs}


async def test_a_round_reads_no_more_than_so_many_pages(
    core: PagedCore,
    records: Records,
    mirror: KnownCases,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transfer.casebridge.reconciler._PAGES_A_ROUND", 1)
    await a_reconciler(records, mirror, clock).run_once()
    assert core.cursors == [None]


async def test_a_core_that_asks_for_an_hour_is_left_alone_for_it(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    core.error = CaseCoreUnavailableError("away", retry_after=timedelta(hours=1))
    reconciler = a_reconciler(records, mirror, clock)
    task = asyncio.create_task(reconciler.run())
    try:
        await clock.wait_for_sleepers()
        for minutes, questions in ((50, 1), (10, 2)):
            clock.advance(timedelta(minutes=minutes))
            await asyncio.to_thread(lambda: None)
            await clock.wait_for_sleepers()
            assert len(core.cursors) == questions
    finally:
        reconciler.stop()
        await asyncio.wait_for(task, 5)


async def test_the_loop_leaves_a_core_alone_that_fails_and_comes_back_to_it(
    core: PagedCore, records: Records, mirror: KnownCases, clock: MovableClock
) -> None:
    core.error = CaseCoreUnavailableError("away", retry_after=timedelta(minutes=3))
    meter = ReadMeter()
    reconciler = a_reconciler(records, mirror, clock, meter=meter)
    task = asyncio.create_task(reconciler.run())
    try:
        await clock.wait_for_sleepers()
        core.error = ValueError("a bug")
        for _ in range(2):
            clock.advance(EVERY)
            await asyncio.to_thread(lambda: None)
            await clock.wait_for_sleepers()
        assert len(core.cursors) == 1
        for error, cursors in ((ValueError("a bug"), 2), (None, 4)):
            core.error = error
            for _ in range(300):
                if len(core.cursors) >= cursors:
                    break
                clock.advance(EVERY)
                await asyncio.to_thread(lambda: None)
                await clock.wait_for_sleepers()
    finally:
        reconciler.stop()
        await asyncio.wait_for(task, 5)
    assert core.cursors == [None, None, None, "1"]
    assert meter.counted["reconcilings_failed"] == 2
