"""The page with the warning about sensitive data: before the first file, and at every new text."""

from aiohttp import web

from transfer.core import errors
from transfer.core.access import Action, Principal, may
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import (
    AcknowledgementOutdatedError,
    AcknowledgementRequiredError,
    InvalidRequestError,
)
from transfer.core.notices import DEFAULT_TEXT
from transfer.engine.acknowledgements import Acknowledgements
from transfer.http.csrf import CSRF_FIELD
from transfer.http.forms import FORM as SENT
from transfer.http.operations import FORM, HTML, Parameter, Tag, Takes, gives, operation
from transfer.http.policy import HttpPolicy, Services
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.site.prose import prose
from transfer.http.site.redirects import see_other
from transfer.http.site.rendering import render_page

_PATH = "/cases/{number}/acknowledgement"
_VERSION = "version"
_CHANGED = "changed"


class AcknowledgementPageRoutes:
    """The page, and its button."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._acknowledgements = services.acknowledgements
        self._policy = services.policy

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(_PATH, self.show), web.post(_PATH, self.accept)]

    @operation(
        "Show the warning about sensitive data as a page",
        tag=Tag.PAGES,
        parameters=(Parameter(name=_CHANGED, text="There is a new text: the page says so."),),
        gives=gives(200, media=HTML),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show the warning, with the button that acknowledges it."""
        principal = request[PRINCIPAL]
        case = await self._files.case(principal, case_number(request))
        shown = await self._acknowledgements.show(principal, case.number)
        text = prose(shown.notice.text)
        return render_page(
            request,
            "acknowledgement.html",
            case=case,
            heading=text.heading,
            blocks=text.blocks,
            text_language="en" if shown.notice.text == DEFAULT_TEXT else None,
            version=shown.notice.version,
            acknowledged_at=shown.acknowledged_at,
            has_changed=_CHANGED in request.query,
        )

    @operation(
        "Acknowledge the warning, by the button of its page",
        tag=Tag.PAGES,
        takes=Takes(
            content={
                FORM: {
                    "type": "object",
                    "properties": {
                        _VERSION: {"type": "string"},
                        CSRF_FIELD: {"type": "string"},
                    },
                    "required": [_VERSION],
                }
            }
        ),
        gives=gives(303, text="To the case; to the warning, if it has a new text by now."),
        errors=(errors.CaseClosedError,),
    )
    async def accept(self, request: web.Request) -> web.Response:
        """Acknowledge the warning."""
        number = case_number(request)
        version = request.get(SENT, {}).get(_VERSION)
        if version is None:
            raise InvalidRequestError("Say which version of the warning is acknowledged.")
        try:
            await self._acknowledgements.accept(request[PRINCIPAL], number, version)
        except AcknowledgementOutdatedError:
            return see_other(self._policy, f"{warning_path(number)}?{_CHANGED}=1")
        return see_other(self._policy, f"/cases/{number}")


async def ask_first(
    acknowledgements: Acknowledgements, policy: HttpPolicy, principal: Principal, case: Case
) -> web.Response | None:
    """Return what leads `principal` to the warning, if they have to acknowledge it by now.

    That is so for whoever may send files; all others have nothing to be warned of.
    """
    if not may(principal, Action.UPLOAD, case):
        return None
    try:
        await acknowledgements.require(principal, case.number)
    except AcknowledgementRequiredError:
        return see_other(policy, warning_path(case.number))
    return None


def warning_path(number: CaseNumber) -> str:
    """Return the path of the page."""
    return _PATH.format(number=number)
