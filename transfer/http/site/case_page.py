"""The page of a case: sections, one below the other."""

from collections.abc import Sequence

from aiohttp import web

from transfer.http.operations import HTML, Tag, gives, operation
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.site.acknowledgement_page import ask_first
from transfer.http.site.case_account import CaseAccount
from transfer.http.site.case_care import CaseCare
from transfer.http.site.case_conversation import CaseConversation
from transfer.http.site.case_files import CaseFiles
from transfer.http.site.case_head import CaseHead
from transfer.http.site.case_timeline import CaseTimeline
from transfer.http.site.case_upload import CaseUpload
from transfer.http.site.rendering import render_page
from transfer.http.site.sections import SectionSource

CASE_PATH = "/cases/{number}"


class CasePageRoutes:
    """The page that customers and analysts work on."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._acknowledgements = services.acknowledgements
        self._policy = services.policy
        head = CaseHead(services.policy.retention)
        upload, files = CaseUpload(services.policy), CaseFiles(services)
        account, care = CaseAccount(services), CaseCare(services)
        timeline, talk = CaseTimeline(services.timelines), CaseConversation(services)
        # Customers come to send, Customer Care to see what has arrived.
        self._for_customers: Sequence[SectionSource] = (head, upload, files, account, talk)
        self._for_staff: Sequence[SectionSource] = (
            *(head, files, upload, account, talk),
            *(care, timeline),
        )

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(CASE_PATH, self.show)]

    @operation(
        "Show a case as a page",
        tag=Tag.PAGES,
        gives=(gives(200, media=HTML), gives(303, text="To the warning, which comes first.")),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show a case to who may see it."""
        principal = request[PRINCIPAL]
        case = await self._files.case(principal, case_number(request))
        warning = await ask_first(self._acknowledgements, self._policy, principal, case)
        if warning is not None:
            return warning
        sources = self._for_staff if principal.is_staff else self._for_customers
        found = [await source.section(request, case) for source in sources]
        sections = [one for one in found if one is not None]
        scripts = dict.fromkeys(name for one in sections for name in one.scripts)
        return render_page(
            request,
            "case/page.html",
            case=case,
            sections=[(one.template, one.content) for one in sections],
            scripts=list(scripts),
        )
