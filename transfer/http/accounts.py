"""SFTP accounts of a case: issued, shown while active, revoked."""

from http import HTTPStatus

from aiohttp import hdrs, web

from transfer.core import errors
from transfer.core.accounts import AccountId
from transfer.core.errors import AccountMissingError
from transfer.http.operations import Tag, gives, operation
from transfer.http.paging import asked_page
from transfer.http.parameters import LOCATION, PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import account_json, accounts_json, json_response
from transfer.http.requests import OPAQUE_ID, PRINCIPAL, case_number
from transfer.http.shapes.accounts import AccountList, AccountShape

_ALL = "/api/v1/cases/{number}/sftp-accounts"
_ONE = f"{_ALL}/{{id:{OPAQUE_ID}}}"


class AccountRoutes:
    """SFTP accounts."""

    def __init__(self, services: Services) -> None:
        self._accounts = services.accounts
        self._sftp = services.policy.sftp

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post(_ALL, self.issue),
            web.get(_ALL, self.active),
            web.get(_ONE, self.show),
            web.delete(_ONE, self.revoke),
        ]

    @operation(
        "Issue a temporary SFTP account for a case",
        tag=Tag.ACCOUNTS,
        gives=gives(201, AccountShape, headers=LOCATION),
        errors=(errors.CaseClosedError, errors.NameTakenError),
    )
    async def issue(self, request: web.Request) -> web.Response:
        """Issue an account."""
        number = case_number(request)
        issued = await self._accounts.issue(request[PRINCIPAL], number)
        response = json_response(account_json(issued, self._sftp), status=HTTPStatus.CREATED)
        response.headers[hdrs.LOCATION] = f"{request.path.rstrip('/')}/{issued.account.id}"
        return response

    @operation(
        "List the SFTP accounts of a case that are good now",
        tag=Tag.ACCOUNTS,
        parameters=PAGE_OF_LIST,
        gives=gives(200, AccountList),
    )
    async def active(self, request: web.Request) -> web.Response:
        """List the accounts that are good now, a page at a time."""
        number, page = case_number(request), asked_page(request)
        accounts, following = await self._accounts.page(
            request[PRINCIPAL], number, after=page.after, limit=page.limit
        )
        return json_response(accounts_json(accounts, following, self._sftp))

    @operation(
        "Show an SFTP account while it is good",
        tag=Tag.ACCOUNTS,
        gives=gives(200, AccountShape),
        errors=(errors.AccountMissingError,),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show one account while it is good."""
        accounts = await self._accounts.active(request[PRINCIPAL], case_number(request))
        for one in accounts:
            if one.account.id == request.match_info["id"]:
                return json_response(account_json(one, self._sftp))
        raise AccountMissingError("No such account, or it has ended.")

    @operation(
        "End an SFTP account now",
        tag=Tag.ACCOUNTS,
        gives=gives(204),
        errors=(errors.AccountMissingError,),
    )
    async def revoke(self, request: web.Request) -> web.Response:
        """End an account now."""
        account_id = AccountId(request.match_info["id"])
        await self._accounts.revoke(request[PRINCIPAL], account_id, case_number(request))
        return web.Response(status=HTTPStatus.NO_CONTENT)
