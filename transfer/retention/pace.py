"""How fast something is done: so much a second and no more, whatever the store could take."""

from transfer.ports import Clock

_LONGEST_WAIT_SECONDS = 10


class Pace:
    """Lets `per_second` things go a second; those of one second may go at once.

    Who takes no more than `most` together never waits for more than some seconds.
    """

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._owed = 0.0
        self._last = clock.monotonic()
        self.most = max(1, int(per_second * _LONGEST_WAIT_SECONDS))

    async def take(self, count: int) -> None:
        """Wait until `count` more may go. What goes is paid for by those that come after it."""
        now = self._clock.monotonic()
        self._owed = max(0.0, self._owed - (now - self._last) * self._per_second)
        self._last = now
        wait = self._owed / self._per_second - 1
        self._owed += count
        if wait > 0:
            await self._clock.sleep(wait)
