"""Cases that failed just now, so that they neither hold up the others nor flood the logs."""

from datetime import timedelta

from transfer.core.cases import CaseNumber
from transfer.ports import Clock

_FIRST_DELAY = timedelta(minutes=1)
_LONGEST_DELAY = timedelta(hours=1)


class Postponed:
    """Which cases are left alone for now, and until when: longer each time.

    Another process, or this one started again, tries them at once.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._delays: dict[CaseNumber, timedelta] = {}
        self._until: dict[CaseNumber, float] = {}

    def postpone(self, number: CaseNumber) -> None:
        """Leave a case alone for a while, twice as long as the last time."""
        delay = min(self._delays.get(number, _FIRST_DELAY / 2) * 2, _LONGEST_DELAY)
        self._delays[number] = delay
        self._until[number] = self._clock.monotonic() + delay.total_seconds()

    def forget(self, number: CaseNumber) -> None:
        """Let a case start anew."""
        self._delays.pop(number, None)
        self._until.pop(number, None)

    def now(self) -> frozenset[CaseNumber]:
        """Return the cases to be left alone at present."""
        present = self._clock.monotonic()
        # Who hasn't failed again for this long is no case of ours any more.
        long_ago = present - 2 * _LONGEST_DELAY.total_seconds()
        for number in [number for number, until in self._until.items() if until < long_ago]:
            self.forget(number)
        return frozenset(number for number, until in self._until.items() if until > present)
