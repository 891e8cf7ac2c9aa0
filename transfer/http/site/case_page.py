"""The page of a case: sections, one below the other."""

from collections.abc import Sequence

from aiohttp import web

from transfer.http.operations import HTML, Tag, gives, operation
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.site.case_head import CaseHead
from transfer.http.site.rendering import render_page
from transfer.http.site.sections import SectionSource

CASE_PATH = "/cases/{number}"


class CasePageRoutes:
    """The page that customers and analysts work on."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._sources: Sequence[SectionSource] = (CaseHead(services.policy.retention),)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(CASE_PATH, self.show)]

    @operation("Show a case as a page", tag=Tag.PAGES, gives=gives(200, media=HTML))
    async def show(self, request: web.Request) -> web.Response:
        """Show a case to who may see it."""
        case = await self._files.case(request[PRINCIPAL], case_number(request))
        found = [await source.section(request, case) for source in self._sources]
        sections = [one for one in found if one is not None]
        scripts = dict.fromkeys(name for one in sections for name in one.scripts)
        return render_page(
            request,
            "case/page.html",
            case=case,
            sections=[(one.template, one.content) for one in sections],
            scripts=list(scripts),
        )
