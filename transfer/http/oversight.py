"""The service as a whole, for admins: figures, holds, deletions, storage, sign-ins, warnings."""

from datetime import datetime

from aiohttp import web

from transfer.core import errors
from transfer.core.errors import InvalidRequestError
from transfer.http.operations import Parameter, Tag, gives, operation
from transfer.http.oversight_json import (
    account_usages_json,
    acknowledged_json,
    case_usages_json,
    deletions_json,
    failures_json,
    figures_json,
    wordings_json,
)
from transfer.http.paging import asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import json_response
from transfer.http.requests import OPAQUE_ID, PRINCIPAL
from transfer.http.shapes.oversight import (
    AccountUsageList,
    AcknowledgedList,
    CaseUsageList,
    DeletionList,
    FailureList,
    FiguresShape,
    WordingList,
)
from transfer.values import parse_moment

_BASE = "/api/v1"
_ADMINS = "For admins."
UNTIL = Parameter(
    name="until",
    text="Only what is due by then. RFC 3339, or a date.",
    schema={"type": "string", "format": "date-time"},
)


class OversightRoutes:
    """What admins look at."""

    def __init__(self, services: Services) -> None:
        self._oversight = services.oversight

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(f"{_BASE}/figures", self.figures),
            web.get(f"{_BASE}/holds", self.holds),
            web.get(f"{_BASE}/deletions", self.deletions),
            web.get(f"{_BASE}/storage/cases", self.cases),
            web.get(f"{_BASE}/storage/accounts", self.accounts),
            web.get(f"{_BASE}/failed-sign-ins", self.failures),
            web.get(f"{_BASE}/warnings", self.warnings),
            web.get(f"{_BASE}/warnings/{{id:{OPAQUE_ID}}}/acknowledgements", self.acknowledgements),
        ]

    @operation(
        "Tell how much there is of everything",
        tag=Tag.ADMINISTRATION,
        text=_ADMINS,
        gives=gives(200, FiguresShape),
    )
    async def figures(self, request: web.Request) -> web.Response:
        """Tell how much there is of everything."""
        return json_response(figures_json(await self._oversight.figures(request[PRINCIPAL])))

    @operation(
        "List the cases whose data is held",
        tag=Tag.ADMINISTRATION,
        text="For admins. The latest hold first. Holds are placed and lifted at their cases.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, CaseUsageList),
        errors=(errors.InvalidRequestError,),
    )
    async def holds(self, request: web.Request) -> web.Response:
        """List the cases whose data is held."""
        page = asked_page(request)
        found, following = await self._oversight.held(
            request[PRINCIPAL], after=page.after, limit=page.limit
        )
        return json_response(case_usages_json(found, following))

    @operation(
        "List what will be deleted when",
        tag=Tag.ADMINISTRATION,
        text="For admins. Closed cases, the first due first, if nothing changes until then; also "
        "those that a hold keeps.",
        parameters=(UNTIL, *PAGE_OF_LIST),
        gives=gives(200, DeletionList),
        errors=(errors.InvalidRequestError,),
    )
    async def deletions(self, request: web.Request) -> web.Response:
        """List what will be deleted when."""
        page = asked_page(request)
        found, following = await self._oversight.deletions(
            request[PRINCIPAL], until=asked_until(request), after=page.after, limit=page.limit
        )
        return json_response(deletions_json(found, following))

    @operation(
        "List cases by what they hold",
        tag=Tag.ADMINISTRATION,
        text="For admins. The one with the most bytes first; those that hold nothing are left out.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, CaseUsageList),
        errors=(errors.InvalidRequestError,),
    )
    async def cases(self, request: web.Request) -> web.Response:
        """List cases by what they hold."""
        page = asked_page(request)
        found, following = await self._oversight.usage_by_case(
            request[PRINCIPAL], after=page.after, limit=page.limit
        )
        return json_response(case_usages_json(found, following))

    @operation(
        "List customers' accounts by what their cases hold",
        tag=Tag.ADMINISTRATION,
        text="For admins. The one with the most bytes first.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, AccountUsageList),
        errors=(errors.InvalidRequestError,),
    )
    async def accounts(self, request: web.Request) -> web.Response:
        """List customers' accounts by what their cases hold."""
        page = asked_page(request)
        found, following = await self._oversight.usage_by_account(
            request[PRINCIPAL], after=page.after, limit=page.limit
        )
        return json_response(account_usages_json(found, following))

    @operation(
        "List the sign-ins that failed, and who has to wait",
        tag=Tag.ADMINISTRATION,
        text="For admins. The latest first, from the audit log.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, FailureList),
        errors=(errors.InvalidRequestError,),
    )
    async def failures(self, request: web.Request) -> web.Response:
        """List the sign-ins that failed, and who has to wait after too many."""
        principal, page = request[PRINCIPAL], asked_page(request)
        found, following = await self._oversight.failed_sign_ins(
            principal, after=page.after, limit=page.limit
        )
        waiting = await self._oversight.waiting(principal)
        return json_response(failures_json(found, following, waiting))

    @operation(
        "List the texts of the warning about sensitive data",
        tag=Tag.ADMINISTRATION,
        text="For admins. The present one first, then those that were acknowledged before it.",
        gives=gives(200, WordingList),
    )
    async def warnings(self, request: web.Request) -> web.Response:
        """List the texts of the warning."""
        return json_response(wordings_json(await self._oversight.wordings(request[PRINCIPAL])))

    @operation(
        "List who has acknowledged a text of the warning",
        tag=Tag.ADMINISTRATION,
        text="For admins. The latest first; kept as long as the data of their case.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, AcknowledgedList),
        errors=(errors.InvalidRequestError,),
    )
    async def acknowledgements(self, request: web.Request) -> web.Response:
        """List who has acknowledged a text of the warning."""
        page = asked_page(request)
        found, following = await self._oversight.acknowledged(
            request[PRINCIPAL], request.match_info["id"], after=page.after, limit=page.limit
        )
        return json_response(acknowledged_json(found, following))


def asked_until(request: web.Request) -> datetime | None:
    """Return the moment that a list goes to, None for all of it.

    Raises:
        InvalidRequestError: it isn't one.
    """
    text = request.query.get(UNTIL.name)
    if not text:
        return None
    try:
        # The plus sign of an offset may have come without its escape.
        return parse_moment(text.replace(" ", "+"))
    except (ValueError, OverflowError) as exc:
        raise InvalidRequestError("until is a time like 2026-03-02T09:00:00Z.") from exc
