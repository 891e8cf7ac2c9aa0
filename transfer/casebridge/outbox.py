"""Events on their way out: each is told to a destination until that has taken note."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from transfer.casebridge.drops import Message, messages_of
from transfer.core.cases import CaseNumber
from transfer.core.errors import TransferError, UnavailableError
from transfer.ports import (
    Clock,
    Destination,
    DropPolicy,
    EventSink,
    Measure,
    Meter,
    NoMeter,
    Outbox,
    OutgoingEvent,
)
from transfer.rounds import Rounds

_log = structlog.get_logger(__name__)

_BATCH = 100
_POLL = timedelta(seconds=2)
_APART = timedelta(milliseconds=250)
"""While many files arrive, those of a moment are told by one round."""

_ANSWER_WITHIN = timedelta(seconds=20)
_CASE_WITHIN = timedelta(seconds=30)
_CLAIM = timedelta(seconds=90)
"""Longer than a batch can take, so that no other process tells the same events meanwhile. If one
does after all, nothing breaks: an event that was told before changes nothing."""

_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=1)
"""However much more a destination asks for."""

_MOST_DOUBLINGS = 20
_LONGEST_REST = timedelta(seconds=30)
"""How long a destination that seems to be away is left alone: no look at all that waits for it."""

_AT_ONCE = 8
"""Cases told of at a time: a case core has to answer questions as well."""

_MOST_REFUSALS = 8
"""After these in a row, about two minutes, an event that is refused is a dead letter."""

_MOST_FAILURES = 2000
"""After these, about a week, so is one that its destination was away for."""

TOLD = Measure("events_told", "Events that a destination has taken note of", ("destination",))
NOT_TOLD = Measure("events_not_told", "Tries to tell events that failed", ("destination",))
DEAD = Measure("events_dead", "Events that were given up", ("destination",))
WAITING = Measure("events_waiting", "Events that wait to be told", ("destination",))
LYING_DEAD = Measure("events_lying_dead", "Events given up and not replayed", ("destination",))
OLDEST = Measure("events_oldest_seconds", "Age of the oldest that waits", ("destination",))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """Why something could not be told; `passes` if it may be told later."""

    code: str
    passes: bool
    retry_after: timedelta | None = None


class OutboxDispatcher:
    """Tells a destination what is in the outbox for it, in order a case; many may run at once.

    The events of a case are told `together`, if the destination takes them so, those of different
    cases side by side. With `drops`, the files of one drop are one event. `worker` names this
    process in its claims; `chance` gives the jitter, from 0 up to 1.
    """

    def __init__(  # noqa: PLR0913 - collaborators, all by name
        self,
        *,
        outbox: Outbox,
        core: EventSink,
        clock: Clock,
        worker: str,
        destination: Destination = Destination.CORE,
        drops: DropPolicy | None = None,
        together: bool = True,
        meter: Meter | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._sink = core
        self._clock = clock
        self._worker = worker
        self._destination = destination
        self._drops = drops
        self._together = together
        self._meter = meter or NoMeter()
        self._chance = chance
        self._rounds = Rounds(clock=clock, every=_POLL, apart=_APART)
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._left_alone_until = 0.0
        self._rest = timedelta()
        self._seems_away = False

    def wake(self) -> None:
        """Look at the outbox at once: something was just put there."""
        self._rounds.wake()

    def stop(self) -> None:
        """Claim no more; `run` returns once the events at hand are told.

        Cancelling `run` loses nothing either: its claims run out, and the events are told again.
        """
        self._rounds.stop()

    async def run(self) -> None:
        """Tell events until stopped, whatever goes wrong meanwhile."""
        while not self._rounds.stopping:
            try:
                await self.run_once()
                await self._show()
            except Exception:  # noqa: BLE001 -- the worker's outermost boundary: it goes on later
                _log.exception(
                    "outbox.round-failed", worker=self._worker, destination=self._destination
                )
            await self._rounds.pause()

    async def run_once(self) -> int:
        """Tell all events that are due; return how many the destination took note of."""
        told = 0
        while not self._rounds.stopping and not self._is_left_alone():
            now = self._clock.now()
            events = await self._outbox.claim(
                self._worker,
                now,
                now + _CLAIM,
                _BATCH,
                destination=self._destination,
                drops=self._drops,
            )
            if not events:
                break
            told_now = await self._tell_all(events)
            self._note_outcome(told_now)
            told += told_now
        return told

    async def _tell_all(self, events: Sequence[OutgoingEvent]) -> int:
        by_case: dict[CaseNumber, list[OutgoingEvent]] = {}
        for event in events:
            by_case.setdefault(event.case_number, []).append(event)
        began, told = self._clock.monotonic(), 0
        outcomes = await asyncio.gather(
            *(self._deliver_in_turn(messages_of(of_case), began) for of_case in by_case.values()),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            told += outcome
        return told

    def _note_outcome(self, told: int) -> None:
        """Leave a destination alone, longer each time, that took note of nothing and seems away."""
        if told or not self._seems_away:
            self._rest = timedelta()
        else:
            self._rest = min(max(self._rest * 2, _FIRST_DELAY), _LONGEST_REST)
            self._leave_alone(self._rest)
        self._seems_away = False

    async def _deliver_in_turn(self, messages: Sequence[Message], began: float) -> int:
        """Tell of a case when it is its turn, unless that comes too late for its claim."""
        async with self._turns:
            now = self._clock.monotonic()
            if self._is_left_alone():  # as the answer to another case has asked for
                await self._put_off(messages[0], timedelta(seconds=self._left_alone_until - now))
                return 0
            if now - began > _CASE_WITHIN.total_seconds():
                await self._put_off(messages[0])
                return 0
            return await self._deliver(messages)

    async def _deliver(self, messages: Sequence[Message]) -> int:
        """Tell of a case; if that fails, of its first event alone, and hand back what is left."""
        if not self._together:
            return await self._deliver_singly(messages)
        failure = await self._tell(messages)
        if failure is None:
            return sum(len(message.ids) for message in messages)
        first, *others = messages
        if others and failure.retry_after is None:
            failure = await self._tell([first])
            if failure is None:
                await self._put_off(others[0])
                return len(first.ids)
        await self._fail(first, failure)
        return 0

    async def _deliver_singly(self, messages: Sequence[Message]) -> int:
        """Tell one after the other, up to one that fails; what is left is told soon."""
        began, told = self._clock.monotonic(), 0
        for message in messages:
            if self._clock.monotonic() - began > _CASE_WITHIN.total_seconds():
                await self._put_off(message)
                break
            failure = await self._tell([message])
            if failure is not None:
                await self._fail(message, failure)
                break
            told += len(message.ids)
        return told

    async def _tell(self, messages: Sequence[Message]) -> _Failure | None:
        """Tell messages at once and mark their events; return what went wrong, None if nothing."""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                await self._sink.tell(*(message.event for message in messages))
        except TimeoutError:
            return _Failure(code="timeout", passes=True)
        except TransferError as exc:
            return _Failure(
                code=exc.code,
                passes=isinstance(exc, UnavailableError),
                retry_after=getattr(exc, "retry_after", None),
            )
        except Exception as exc:  # noqa: BLE001 -- one case's boundary: others must not wait for it
            event = messages[0].event
            _log.exception("outbox.event-failed", event_id=event.id, type=event.type)
            return _Failure(code=type(exc).__name__, passes=False)
        ids = [event_id for message in messages for event_id in message.ids]
        await self._outbox.delivered(ids, self._clock.now(), destination=self._destination)
        self._meter.count(TOLD, len(ids), destination=self._destination)
        return None

    async def _put_off(self, message: Message, wait: timedelta = timedelta()) -> None:
        """Hand a message back that nothing is wrong with, to be told at once or after a while."""
        await self._outbox.retry(
            message.ids[0], self._clock.now() + wait, None, destination=self._destination
        )
        if not wait:
            self._rounds.wake()

    async def _fail(self, message: Message, failure: _Failure) -> None:
        now, failures = self._clock.now(), message.failures + 1
        refusals = 0 if failure.passes else message.refusals + 1
        self._seems_away |= failure.passes
        self._meter.count(NOT_TOLD, destination=self._destination)
        log = _log.bind(
            destination=self._destination,
            event_id=message.event.id,
            type=message.event.type,
            case=message.event.case_number,
            error=failure.code,
        )
        if failures >= _MOST_FAILURES or refusals >= _MOST_REFUSALS:
            self._meter.count(DEAD, len(message.ids), destination=self._destination)
            log.error("outbox.event-given-up", failures=failures)
            await self._outbox.give_up(
                message.ids, now, failure.code, destination=self._destination
            )
            return
        if failure.retry_after is not None:
            self._leave_alone(min(failure.retry_after, _LONGEST_WAIT))
        delay = self._delay(failures, failure.retry_after)
        log.warning("outbox.event-not-told", retry_in_seconds=round(delay.total_seconds(), 1))
        await self._outbox.retry(
            message.ids[0],
            now + delay,
            failure.code,
            refused=not failure.passes,
            destination=self._destination,
        )

    def _delay(self, failures: int, retry_after: timedelta | None) -> timedelta:
        """Return how long an event waits for its next try.

        The waits double, up to a cap, and are shortened by up to half so that many don't come back
        at once; but never to less than what the destination asked for.
        """
        doubled: timedelta = _FIRST_DELAY * 2 ** min(failures - 1, _MOST_DOUBLINGS)
        delay = min(doubled, _LONGEST_DELAY) * (1 - self._chance() / 2)
        return max(delay, min(retry_after or timedelta(), _LONGEST_WAIT))

    def _leave_alone(self, wait: timedelta) -> None:
        until = self._clock.monotonic() + wait.total_seconds()
        self._left_alone_until = max(self._left_alone_until, until)

    def _is_left_alone(self) -> bool:
        """Whether the destination is to be told nothing for a while: it asked, or seems away."""
        return self._clock.monotonic() < self._left_alone_until

    async def _show(self) -> None:
        backlog = (await self._outbox.backlogs()).get(self._destination)
        oldest_at = backlog.oldest_at if backlog else None
        age = self._clock.now() - oldest_at if oldest_at else timedelta()
        label = {"destination": self._destination.value}
        self._meter.show(WAITING, backlog.waiting if backlog else 0, **label)
        self._meter.show(LYING_DEAD, backlog.dead if backlog else 0, **label)
        self._meter.show(OLDEST, max(age.total_seconds(), 0.0), **label)
