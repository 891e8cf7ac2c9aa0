"""What is known here of another core's cases: asked for, remembered, used while it is away."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from transfer.casebridge.case_documents import TOLD_FIELDS, case_document, case_of
from transfer.casebridge.outage import Outage
from transfer.casebridge.wording import AUTHOR
from transfer.core.case_claims import AHEAD, check_claim
from transfer.core.cases import Case, CaseId, CaseNumber, CaseUpdate
from transfer.core.errors import (
    CaseContradictionError,
    CaseCoreUnavailableError,
    CaseMissingError,
    NameTakenError,
)
from transfer.ports import (
    CaseChanges,
    CaseCore,
    CaseEvent,
    Clock,
    KnownCase,
    Learned,
    Measure,
    Meter,
    NoMeter,
    Records,
)

_log = structlog.get_logger(__name__)

CONTRADICTIONS = Measure(
    "case_core_contradictions", "Answers of the case core that can't be so, which change nothing."
)
STALE = Measure("case_core_stale_answers", "Uses of what the case core said before it went away.")

LIFETIME = timedelta(seconds=10)
"""How long an answer is used before the core is asked again."""

PATIENCE = timedelta(seconds=1)
"""How long an answer is waited for where an earlier one is known."""

_ASKED_AGAIN = 2
"""An answer may be overtaken by later news on its way; the next one can't be."""

_BY_WHOM = "The case is known from the case core."


