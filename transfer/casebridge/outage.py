"""While a case core fails: when it is asked again, so that nobody waits for it in vain."""

from datetime import timedelta

import structlog

from transfer.core.cases import CaseNumber
from transfer.core.errors import CaseCoreUnavailableError, CaseMissingError
from transfer.ports import Clock, Measure, Meter

_log = structlog.get_logger(__name__)

AWAY = Measure("case_core_away", "1 while the case core doesn't answer.")

_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=30)
_PROBE = timedelta(seconds=15)
"""How long one question may take whose answer tells whether the core is back."""

_MOST_DOUBTS = 10_000

Doubt = CaseCoreUnavailableError | CaseMissingError


class Outage:
    """Remembers that a core is away, or what was wrong with a case, and for how long not to ask.

    The pauses double while it stays away; one that it asks for itself is kept. After each, one
    question is let through, so that not all wait for a core that hangs.
    """

    def __init__(
        self,
        clock: Clock,
        lifetime: timedelta,
        meter: Meter,
        *,
        most_doubts: int = _MOST_DOUBTS,
    ) -> None:
        self._clock = clock
        self._meter = meter
        self._lifetime_seconds = lifetime.total_seconds()
        self._most_doubts = most_doubts
        self._pause = timedelta()
        self._until = 0.0
        self._asked_until = 0.0
        self._error: CaseCoreUnavailableError | None = None
        self._doubts: dict[CaseNumber, tuple[float, Doubt]] = {}

    def check(self, number: CaseNumber) -> None:
        """Raise what went wrong last, if it is too early to ask again for a case."""
        now = self._clock.monotonic()
        if self._error is not None and now < self._until:
            raise _again(self._error)
        until, doubt = self._doubts.get(number, (now, None))
        if doubt is not None and now < until:
            raise _again(doubt)
        if self._error is not None:
            self._until = now + _PROBE.total_seconds()

    def check_asked(self) -> None:
        """Raise what went wrong last, if the core has asked to be left alone until later."""
        left = self._asked_until - self._clock.monotonic()
        if self._error is not None and left > 0:
            raise CaseCoreUnavailableError(self._error.message, retry_after=timedelta(seconds=left))

    def began(self, error: CaseCoreUnavailableError) -> None:
        """Note that the core didn't answer."""
        if self._error is None:
            _log.error("case-core.away", problem=error.code)
            self._meter.show(AWAY, 1)
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        pause = max(self._pause, error.retry_after or timedelta())
        now = self._clock.monotonic()
        self._until = now + pause.total_seconds()
        self._asked_until = now + (error.retry_after or timedelta()).total_seconds()
        self._error = error

    def over(self, number: CaseNumber | None = None) -> None:
        """Note that the core has answered; on the case `number`, well."""
        if self._error is not None:
            _log.info("case-core.back")
            self._meter.show(AWAY, 0)
        self._error, self._pause = None, timedelta()
        if number is not None:
            self._doubts.pop(number, None)

    def doubt(self, number: CaseNumber, error: Doubt) -> None:
        """Note that there is nothing to be had on a case for now."""
        if len(self._doubts) >= self._most_doubts:
            self._doubts.clear()
        self._doubts[number] = (self._clock.monotonic() + self._lifetime_seconds, error)


def _again(error: Doubt) -> Doubt:
    """Return the error anew: one that is raised twice would collect the traces of both."""
    return type(error)(error.message)
