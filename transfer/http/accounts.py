"""SFTP accounts of a case: issued, shown while active, issued again, revoked."""

from http import HTTPStatus

from aiohttp import hdrs, web

from transfer.core import errors
from transfer.core.accounts import AccountId
from transfer.core.errors import AccountMissingError
from transfer.http.account_bodies import NewAccount, Reissue, account_json, accounts_json
from transfer.http.json_bodies import read_json
from transfer.http.operations import Tag, gives, operation, takes
from transfer.http.paging import asked_page
from transfer.http.parameters import LOCATION, PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import json_response
from transfer.http.requests import OPAQUE_ID, PRINCIPAL, case_number
from transfer.http.shapes.accounts import AccountList, AccountShape

_ALL = "/api/v1/cases/{number}/sftp-accounts"
_ONE = f"{_ALL}/{{id:{OPAQUE_ID}}}"
_ATTESTING = (errors.AcknowledgementRequiredError, errors.AcknowledgementOutdatedError)


class AccountRoutes:
    """SFTP accounts."""

    def __init__(self, services: Services) -> None:
        self._accounts = services.accounts
        self._policy = services.policy
        self._clock = services.clock
        self._sftp = services.policy.sftp

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post(_ALL, self.issue),
            web.get(_ALL, self.active),
            web.get(_ONE, self.show),
            web.delete(_ONE, self.revoke),
            web.post(f"{_ONE}/reissue", self.reissue),
        ]

    @operation(
        "Issue a temporary SFTP account for a case",
        tag=Tag.ACCOUNTS,
        text="By Customer Care; by designated contacts where the operator allows it, once they "
        "have acknowledged the warning. Without a body it has a password and nothing else.",
        takes=takes(NewAccount, required=False),
        gives=gives(201, AccountShape, headers=LOCATION),
        errors=(
            errors.CaseClosedError,
            errors.NameTakenError,
            errors.TooManyAccountsError,
            *_ATTESTING,
        ),
    )
    async def issue(self, request: web.Request) -> web.Response:
        """Issue an account."""
        number = case_number(request)
        new = await read_json(request, NewAccount, policy=self._policy, clock=self._clock)
        issued = await self._accounts.issue(request[PRINCIPAL], number, new.request())
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

    @operation(
        "Issue an SFTP account again: a new password, and its lifetime anew",
        tag=Tag.ACCOUNTS,
        text="User name, label, keys and networks stay. The old password is dead, and sessions "
        "that are signed in end within two seconds, on every node; what has arrived is kept.",
        takes=takes(Reissue, required=False),
        gives=gives(200, AccountShape),
        errors=(errors.AccountMissingError, errors.CaseClosedError, *_ATTESTING),
    )
    async def reissue(self, request: web.Request) -> web.Response:
        """Issue an account again."""
        number, account_id = case_number(request), AccountId(request.match_info["id"])
        asked = await read_json(request, Reissue, policy=self._policy, clock=self._clock)
        issued = await self._accounts.reissue(
            request[PRINCIPAL], account_id, number, attested_version=asked.attested_version
        )
        return json_response(account_json(issued, self._sftp))
