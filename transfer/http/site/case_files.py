"""The files of a case: a list that a script brings to life, and that does without it as well."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from transfer.core.access import Action, Principal, may
from transfer.core.cases import Case
from transfer.core.names import is_shared
from transfer.core.uploads import Direction, StoredFile, Upload
from transfer.http.paging import asked_cursor
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL
from transfer.http.site.sections import Section

AFTER = "files-after"
"""Which page of the list is asked for; the page of a case has other lists as well."""

_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """A file in the list, and whether its reader may remove it."""

    file: StoredFile
    is_removable: bool

    @property
    def is_from_us(self) -> bool:
        """Whether Customer Care has shared it."""
        return self.file.direction is Direction.SHARED_WITH_CUSTOMER


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFiles:
    """A page of the list.

    `uploads` are shown to those who send nothing themselves, on the first page. `may_remove` says
    whether the reader may remove files of their side.
    """

    files: Sequence[ShownFile]
    uploads: Sequence[Upload]
    next: str | None
    is_first: bool
    may_remove: bool
    watches_senders: bool


class CaseFiles:
    """The section of the page that lists what the case holds."""

    def __init__(self, services: Services) -> None:
        self._files = services.files

    async def section(self, request: web.Request, case: Case) -> Section:
        """Return the section; everybody who sees the case sees it."""
        principal = request[PRINCIPAL]
        after = asked_cursor(request, AFTER)
        listing = await self._files.listing(principal, case.number, after=after, limit=_PAGE)
        may_arrange = may(principal, Action.ARRANGE, case)
        watches = principal.is_staff or not may(principal, Action.UPLOAD, case)
        shown = ShownFiles(
            files=[
                ShownFile(file=file, is_removable=may_arrange and is_of_side(principal, file))
                for file in listing.files
            ],
            uploads=listing.uploads if watches else (),
            next=listing.next,
            is_first=after is None,
            may_remove=may_arrange,
            watches_senders=watches,
        )
        return Section("case/files.html", shown, scripts=("files",))


def is_of_side(principal: Principal, file: StoredFile) -> bool:
    """Whether `file` is in the part of the case that the side of `principal` writes."""
    return is_shared(file.path) is principal.is_staff
