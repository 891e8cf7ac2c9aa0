"""A clock for tests: time stands still, or runs, until the test moves it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from transfer.clock import SystemClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""Where the clock stands at first, unless a test says otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sleeper:
    woken: asyncio.Future[None]
    seconds_left: Callable[[], float]

    def wake(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


class MovableClock:
    """Time as the test tells it; plays the role `transfer.ports.Clock`.

    It stands still unless `running`, when real time passes on top of the jumps. A jump wakes every
    sleeper whose time has come, and no other. It may be made from another thread.
    """

    def __init__(self, start: datetime = START, *, running: bool = False) -> None:
        self._start = start
        self._jumped = timedelta()
        self._advanced_seconds = 0.0
        self._real = SystemClock() if running else None
        self._began = self._real.monotonic() if self._real else 0.0
        self._sleepers: set[_Sleeper] = set()
        self._arrivals: set[asyncio.Future[None]] = set()

    @property
    def sleepers(self) -> int:
        """How many tasks wait for their time to come."""
        return len(self._sleepers)

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""
        return self._start + self._jumped + timedelta(seconds=self._ran_seconds())

    def monotonic(self) -> float:
        """Return seconds that never go back, not even when `set` does."""
        return self._advanced_seconds + self._ran_seconds()

    def advance(self, delta: timedelta | float) -> None:
        """Move time forward by `delta` (seconds, if a number), and wake whose time has come.

        Raises:
            ValueError: `delta` is negative.
        """
        step = delta if isinstance(delta, timedelta) else timedelta(seconds=delta)
        if step < timedelta():
            raise ValueError("Time moves forward; use set(…, backwards=True) for the wall clock.")
        self._jumped += step
        self._advanced_seconds += step.total_seconds()
        self._wake_due()

    def set(self, moment: datetime, *, backwards: bool = False) -> None:
        """Set the wall clock to `moment`; only back in time if told so by `backwards`.

        Forward, monotonic time goes along. Backwards it stays, as on a real machine.

        Raises:
            ValueError: `moment` has passed, and `backwards` isn't given.
        """
        step = moment - self.now()
        if step >= timedelta():
            self.advance(step)
        elif backwards:
            self._jumped += step
        else:
            raise ValueError("That moment has passed; say backwards=True if it is meant.")

    async def sleep(self, seconds: float) -> None:
        """Wait until `seconds` have passed on this clock."""
        deadline = self.monotonic() + seconds
        await self._wait(lambda: deadline - self.monotonic())

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until `now()` is at `moment` or later."""

        def seconds_left() -> float:
            return (moment - self.now()).total_seconds()

        await self._wait(seconds_left)

    async def wait_for_sleepers(self, count: int = 1, *, real_seconds: float = 10.0) -> None:
        """Wait until `count` tasks sleep: a test then knows that they have nothing left to do.

        Raises:
            TimeoutError: they didn't within `real_seconds`.
        """
        async with asyncio.timeout(real_seconds):
            while self.sleepers < count:
                arrival = asyncio.get_running_loop().create_future()
                self._arrivals.add(arrival)
                try:
                    await arrival
                finally:
                    self._arrivals.discard(arrival)

    def _ran_seconds(self) -> float:
        return self._real.monotonic() - self._began if self._real else 0.0

    async def _wait(self, seconds_left: Callable[[], float]) -> None:
        loop = asyncio.get_running_loop()
        while (left := seconds_left()) > 0:
            sleeper = _Sleeper(loop.create_future(), seconds_left)
            self._sleepers.add(sleeper)
            self._tell_arrivals()
            try:
                await asyncio.wait((sleeper.woken,), timeout=left if self._real else None)
            finally:
                self._sleepers.discard(sleeper)

    def _tell_arrivals(self) -> None:
        for arrival in self._arrivals:
            if not arrival.done():
                arrival.set_result(None)

    def _wake_due(self) -> None:
        for sleeper in [one for one in tuple(self._sleepers) if one.seconds_left() <= 0]:
            self._sleepers.discard(sleeper)
            sleeper.woken.get_loop().call_soon_threadsafe(sleeper.wake)
