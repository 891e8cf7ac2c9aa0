"""Which case this is, how it stands, and when its data goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from transfer.core.cases import Case, Hold
from transfer.core.retention import deletion_due_at
from transfer.http.site.sections import Section


@dataclass(frozen=True, slots=True)
class _Head:
    due_at: datetime | None
    hold: Hold | None


class CaseHead:
    """The head of the page."""

    def __init__(self, retention: timedelta) -> None:
        self._retention = retention

    async def section(self, _: web.Request, case: Case) -> Section:
        """Return the section; everybody who sees the case sees it."""
        due = deletion_due_at(case, self._retention)
        return Section("case/head.html", _Head(due, case.hold))
