"""Events on their way out: each is told to the case core until it has taken note."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from transfer.core.errors import TransferError
from transfer.ports import CaseCore, CaseEvent, Clock, Outbox
from transfer.rounds import Rounds

_log = structlog.get_logger(__name__)

_BATCH = 20
_POLL = timedelta(seconds=2)
_ANSWER_WITHIN = timedelta(seconds=20)
_CLAIM = timedelta(seconds=60)
"""Longer than a batch can take, so that no other process tells the same events meanwhile. If one
does after all, nothing breaks: an event that was told before changes nothing."""

_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=5)


class OutboxDispatcher:
    """Tells the case core what is in the outbox, in order a case; any number may run at once.

    The events of a batch belong to different cases and are told side by side. `worker` names this
    process in its claims; `chance` gives the jitter, from 0 up to 1.
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
        self._rounds = Rounds(clock=clock, every=_POLL)

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
            if not events:
                break
            outcomes = await asyncio.gather(*map(self._deliver, events), return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                told += outcome
        return told

    async def _deliver(self, event: CaseEvent) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                await self._core.tell(event)
        except (TransferError, TimeoutError) as exc:
            await self._hand_back(event, getattr(exc, "code", "timeout"))
            return False
        except Exception as exc:  # noqa: BLE001 -- one event's boundary: others must not wait for it
            _log.exception("outbox.event-failed", event_id=event.id, type=event.type)
            await self._hand_back(event, type(exc).__name__)
            return False
        await self._outbox.delivered(event.id, self._clock.now())
        return True

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
