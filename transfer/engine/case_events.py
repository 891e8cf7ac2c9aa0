"""What happens to cases, told as it happens to those who watch them, on every node.

One reader a process looks at the end of the audit log and at the uploads of the cases that are
watched, however many watch. A watcher who was away goes on behind the last number they were told.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from transfer.core.access import Action, Principal, authorise, may
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import (
    CaseMissingError,
    ShuttingDownError,
    TransferError,
)
from transfer.core.events import Happening, Noted, happening_of
from transfer.engine.policy import Tools
from transfer.engine.senders import Senders, present
from transfer.engine.settling import Settling
from transfer.engine.watches import Ending, Told, Watch

_log = structlog.get_logger(__name__)
_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPolicy:
    """How events are read, and how much of them.

    `every`: how often the log is read; `senders_every`, the uploads; `checked_every`, whether
    watchers still may. `patience` is more than any transaction may take. `replayed` is how many
    events somebody who was away is told at most; `waiting`, how many may wait for a slow reader.
    """

    every: timedelta = timedelta(milliseconds=500)
    senders_every: timedelta = timedelta(seconds=1)
    checked_every: timedelta = timedelta(seconds=2)
    patience: timedelta = timedelta(seconds=90)
    page: int = 1000
    pages_a_round: int = 10
    looked_back: int = 200
    replayed: int = 1000
    waiting: int = 2000
    uploads: int = 500
    cases_a_check: int = 20


class CaseEvents:
    """Watches on cases, and the one reader that serves all of this process."""

    def __init__(self, tools: Tools, policy: EventPolicy | None = None) -> None:
        self._tools = tools
        self._feed = tools.records.feed
        self._policy = policy or EventPolicy()
        self._watches: dict[CaseNumber, set[Watch]] = {}
        self._wanted = asyncio.Event()
        self._beginning = asyncio.Lock()
        self._log: Settling | None = None
        self._senders = Senders()
        self._senders_read = self._checked = 0.0
        self._stopping = False

    @property
    def watchers(self) -> int:
        """How many watch."""
        return sum(len(watches) for watches in self._watches.values())

    @asynccontextmanager
    async def watching(
        self,
        principal: Principal,
        case_number: CaseNumber,
        *,
        after: str | None = None,
        token_id: str | None = None,
    ) -> AsyncIterator[Watch]:
        """Watch a case meanwhile, from behind the cursor `after`, or from now on.

        First is told what has happened since, or that all has to be read anew, where that is too
        much or `after` is none from here; then the uploads that are under way.
        The watch ends with the token `token_id`, if given, and with the case's data.

        Raises:
            CaseMissingError, ForbiddenError: not here, or not for you.
            ShuttingDownError: this process takes no new watchers.
        """
        case = await self._tools.core.case(case_number)
        authorise(principal, Action.SEE, case)
        if _is_gone(case):
            raise CaseMissingError("The case's data is being deleted, or is gone.")
        if self._stopping:
            raise ShuttingDownError("The service is about to stop: come again in a moment.")
        watch = Watch(principal, case, token_id, self._policy.waiting)
        self._watches.setdefault(case_number, set()).add(watch)
        try:
            await self._begin(watch, after)
            yield watch
        finally:
            self._leave(watch)

    async def watch(self) -> None:
        """Tell watchers what happens, round after round, until cancelled."""
        while True:
            await self._wanted.wait()
            await self._tools.clock.sleep(self._policy.every.total_seconds())
            try:
                await self.watch_once()
            except TransferError as exc:
                _log.warning("events-not-read", problem=exc.code)

    async def watch_once(self) -> None:
        """Do one round for all who watch here."""
        if not self._watches or self._log is None:
            return
        now = self._tools.clock.monotonic()
        await self._read_log(self._log, now)
        if now - self._senders_read >= self._policy.senders_every.total_seconds():
            self._senders_read = now
            await self._read_senders()
        if now - self._checked >= self._policy.checked_every.total_seconds():
            self._checked = now
            await self._check()

    def stop(self) -> None:
        """End all watches, and begin none."""
        self._stopping = True
        for watch in list(self._all()):
            watch.end(Ending.STOPPING)

    # ── Begin and end ────────────────────────────────────────────────────────────────────────

    async def _begin(self, watch: Watch, after: str | None) -> None:
        log = await self._running_log()
        settled, number = log.settled, watch.case.number
        first = await self._missed(number, after, settled)
        uploads = await self._feed.underway([number], self._policy.uploads)
        now = self._tools.clock.now()
        self._senders.note(uploads, now)
        first += [Told(happening, None) for happening in present(uploads, now)]
        watch.precede(first)

    async def _running_log(self) -> Settling:
        """Return the log as it is read; the first watcher has its reading begin."""
        async with self._beginning:
            if self._log is None:
                patience = self._policy.patience.total_seconds()
                last = await self._feed.last()
                log = Settling(max(0, last - self._policy.looked_back), patience)
                # What is missing already may be just about to come.
                log.read(await self._pages(log.seen), self._tools.clock.monotonic())
                self._log = log
                self._wanted.set()
            return self._log

    async def _pages(self, seen: int) -> Sequence[Noted]:
        return await self._feed.since(seen, self._policy.page)

    async def _missed(self, number: CaseNumber, after: str | None, settled: int) -> list[Told]:
        """Return what has happened to a case behind `after`."""
        anew = [Told(None, settled)]
        since = _cursor(after)
        if since is None or since > await self._feed.last():
            return anew
        missed = await self._feed.of_case(number, since, self._policy.replayed + 1)
        if len(missed) > self._policy.replayed:
            return anew
        return _told(missed, settled)

    def _leave(self, watch: Watch) -> None:
        number = watch.case.number
        watches = self._watches[number]
        watches.discard(watch)
        if not watches:
            del self._watches[number]
            self._senders.forget_all_but(self._watches.keys())
        if not self._watches:
            self._wanted.clear()
            self._log = None

    # ── Rounds ───────────────────────────────────────────────────────────────────────────────

    async def _read_log(self, log: Settling, now_seconds: float) -> None:
        late = await self._feed.these(list(log.missing)) if log.missing else []
        log.found(late)
        found = list(late)
        for _ in range(self._policy.pages_a_round):
            page = await self._pages(log.seen)
            log.read(page, now_seconds)
            found += page
            if len(page) < self._policy.page:
                break
        log.give_up(now_seconds)
        for told in _told(found, log.settled):
            self._tell(told)

    async def _read_senders(self) -> None:
        numbers = list(self._watches)
        uploads = await self._feed.underway(numbers, self._policy.uploads)
        for happening in self._senders.compare(uploads, self._tools.clock.now()):
            self._tell(Told(happening, None))

    def _tell(self, told: Told) -> None:
        assert told.happening is not None  # noqa: S101 - only a beginning is without one
        for watch in tuple(self._watches.get(told.happening.case_number, ())):
            watch.tell(told)

    async def _check(self) -> None:
        """End the watches of those who may not see their case any more."""
        await self._check_tokens()
        # Those that were checked go to the end: with many cases, each gets its turn.
        for number in list(self._watches)[: self._policy.cases_a_check]:
            watches = self._watches.pop(number, None)
            if watches is not None:
                self._watches[number] = watches
                await self._check_case(watches, number)

    async def _check_tokens(self) -> None:
        ids = {watch.token_id for watch in self._all() if watch.token_id is not None}
        if not ids:
            return
        now = self._tools.clock.now()
        known = await self._tools.records.tokens.standing(sorted(ids))
        good = {one.id for one in known if one.is_good(now)}
        for watch in tuple(self._all()):
            if watch.token_id in ids - good:
                watch.end(Ending.CREDENTIAL)

    async def _check_case(self, watches: set[Watch], number: CaseNumber) -> None:
        try:
            case = await self._tools.core.case(number)
        except CaseMissingError:
            case = None
        for watch in tuple(watches):
            if case is None or _is_gone(case) or not may(watch.principal, Action.SEE, case):
                watch.end(Ending.CASE)
            else:
                watch.case = case

    def _all(self) -> Iterator[Watch]:
        for watches in self._watches.values():
            yield from watches


def _is_gone(case: Case) -> bool:
    return case.purge_started_at is not None


def _told(found: Sequence[Noted], settled: int) -> list[Told]:
    """Return what is told of log entries, in order; no cursor is ahead of what is settled."""
    happenings: list[tuple[int, Happening]] = []
    for noted in sorted(found, key=lambda one: one.number):
        happening = happening_of(noted)
        if happening is not None:
            happenings.append((noted.number, happening))
    return [Told(happening, min(number, settled)) for number, happening in happenings]


def _cursor(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        return None
    return int(text)
