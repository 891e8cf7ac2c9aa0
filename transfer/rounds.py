"""The pace of background work: a round now and then, one at once when there is something to do."""

import asyncio
from datetime import timedelta

from transfer.ports import Clock


class Rounds:
    """When a worker's next round is due, and whether it should leave.

    One worker asks; anyone in the same event loop may `wake` or `stop`. Rounds that are asked for
    follow each other no closer than `apart`, so that a flood of requests makes no flood of rounds.
    """

    def __init__(self, *, clock: Clock, every: timedelta, apart: timedelta = timedelta()) -> None:
        self._clock = clock
        self._every = every
        self._apart = apart
        self._nudge = asyncio.Event()
        self._stop = asyncio.Event()
        self._last: float | None = None

    @property
    def stopping(self) -> bool:
        """Whether the worker should leave as soon as its present step is done."""
        return self._stop.is_set()

    def wake(self) -> None:
        """Have the next round soon; one that is asked for during a round follows it."""
        self._nudge.set()

    def stop(self) -> None:
        """Have no more rounds, and leave the present one after its step."""
        self._stop.set()
        self._nudge.set()

    async def pause(self) -> None:
        """Wait until the next round is due, or asked for, or there is none."""
        await self._wait_for(self._nudge, self._every.total_seconds())
        if self._last is not None:
            since = self._clock.monotonic() - self._last
            await self._wait_for(self._stop, self._apart.total_seconds() - since)
        self._last = self._clock.monotonic()
        if not self.stopping:
            self._nudge.clear()

    async def _wait_for(self, event: asyncio.Event, seconds: float) -> None:
        """Wait until `event` is set, but no longer than `seconds`."""
        if event.is_set() or seconds <= 0:
            return
        waits = (
            asyncio.ensure_future(event.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
