"""The worker that reminds customers of what Customer Care asked, and closes what nobody answers."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from transfer.casebridge.case_writer import CaseWriter, closing_details, closing_text
from transfer.casebridge.wording import AUTHOR
from transfer.core.cases import Case, CaseUpdate
from transfer.core.errors import TransferError
from transfer.core.follow_ups import (
    DayCount,
    FollowUp,
    FollowUpPlan,
    closing_at,
    due_follow_up,
    earliest,
    followed_up,
)
from transfer.ports import AuditEvent, CaseEvent, Clock, Records
from transfer.rounds import Rounds

_log = structlog.get_logger(__name__)

_EVERY = timedelta(seconds=30)
_PAGE = 100
_SENDING = timedelta(days=1)
"""How long an upload may stand still and still count as the customer's answer."""

FOLLOW_UP = "case.follow-up"
"""The type of the event that tells of one: whoever sends mail sends it upon that."""


class FollowUps:
    """Rounds of follow-ups for the embedded core; any number may run at once.

    All goes by the state that a round finds: what was due while nothing ran is done then, one
    follow-up a case, and the next ones leave the customer the time that they were promised.
    `doubts_clock` tells whether the clock may be wrong: nothing is done while it may.
    """

    def __init__(
        self,
        *,
        records: Records,
        clock: Clock,
        plan: FollowUpPlan,
        doubts_clock: Callable[[], Awaitable[bool]],
    ) -> None:
        self._cases = records.cases
        self._clock = clock
        self._plan = plan
        self._doubts_clock = doubts_clock
        self._writer = CaseWriter(records=records, clock=clock)
        self._rounds = Rounds(clock=clock, every=_EVERY)

    def stop(self) -> None:
        """Begin nothing new; `run` returns after the case at hand."""
        self._rounds.stop()

    async def run(self) -> None:
        """Have rounds until stopped, whatever goes wrong meanwhile."""
        while not self._rounds.stopping:
            try:
                await self.run_once()
            except Exception:  # noqa: BLE001 -- the worker's outermost boundary: it goes on later
                _log.exception("follow-ups.round-failed")
            await self._rounds.pause()

    async def run_once(self) -> int:
        """Do all that is due now; return how many follow-ups that were."""
        if await self._doubts_clock():
            return 0
        done, after = 0, None
        now = self._clock.now()
        since = earliest(self._plan, now)
        while True:
            page = await self._cases.waiting(
                since, sending_since=now - _SENDING, after=after, limit=_PAGE
            )
            for case in page:
                if self._rounds.stopping:
                    return done
                done += await self._see_to(case)
                after = (case.wait.since, case.number) if case.wait else after
            if len(page) < _PAGE:
                return done

    async def _see_to(self, case: Case) -> bool:
        """Do what is due for a case, if anything is; one that fails doesn't hold up the others."""
        if due_follow_up(case, self._plan, self._clock.now()) is None:
            return False
        step = _Step(self._plan, self._clock)
        try:
            changed = await self._writer.change(
                case.number,
                step.decide,
                step.entries,
                audited=lambda after: self._audited(after, step),
                tell=step.tell,
                sending_since=self._clock.now() - _SENDING,
            )
            await self._conclude(changed, step)
        except _NotDueError:  # someone else did it, or the customer has answered just now
            return False
        except TransferError as exc:
            _log.warning("follow-ups.failed", case=case.number, error=exc.code)
            return False
        return True

    def _audited(self, after: Case, step: "_Step") -> list[AuditEvent]:
        number, days = str(step.follow_up.number), str(step.follow_up.days)
        done = self._writer.done("case.followed-up", after.number, AUTHOR, number=number, days=days)
        if not after.is_closed:
            return [done]
        details = closing_details(after)
        return [done, self._writer.done("case.closed", after.number, AUTHOR, **details)]

    async def _conclude(self, case: Case, step: "_Step") -> None:
        number = str(step.follow_up.number)
        _log.info("follow-ups.done", case=case.number, number=number, closed=case.is_closed)
        if case.is_closed:
            await self._writer.end_accounts(case.number)


class _NotDueError(Exception):
    """Nothing is due any more."""


class _Step:
    """One follow-up of a case, decided upon the case as it is read."""

    def __init__(self, plan: FollowUpPlan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._now = clock.now()
        self._follow_up: FollowUp | None = None

    @property
    def follow_up(self) -> FollowUp:
        """What was decided."""
        if self._follow_up is None:
            raise _NotDueError
        return self._follow_up

    def decide(self, case: Case) -> Case:
        self._now = self._clock.now()
        self._follow_up = due_follow_up(case, self._plan, self._now)
        return followed_up(case, self.follow_up, self._now)

    def entries(self, _: Case, after: Case) -> list[CaseUpdate]:
        return [CaseUpdate(at=self._now, author=AUTHOR, text=self._text(after))]

    def tell(self, after: Case) -> Sequence[CaseEvent]:
        closes_at = closing_at(after, self._plan)
        return (
            CaseEvent(
                # A case has each of its versions once.
                id=f"follow-up-{after.id}-{after.version}",
                type=FOLLOW_UP,
                case_number=after.number,
                at=self._now,
                data={
                    "number": self.follow_up.number,
                    "days": self.follow_up.days,
                    "status": after.status.value,
                    "substatus": after.substatus,
                    "closed": after.is_closed,
                    "closes_at": None if closes_at is None else closes_at.isoformat(),
                },
            ),
        )

    def _text(self, after: Case) -> str:
        days = f"{self.follow_up.days} {_day_word(self._plan, self.follow_up.days)}"
        if after.is_closed:
            return f"{closing_text(after)} Nothing was heard for {days}."
        return (
            f"Customer Care has waited for an answer for {days} (reminder "
            f"{self.follow_up.number}).{_outlook(closing_at(after, self._plan))}"
        )


def _day_word(plan: FollowUpPlan, days: int) -> str:
    word = "business day" if plan.count is DayCount.BUSINESS else "day"
    return word if days == 1 else f"{word}s"


def _outlook(closes_at: datetime | None) -> str:
    return "" if closes_at is None else f" Without one, the case closes on {closes_at:%Y-%m-%d}."
