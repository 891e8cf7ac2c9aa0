"""The pages of the administration that only show: figures, deletions, storage, sign-ins, warnings.

What can be changed has a module of its own: holds, tokens and sessions.
"""

from aiohttp import web

from transfer.core import errors
from transfer.core.errors import EntryMissingError
from transfer.core.notices import DEFAULT_TEXT
from transfer.engine.oversight import KnownWording
from transfer.http.operations import HTML, Parameter, Tag, gives, operation
from transfer.http.oversight import UNTIL, asked_until
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.site.admin_pages import ADMIN_PATH, admin_page, pager, rows_asked
from transfer.http.site.prose import prose

_BY = Parameter(
    name="by",
    text="What storage is listed by.",
    schema={"type": "string", "enum": ["case", "account"], "default": "case"},
)


class AdminPageRoutes:
    """What admins look at."""

    def __init__(self, services: Services) -> None:
        self._oversight = services.oversight
        self._policy = services.policy

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(ADMIN_PATH, self.overview),
            web.get(f"{ADMIN_PATH}/deletions", self.deletions),
            web.get(f"{ADMIN_PATH}/storage", self.storage),
            web.get(f"{ADMIN_PATH}/sign-ins", self.sign_ins),
            web.get(f"{ADMIN_PATH}/warnings", self.warnings),
            web.get(f"{ADMIN_PATH}/warnings/{{id:{OPAQUE_ID}}}", self.warning),
        ]

    @operation(
        "Show admins what there is to look after, as a page",
        tag=Tag.PAGES,
        gives=gives(200, media=HTML),
    )
    async def overview(self, request: web.Request) -> web.Response:
        """Show the figures, each with the way to what it counts."""
        figures = await self._oversight.figures(request[PRINCIPAL])
        return admin_page(request, "overview.html", figures=figures)

    @operation(
        "Show what will be deleted when, as a page",
        tag=Tag.PAGES,
        parameters=(UNTIL, *PAGE_OF_LIST),
        gives=gives(200, media=HTML),
        errors=(errors.InvalidRequestError,),
    )
    async def deletions(self, request: web.Request) -> web.Response:
        """Show closed cases, the first due first."""
        until, page = asked_until(request), rows_asked(request)
        found, following = await self._oversight.deletions(
            request[PRINCIPAL], until=until, after=page.after, limit=page.limit
        )
        return admin_page(
            request,
            "deletions.html",
            deletions=found,
            until=request.query.get(UNTIL.name, ""),
            days=self._policy.retention.days,
            pager=pager(request, following),
        )

    @operation(
        "Show how much cases and accounts hold, as a page",
        tag=Tag.PAGES,
        parameters=(_BY, *PAGE_OF_LIST),
        gives=gives(200, media=HTML),
        errors=(errors.InvalidRequestError,),
    )
    async def storage(self, request: web.Request) -> web.Response:
        """Show cases, or accounts, by what they hold."""
        principal, page = request[PRINCIPAL], rows_asked(request)
        by_account = request.query.get(_BY.name) == "account"
        listed = self._oversight.usage_by_account if by_account else self._oversight.usage_by_case
        found, following = await listed(principal, after=page.after, limit=page.limit)
        return admin_page(
            request,
            "storage.html",
            figures=await self._oversight.figures(principal),
            by_account=by_account,
            usages=found,
            pager=pager(request, following),
        )

    @operation(
        "Show the sign-ins that failed, as a page",
        tag=Tag.PAGES,
        parameters=PAGE_OF_LIST,
        gives=gives(200, media=HTML),
        errors=(errors.InvalidRequestError,),
    )
    async def sign_ins(self, request: web.Request) -> web.Response:
        """Show the sign-ins that failed, and who has to wait."""
        principal, page = request[PRINCIPAL], rows_asked(request)
        found, following = await self._oversight.failed_sign_ins(
            principal, after=page.after, limit=page.limit
        )
        return admin_page(
            request,
            "sign_ins.html",
            failures=found,
            waiting=await self._oversight.waiting(principal),
            pager=pager(request, following),
        )

    @operation(
        "Show the texts of the warning about sensitive data, as a page",
        tag=Tag.PAGES,
        gives=gives(200, media=HTML),
    )
    async def warnings(self, request: web.Request) -> web.Response:
        """Show the texts of the warning."""
        wordings = await self._oversight.wordings(request[PRINCIPAL])
        return admin_page(request, "warnings.html", wordings=wordings)

    @operation(
        "Show a text of the warning, and who has acknowledged it, as a page",
        tag=Tag.PAGES,
        parameters=PAGE_OF_LIST,
        gives=gives(200, media=HTML),
        errors=(errors.InvalidRequestError, errors.EntryMissingError),
    )
    async def warning(self, request: web.Request) -> web.Response:
        """Show a text of the warning, and who has acknowledged it."""
        principal, page = request[PRINCIPAL], rows_asked(request)
        version = request.match_info["id"]
        wording = _wording(await self._oversight.wordings(principal), version)
        found, following = await self._oversight.acknowledged(
            principal, version, after=page.after, limit=page.limit
        )
        return admin_page(
            request,
            "warning.html",
            wording=wording,
            prose=prose(wording.notice.text),
            text_language="en" if wording.notice.text == DEFAULT_TEXT else None,
            acknowledgements=found,
            pager=pager(request, following),
        )


def _wording(wordings: list[KnownWording], version: str) -> KnownWording:
    for one in wordings:
        if one.notice.version == version:
            return one
    raise EntryMissingError("No text of the warning has this version.")
