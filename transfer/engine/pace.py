"""A rate that isn't exceeded: so that work in the background leaves room for the rest."""

from transfer.ports import Clock


class Pace:
    """Lets so many bytes a second pass, of all who ask together; None is no limit."""

    def __init__(self, clock: Clock, bytes_per_second: int | None) -> None:
        self._clock = clock
        self._rate = bytes_per_second
        self._free_at = clock.monotonic()

    async def take(self, size_bytes: int) -> None:
        """Wait until `size_bytes` more may have passed."""
        if self._rate is None:
            return
        now = self._clock.monotonic()
        self._free_at = max(self._free_at, now) + size_bytes / self._rate
        await self._clock.sleep(self._free_at - now)
