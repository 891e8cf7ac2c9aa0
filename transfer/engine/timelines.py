"""What happened to a case and what is known to come, for Customer Care."""

from dataclasses import dataclass
from datetime import timedelta

from transfer.core.access import Action, Principal, authorise
from transfer.core.cases import CaseNumber
from transfer.core.retention import PERIOD
from transfer.core.timeline import Coming, TimelineEntry, Topic, actions_of, what_comes
from transfer.engine.policy import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePage:
    """A page of a timeline, the latest first; `coming` is on the first one alone, soonest first."""

    coming: list[Coming]
    entries: list[TimelineEntry]
    next: str | None


class Timelines:
    """The timelines of cases; `retention` is from closure to deletion."""

    def __init__(self, tools: Tools, retention: timedelta = PERIOD) -> None:
        self._tools = tools
        self._retention = retention

    async def page(
        self,
        principal: Principal,
        case_number: CaseNumber,
        topic: Topic | None = None,
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> TimelinePage:
        """Return a page of a case's timeline; of one topic, what happened alone.

        Raises:
            CaseMissingError, ForbiddenError: they may not see it.
            InvalidRequestError: `after` is not a cursor that this gave.
        """
        case = await self._tools.core.case(case_number)
        authorise(principal, Action.SEE_TIMELINE, case)
        records = self._tools.records
        entries, following = await records.timeline.page(
            case_number, actions_of(topic), after=after, limit=limit
        )
        coming: list[Coming] = []
        if topic is None and after is None:
            now = self._tools.clock.now()
            accounts = await records.accounts.of_case(case_number, active_at=now)
            coming = what_comes(case, accounts, self._retention)
        return TimelinePage(coming=coming, entries=entries, next=following)
