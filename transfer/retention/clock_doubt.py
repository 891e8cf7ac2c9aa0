"""Doubt about the wall clock: one that was set forward makes due what isn't."""

from datetime import timedelta

import structlog

from transfer.ports import Clock

_log = structlog.get_logger(__name__)

_TOLERATED = timedelta(hours=1)
_LONGEST = timedelta(days=1)


class ClockDoubt:
    """Compares the wall clock with the one that never jumps.

    After a jump forward, nothing is to be deleted for as long as the jump was, at most for a day:
    time for somebody to look. A machine that slept jumps as well; what it was to delete waits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall = clock.now()
        self._ran = clock.monotonic()
        self._until = self._ran

    def holds(self) -> bool:
        """Look at both clocks; tell whether the wall clock isn't to be believed at present."""
        wall, ran = self._clock.now(), self._clock.monotonic()
        jump = (wall - self._wall) - timedelta(seconds=ran - self._ran)
        self._wall, self._ran = wall, ran
        if jump > _TOLERATED:
            self._until = max(self._until, ran + min(jump, _LONGEST).total_seconds())
        elif jump < -_TOLERATED:  # set back: what it said in between is over
            self._until = ran
        if abs(jump) > _TOLERATED:
            _log.error(
                "retention.clock-jumped",
                by_seconds=round(jump.total_seconds()),
                waits_seconds=round(self._until - ran),
            )
        return ran < self._until
