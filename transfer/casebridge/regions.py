"""A case core whose cases say who serves them, where several regions share it."""

from dataclasses import replace

import structlog

from transfer.core.cases import Case, CaseNumber
from transfer.core.regions import Regions
from transfer.ports import CaseChanges, CaseCore, CaseEvent

_log = structlog.get_logger(__name__)


class RegionalCaseCore:
    """What `core` says, with the gateway of each case that another region serves.

    Plays the role `transfer.ports.CaseCore` for the engine, which then refuses such a case at every
    verb (`core.access.authorise`). Retention and the outbox ask the core itself: what is kept here
    of a case that was given to another region later is deleted like any other.
    """

    def __init__(self, core: CaseCore, regions: Regions) -> None:
        self._core = core
        self._regions = regions
        self._told: set[str] = set()

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
        """Return a case.

        Raises:
            CaseMissingError: no such case.
        """
        return self._placed(await self._core.case(number, fresh=fresh))

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        """Return up to `limit` cases that have changed since a cursor, or since ever.

        Raises:
            InvalidRequestError: `since` is not a cursor from here.
        """
        page = await self._core.changes(since, limit=limit)
        return replace(page, cases=tuple(self._placed(case) for case in page.cases))

    async def tell(self, *events: CaseEvent) -> None:
        """Have the core take note of events; see `transfer.ports.CaseCore`."""
        await self._core.tell(*events)

    def _placed(self, case: Case) -> Case:
        case = placed(case, self._regions)
        gateway = case.gateway
        if gateway is not None and gateway.url is None and gateway.region not in self._told:
            self._told.add(gateway.region)  # once, not with every request for such a case
            _log.warning("region.unknown", case=case.number, region=gateway.region)
        return case


def placed(case: Case, regions: Regions) -> Case:
    """Return `case` with the gateway that serves it, if another region does."""
    gateway = regions.elsewhere(case.region)
    return case if gateway is None else replace(case, gateway=gateway)
