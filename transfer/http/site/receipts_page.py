"""The receipts of a case as a page: to look at, to print, and to keep the signed ones."""

import json
from datetime import datetime
from typing import Any

from aiohttp import web

from transfer.core import errors
from transfer.engine.receipts import Receipt
from transfer.http.operations import HTML, Tag, gives, operation
from transfer.http.paging import asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.site.rendering import render_page

_PATH = "/cases/{number}/receipts"


class ReceiptsPageRoutes:
    """The page, for everybody who sees the case."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._receipts = services.receipts

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(_PATH, self.show)]

    @operation(
        "Show the receipts of a case as a page",
        tag=Tag.PAGES,
        parameters=PAGE_OF_LIST,
        gives=gives(200, media=HTML),
        errors=(errors.InvalidRequestError,),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show what was received for a case, and what was shared in it."""
        principal = request[PRINCIPAL]
        case = await self._files.case(principal, case_number(request))
        page = asked_page(request)
        receipts, following = await self._receipts.of_case(
            principal, case.number, after=page.after, limit=page.limit
        )
        return render_page(
            request,
            "receipts.html",
            case=case,
            receipts=[_said(one) for one in receipts],
            after=page.after,
            following=following,
            limit=page.limit,
        )


def _said(receipt: Receipt) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(receipt.statement)
    return {**said, "received_at": datetime.fromisoformat(said["received_at"])}