class KnownCases:
    """The cases of `core`, another system's, each with what is ours of it.

    Plays the role `transfer.ports.CaseMirror`. What the core tells is kept in rows, so that every
    node and process uses what one of them was told, and a restart forgets nothing. `new_id` gives
    the opaque ids of cases in object keys.
    """

    def __init__(  # noqa: PLR0913 - collaborators, all by name
        self,
        *,
        core: CaseCore,
        records: Records,
        clock: Clock,
        new_id: Callable[[], str],
        lifetime: timedelta = LIFETIME,
        patience: timedelta = PATIENCE,
        meter: Meter | None = None,
    ) -> None:
        self._core = core
        self._cases = records.cases
        self._known = records.known_cases
        self._inbox = records.inbox
        self._clock = clock
        self._new_id = new_id
        self._lifetime = lifetime
        self._patience_seconds = patience.total_seconds()
        self._meter = meter or NoMeter()
        self._outage = Outage(clock, lifetime, self._meter)
        self._asking: dict[CaseNumber, asyncio.Task[Case]] = {}

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
        """Return a case: as the core told it a moment ago, or tells it now.

        While the core is away, slow, or contradicts itself, as it told it last: then it `is_stale`.

        Raises:
            CaseMissingError: the core knows of no such case, nor ever told of it.
            CaseCoreUnavailableError, CaseContradictionError: no answer that can be used, and
                nothing known, or not `fresh`.
        """
        if fresh:
            self._outage.check_asked()
            return await self._answer(number)
        known = await self._known.find(number)
        if known is None or known.told_at is None:
            self._outage.check(number)
            return await self._asked(number)
        if self._is_recent(known):
            return _composed(known)
        try:
            self._outage.check(number)
            return await asyncio.wait_for(self._asked(number), self._patience_seconds)
        except (CaseCoreUnavailableError, TimeoutError):
            self._meter.count(STALE)
            return replace(_composed(known), as_of=known.told_at)

    async def last_known(self, numbers: Collection[CaseNumber]) -> dict[CaseNumber, Case]:
        """Return cases as the core told of them last; it isn't asked."""
        found = await self._known.find_all(numbers)
        return {number: _composed(known) for number, known in found.items()}

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        """Return what has changed at the core, as it tells it; `learn` takes it over.

        Raises:
            InvalidRequestError: `since` is not a cursor of the core's.
            CaseCoreUnavailableError, CaseContradictionError: no answer that can be used.
        """
        return await self._core.changes(since, limit=limit)

    async def tell(self, *events: CaseEvent) -> None:
        """Have the core take note of events; see `transfer.ports.CaseCore`."""
        await self._core.tell(*events)

    async def learn(
        self, *cases: Case, unreadable: Sequence[CaseNumber | None] = ()
    ) -> list[CaseNumber]:
        """Take over what the core says of cases that are known here; see `CaseMirror`."""
        self._meter.count(CONTRADICTIONS, len(unreadable))
        numbers = [number for number in unreadable if number is not None]
        changed, doubtful = [], [number for number in numbers if await self._is_known(number)]
        for told in cases:
            if not await self._is_known(told.number):
                continue
            try:
                news = self._checked(told, told.number)
                learned, known = await self._take_over(news, answered=False)
            except CaseContradictionError as exc:
                self._note(told.number, exc)
                doubtful.append(told.number)
                continue
            if learned is Learned.CHANGED:
                self._compare(news, known.case)
                changed.append(told.number)
        # Whoever told of them goes on, and won't tell of them once more.
        await self._inbox.ask(doubtful, self._clock.now())
        return changed

    async def _is_known(self, number: CaseNumber) -> bool:
        return await self._known.find(number) is not None

    # ── Asking ───────────────────────────────────────────────────────────────────────────────

    async def _asked(self, number: CaseNumber) -> Case:
        """Return the core's answer; whoever asks for the same case meanwhile shares it."""
        task = self._asking.get(number)
        if task is None:
            task = asyncio.create_task(self._answer(number))
            self._asking[number] = task
            task.add_done_callback(lambda done: self._forget(number, done))
        return await asyncio.shield(task)

    def _forget(self, number: CaseNumber, done: asyncio.Task[Case]) -> None:
        del self._asking[number]
        if not done.cancelled():
            done.exception()  # looked at, also if whoever waited for it has left

    async def _answer(self, number: CaseNumber) -> Case:
        """Ask the core itself, and take over what it says."""
        try:
            case = await self._ask(number)
        except CaseContradictionError as exc:
            self._note(number, exc)
            self._outage.over()
            self._outage.doubt(number, exc)
            raise
        except CaseCoreUnavailableError as exc:
            self._outage.began(exc)
            raise
        except CaseMissingError as exc:
            self._outage.over()
            self._outage.doubt(number, exc)
            raise
        self._outage.over(number)
        return case

    async def _ask(self, number: CaseNumber) -> Case:
        for _ in range(_ASKED_AGAIN):
            told = self._checked(await self._told(number), number)
            if await self._known.find(number) is None:
                await self._insert(told)
            learned, known = await self._take_over(told, answered=True)
            if learned is not Learned.OUTDATED:
                self._compare(told, known.case)
                return _completed(told, known.case)
        raise CaseContradictionError(
            f"The case core contradicts itself on case {number}: it went back to another version."
        )

    async def _told(self, number: CaseNumber) -> Case:
        try:
            return await self._core.case(number, fresh=True)
        except CaseMissingError as exc:
            if await self._known.find(number) is None:
                raise
            # Maybe it was taken away there, maybe an address is wrong: no reason to delete data.
            raise CaseContradictionError(
                f"The case core contradicts itself on case {number}: it does not know it any more."
            ) from exc

    def _note(self, number: CaseNumber, error: CaseContradictionError) -> None:
        _log.error("case-core.contradiction", case=number, problem=error.message)
        self._meter.count(CONTRADICTIONS)

    def _compare(self, told: Case, kept: Case) -> None:
        """Note a closure that counts from a later moment than the core says."""
        if kept.closed_at and told.closed_at and kept.closed_at > told.closed_at + AHEAD:
            self._note(
                told.number,
                CaseContradictionError(
                    f"The case core contradicts itself on case {told.number}: it was closed "
                    "earlier than what it said before allows."
                ),
            )

    def _checked(self, told: Case, number: CaseNumber) -> Case:
        """Return what was told as it is kept, if it can be so."""
        check_claim(told, number, self._clock.now())
        return case_of(case_document(told))

    # ── Taking over ──────────────────────────────────────────────────────────────────────────

    async def _insert(self, told: Case) -> None:
        update = CaseUpdate(at=self._clock.now(), author=AUTHOR, text=_BY_WHOM)
        try:
            await self._cases.insert(
                replace(told, id=CaseId(self._new_id()), version=1, hold=None), update
            )
        except NameTakenError:  # another process was faster
            return

    async def _take_over(self, told: Case, *, answered: bool) -> tuple[Learned, KnownCase]:
        now = self._clock.now()
        return await self._known.learn(told, case_document(told), now, answered=answered)

    def _is_recent(self, known: KnownCase) -> bool:
        # An answer of which no contacts and no region are kept doesn't say who may see the case.
        # One from the future is one from before the clock was set back.
        if known.told_at is None or known.document is None:
            return False
        return timedelta() <= self._clock.now() - known.told_at < self._lifetime


def _composed(known: KnownCase) -> Case:
    """Return a case as the core told it last, with what is ours of it."""
    if known.document is None:
        return known.case
    return _completed(case_of(known.document), known.case)


def _completed(told: Case, row: Case) -> Case:
    """Return the case of a row with what the core tells of it; its closure is as it counts."""
    fields = {name: getattr(told, name) for name in TOLD_FIELDS}
    return replace(row, **{**fields, "closed_at": row.closed_at})
