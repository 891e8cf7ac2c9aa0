"""Doubt about the wall clock: one that was set forward makes due what isn't."""

from datetime import datetime, timedelta

import structlog

from transfer.ports import Clock
from transfer.ports.retention import ClockMarks

_log = structlog.get_logger(__name__)

_TOLERATED = timedelta(hours=1)
_LONGEST = timedelta(days=1)
_AWAY = timedelta(days=3)
"""For so long nothing may have run, as over a weekend, before the clock is doubted for it."""

_APART = timedelta(minutes=1)
"""By so much another process's clock may be ahead of this one's, which is no reason to doubt it."""

_KEEP_SECONDS = 60


class ClockDoubt:
    """Compares the wall clock with the one that never jumps.

    After a jump forward, nothing is to be deleted for as long as the jump was, at most for a day:
    time for somebody to look. A machine that slept jumps as well; what it was to delete waits. A
    clock that is set right again is believed at once; one that is corrected by less is not.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall = clock.now()
        self._ran = clock.monotonic()
        self._until = self._ran
        self._ahead = timedelta()

    def holds(self) -> bool:
        """Look at both clocks; tell whether the wall clock isn't to be believed at present."""
        wall, ran = self._clock.now(), self._clock.monotonic()
        jump = (wall - self._wall) - timedelta(seconds=ran - self._ran)
        self._wall, self._ran = wall, ran
        self._ahead = jump if ran >= self._until else self._ahead + jump
        if jump > _TOLERATED:
            self._until = max(self._until, ran + min(jump, _LONGEST).total_seconds())
        elif self._ahead <= _TOLERATED:
            self._until = ran
        if abs(jump) > _TOLERATED:
            _log.error(
                "retention.clock-jumped",
                by_seconds=round(jump.total_seconds()),
                waits_seconds=round(self._until - ran),
            )
        return ran < self._until

    def recall(self, believed_at: datetime) -> None:
        """Go on with what an earlier process has kept: when its clock was, or is, to be believed.

        A clock that would have nothing run for days may be wrong since before this process began.
        Another node may have kept a time a little ahead of this one's clock: a doubt with less
        than that left is over as well.
        """
        gap = self._clock.now() - believed_at
        if -_APART <= gap <= _AWAY:
            return
        wait = min(abs(gap), _LONGEST)
        self._until = max(self._until, self._clock.monotonic() + wait.total_seconds())
        # By how much it is wrong isn't known of a doubt that goes on: at most a small step ends it.
        self._ahead = max(gap, _LONGEST)
        _log.error(
            "retention.clock-doubted",
            gap_seconds=round(gap.total_seconds()),
            waits_seconds=round(wait.total_seconds()),
        )

    def believed_at(self) -> datetime:
        """Return from when on the wall clock is believed: now, or when the doubt will be over."""
        left = max(self._until - self._clock.monotonic(), 0)
        return self._clock.now() + timedelta(seconds=left)


class LastingDoubt:
    """Doubt that no restart ends, and that begins with one when it comes after days of nothing.

    It is kept in `marks` from one minute to the next.
    """

    def __init__(self, clock: Clock, marks: ClockMarks) -> None:
        self._clock = clock
        self._marks = marks
        self._doubt = ClockDoubt(clock)
        self._keeps_at: float | None = None
        self._held = False

    async def holds(self) -> bool:
        """Tell whether the wall clock isn't to be believed at present.

        Raises:
            RecordsUnavailableError: nobody knows.
        """
        if self._keeps_at is None:
            believed_at = await self._marks.believed_at()
            if believed_at is not None:
                self._doubt.recall(believed_at)
            self._keeps_at = self._clock.monotonic()
        held = self._doubt.holds()
        if held is not self._held or self._clock.monotonic() >= self._keeps_at:
            await self._marks.believe(self._doubt.believed_at())
            self._held, self._keeps_at = held, self._clock.monotonic() + _KEEP_SECONDS
        return held
