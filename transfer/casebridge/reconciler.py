"""What has changed at another case core, asked for now and then: a lost event costs minutes."""

from datetime import timedelta

import structlog

from transfer.core.errors import InvalidRequestError, TransferError
from transfer.ports import (
    CaseChanges,
    CaseMirror,
    Clock,
    Measure,
    Meter,
    NoMeter,
    ReadingMark,
    Records,
)
from transfer.rounds import Rounds

_log = structlog.get_logger(__name__)

_SOURCE = "case-core"
_CLAIM = timedelta(minutes=2)
_PAGE = 100
_PAGES_A_ROUND = 1000
_LONGEST_PAUSE = timedelta(minutes=10)
_MOST_DOUBLINGS = 10
_UNHEARD = timedelta(days=1)
_ASKED_A_ROUND = 10
_SLACK_SECONDS = 0.5
"""A round that comes a moment early isn't put off to the next one."""

FOUND = Measure("reconciled_cases", "Cases whose change came to light by asking, not by an event")
FAILED = Measure("reconcilings_failed", "Rounds of asking for changes that failed")
READ_AT = Measure("reconciled_seconds", "When changes were asked for last with success, Unix time")


class Reconciler:
    """Asks the core for changes since a cursor that is kept; one at a time, on any number of nodes.

    The cursor moves when a page was taken over: after an outage it goes on where it stood.
    """

    def __init__(
        self,
        *,
        records: Records,
        mirror: CaseMirror,
        clock: Clock,
        worker: str,
        every: timedelta,
        meter: Meter | None = None,
    ) -> None:
        self._marks = records.reading_marks
        self._known = records.known_cases
        self._inbox = records.inbox
        self._mirror = mirror
        self._clock = clock
        self._worker = worker
        self._every = every
        self._meter = meter or NoMeter()
        self._rounds = Rounds(clock=clock, every=every)
        self._failures = 0
        self._not_before = 0.0

    def stop(self) -> None:
        """Begin nothing new; `run` returns after the page at hand."""
        self._rounds.stop()

    async def run(self) -> None:
        """Have rounds until stopped, whatever goes wrong meanwhile."""
        while not self._rounds.stopping:
            if self._clock.monotonic() >= self._not_before:
                await self._round()
            await self._rounds.pause()

    async def _round(self) -> None:
        try:
            await self.run_once()
        except TransferError as exc:
            self._failed(exc.code, getattr(exc, "retry_after", None))
        except Exception:  # noqa: BLE001 -- the worker's outermost boundary: it goes on later
            _log.exception("reconciler.round-failed")
            self._failed("unexpected", None)
        else:
            self._failures = 0

    async def run_once(self) -> int:
        """Take over what has changed since the last time; return how many cases that changed here.

        Does nothing when another process is at it, or was just now.

        Raises:
            CaseCoreUnavailableError, CaseContradictionError: no answer; nothing is skipped.
        """
        now = self._clock.now()
        mark = await self._marks.claim(_SOURCE, self._worker, now, now + _CLAIM)
        if mark is None:
            return 0
        try:
            if mark.read_at is not None and timedelta() <= now - mark.read_at < self._every / 2:
                return 0
            found = await self._read(mark)
            await self._ask_for_unheard()
            return found
        finally:
            await self._let_go()

    async def _read(self, mark: ReadingMark) -> int:
        found = 0
        for _ in range(_PAGES_A_ROUND):
            page = await self._page(mark.cursor)
            changed = await self._mirror.learn(*page.cases, unreadable=page.unreadable)
            found += len(changed)
            self._meter.count(FOUND, len(changed))
            now = self._clock.now()
            is_stuck = page.more and page.cursor == mark.cursor
            mark = ReadingMark(cursor=page.cursor, read_at=now)
            if not await self._marks.move(_SOURCE, self._worker, mark, until=now + _CLAIM):
                break  # another process took over, as this one was slow
            self._meter.show(READ_AT, now.timestamp())
            if is_stuck:
                _log.error("reconciler.stuck", hint="the core says more, and gives the same cursor")
            if not page.more or is_stuck or self._rounds.stopping:
                break
        return found

    async def _ask_for_unheard(self) -> None:
        """Have cases asked for of which nothing was heard for long, a few a round.

        What the core should have told, and didn't, comes to light by that; and with it a closure,
        without which a case's data would be kept for ever.
        """
        now = self._clock.now()
        unheard = await self._known.unheard(now - _UNHEARD, _ASKED_A_ROUND)
        await self._inbox.ask(unheard, now)

    async def _page(self, cursor: str | None) -> CaseChanges:
        try:
            return await self._mirror.changes(cursor, limit=_PAGE)
        except InvalidRequestError:
            if cursor is None:
                raise
            # A core that was restored from a backup, or is another one by now.
            _log.warning("reconciler.begins-anew", hint="the core does not know the cursor")
            return await self._mirror.changes(None, limit=_PAGE)

    async def _let_go(self) -> None:
        now = self._clock.now()
        mark = await self._marks.claim(_SOURCE, self._worker, now, now)
        if mark is not None:
            await self._marks.move(_SOURCE, self._worker, mark, until=None)

    def _failed(self, error: str, retry_after: timedelta | None) -> None:
        """Leave the core alone for longer when it fails again and again, or asks for that."""
        doubled: timedelta = self._every * 2 ** min(self._failures, _MOST_DOUBLINGS)
        pause = max(min(doubled, _LONGEST_PAUSE), retry_after or timedelta())
        self._not_before = self._clock.monotonic() + pause.total_seconds() - _SLACK_SECONDS
        self._failures += 1
        self._meter.count(FAILED)
        _log.warning("reconciler.failed", error=error, failures=self._failures)
