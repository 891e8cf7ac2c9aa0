"""Events on their way out: each is told to the case core until it has taken note."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from transfer.core.cases import CaseNumber
from transfer.core.errors import TransferError
from transfer.ports import CaseCore, CaseEvent, Clock, Outbox
from transfer.rounds import Rounds

_log = structlog.get_logger(__name__)

_BATCH = 100
_POLL = timedelta(seconds=2)
_APART = timedelta(milliseconds=250)
"""While many files arrive, those of a moment are told by one round."""

_ANSWER_WITHIN = timedelta(seconds=20)
_CLAIM = timedelta(seconds=60)
"""Longer than a batch can take, so that no other process tells the same events meanwhile. If one
does after all, nothing breaks: an event that was told before changes nothing."""

_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=5)


class OutboxDispatcher:
    """Tells the case core what is in the outbox, in order a case; any number may run at once.

    The events of a case are told together, those of different cases side by side. `worker` names
    this process in its claims; `chance` gives the jitter, from 0 up to 1.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        core: CaseCore,
        clock: Clock,
        worker: str,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._core = core
        self._clock = clock
        self._worker = worker
        self._chance = chance
        self._rounds = Rounds(clock=clock, every=_POLL, apart=_APART)

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
            except Exception:  # noqa: BLE001 -- the worker's outermost boundary: it goes on later
                _log.exception("outbox.round-failed", worker=self._worker)
            await self._rounds.pause()

    async def run_once(self) -> int:
        """Tell all events that are due; return how many the case core took note of."""
        told = 0
        while not self._rounds.stopping:
            now = self._clock.now()
            events = await self._outbox.claim(self._worker, now, now + _CLAIM, _BATCH)
            by_case: dict[CaseNumber, list[CaseEvent]] = {}
            for event in events:
                by_case.setdefault(event.case_number, []).append(event)
            outcomes = await asyncio.gather(
                *map(self._deliver, by_case.values()), return_exceptions=True
            )
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                told += outcome
            if len(events) < _BATCH:
                break
        return told

    async def _deliver(self, events: Sequence[CaseEvent]) -> int:
        """Tell a case's events; if that fails, only the first, and hand back what is left."""
        error = await self._tell(events)
        if error is None:
            return len(events)
        first, *others = events
        if others:
            error = await self._tell([first])
            if error is None:
                await self._outbox.retry(others[0].id, self._clock.now(), "not together")
                self._rounds.wake()
                return 1
        await self._hand_back(first, error)
        return 0

    async def _tell(self, events: Sequence[CaseEvent]) -> str | None:
        """Tell events together and mark them; return what went wrong, None if nothing."""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                await self._core.tell(*events)
        except (TransferError, TimeoutError) as exc:
            return str(getattr(exc, "code", "timeout"))
        except Exception as exc:  # noqa: BLE001 -- one case's boundary: others must not wait for it
            _log.exception("outbox.event-failed", event_id=events[0].id, type=events[0].type)
            return type(exc).__name__
        await self._outbox.delivered([event.id for event in events], self._clock.now())
        return None

    async def _hand_back(self, event: CaseEvent, error: str) -> None:
        now = self._clock.now()
        delay = self._delay(event, now)
        _log.warning(
            "outbox.event-not-told",
            event_id=event.id,
            type=event.type,
            case=event.case_number,
            error=error,
            retry_in_seconds=round(delay.total_seconds(), 1),
        )
        await self._outbox.retry(event.id, now + delay, error)

    def _delay(self, event: CaseEvent, now: datetime) -> timedelta:
        """Return how long an event waits for its next try.

        As long as it has waited already, so that the waits double, also across processes and
        restarts; capped, and shortened by up to half so that many don't come back at once.
        """
        waited = max(now - event.at, _FIRST_DELAY)
        return min(waited, _LONGEST_DELAY) * (1 - self._chance() / 2)
