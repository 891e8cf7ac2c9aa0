"""The system's clock; the only module that may ask for the time or wait for it."""

import asyncio
import time
from datetime import UTC, datetime

_LONGEST_NAP_SECONDS = 3600.0


class SystemClock:
    """Time as the operating system tells it."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back, from an arbitrary start."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        await asyncio.sleep(seconds)

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until `now()` is at `moment` or later, also when the wall clock is set meanwhile."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, _LONGEST_NAP_SECONDS))
