"""Time, as a role."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, injected so that tests can move it."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back, from an arbitrary start."""

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`; a test clock's jump ends it early."""

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until `now()` is at `moment` or later."""
