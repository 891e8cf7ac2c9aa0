"""The case core as a session of many small requests asks it: each answer serves for a moment."""

from datetime import timedelta

from transfer.core.cases import Case, CaseNumber
from transfer.ports import CaseChanges, CaseCore, CaseEvent, Clock

LIFE = timedelta(milliseconds=250)
"""Well below the two seconds in which a live session has to see that its case was closed."""

_MOST = 1000


class BriefCases:
    """Plays the role `transfer.ports.CaseCore`, with answers up to `LIFE` old.

    Copying a tree by SFTP asks some ten times a file whether the case still allows it. So for a
    moment after a case was closed a file may still be finished or renamed; none is begun, which
    the transaction checks, and nothing happens once its data is being deleted.
    """

    def __init__(self, core: CaseCore, clock: Clock) -> None:
        self._core = core
        self._clock = clock
        self._known: dict[CaseNumber, tuple[float, Case]] = {}

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
        """Return a case, as it was a moment ago at the latest; `fresh`, as it is.

        Raises:
            CaseMissingError: no such case.
        """
        now = self._clock.monotonic()
        known = self._known.get(number)
        if known is not None and not fresh and now - known[0] < LIFE.total_seconds():
            return known[1]
        self._known.pop(number, None)
        case = await self._core.case(number, fresh=fresh)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[number] = now, case
        return case

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        """Return what has changed at the core; see the port."""
        return await self._core.changes(since, limit=limit)

    async def tell(self, *events: CaseEvent) -> None:
        """Have the core take note; see the port."""
        await self._core.tell(*events)
