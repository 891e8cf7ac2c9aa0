"""Which case this is, how it stands, and when its data goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from transfer.core.access import Action, may
from transfer.core.cases import Case, Hold
from transfer.core.notices import must_acknowledge
from transfer.core.retention import deletion_due_at, period_of
from transfer.http.requests import PRINCIPAL
from transfer.http.site.sections import Section


@dataclass(frozen=True, slots=True)
class _Head:
    due_at: datetime | None
    retention_days: int
    hold: Hold | None
    is_warned: bool


class CaseHead:
    """The head of the page."""

    def __init__(self, retention: timedelta) -> None:
        self._retention = retention

    async def section(self, request: web.Request, case: Case) -> Section:
        """Return the section; everybody who sees the case sees it."""
        principal = request[PRINCIPAL]
        head = _Head(
            due_at=deletion_due_at(case, self._retention),
            retention_days=period_of(case, self._retention).days,
            hold=case.keeping,
            is_warned=must_acknowledge(principal) and may(principal, Action.UPLOAD, case),
        )
        return Section("case/head.html", head)
