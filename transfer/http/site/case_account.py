"""The temporary SFTP accounts of a case, for who logs in by them, and for who issues them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from math import ceil

from aiohttp import hdrs, web

from transfer.core import errors
from transfer.core.access import Action, may
from transfer.core.accounts import AccountId, SftpAccount
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import AccountMissingError, EntryMissingError
from transfer.engine.accounts import Credentials
from transfer.http.dispositions import attachment
from transfer.http.operations import HTML, Parameter, Tag, gives, operation
from transfer.http.policy import Services, public_path
from transfer.http.requests import OPAQUE_ID, PRINCIPAL, case_number
from transfer.http.site.account_forms import NEW_ACCOUNT, REISSUE, asked_version, new_account
from transfer.http.site.form_fields import form_of
from transfer.http.site.rendering import render_page
from transfer.http.site.sections import Section
from transfer.http.site.sftp_clients import SftpLogin

_ALL = "/cases/{number}/sftp-accounts"
_ONE = f"{_ALL}/{{id:{OPAQUE_ID}}}"
_ANCHOR = "#sftp-account"
_SHOWN = "password"
_SETTINGS_TYPE = "application/octet-stream"
_BACK = gives(303, text="To the case.")
_ATTESTING = (errors.AcknowledgementRequiredError, errors.AcknowledgementOutdatedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAccount:
    """An account; its password only where it was asked for. Without a `login`, no door is open."""

    account: SftpAccount
    password: str | None
    left: timedelta
    login: SftpLogin | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAccounts:
    """Those of a case, the newest first, and whether the reader may issue and end them.

    `lifetime` is how long a new one lives, `warning_version` the text to attest for.
    """

    accounts: Sequence[ShownAccount]
    may_manage: bool
    lifetime: timedelta
    warning_version: str


class CaseAccount:
    """Where the SFTP accounts of a case are shown: a section of its page."""

    def __init__(self, services: Services) -> None:
        self._accounts = services.accounts
        self._clock = services.clock
        self._address = services.policy.sftp

    async def section(self, request: web.Request, case: Case) -> Section | None:
        """Return the section for who may log in, and for staff.

        Nobody else gets it, and nobody that of a closed case: it has no accounts.
        """
        if case.is_closed or not may(request[PRINCIPAL], Action.SEE_ACCOUNTS, case):
            return None
        shown = await self.shown(request, case)
        return Section("case/account.html", shown, scripts=("account",))

    async def shown(self, request: web.Request, case: Case) -> ShownAccounts:
        """Return what the reader may see of the accounts of `case`.

        Raises:
            ForbiddenError: nothing.
        """
        principal = request[PRINCIPAL]
        active = await self._accounts.active(principal, case.number)
        asked, now = request.query.get(_SHOWN), self._clock.now()
        return ShownAccounts(
            accounts=[self._account(one, now, reveals=one.account.id == asked) for one in active],
            may_manage=not case.is_closed and may(principal, Action.MANAGE_ACCOUNTS, case),
            lifetime=self._accounts.lifetime,
            warning_version=self._accounts.warning_version,
        )

    async def login(self, request: web.Request) -> SftpLogin:
        """Return where the account that the path names logs in.

        Raises:
            AccountMissingError: there is none, it has ended, or no door is open.
        """
        active = await self._accounts.active(request[PRINCIPAL], case_number(request))
        for one in active:
            login = self._login(one)
            if one.account.id == request.match_info["id"] and login is not None:
                return login
        raise AccountMissingError("No such account, or it has ended.")

    def _account(self, credentials: Credentials, now: datetime, *, reveals: bool) -> ShownAccount:
        account = credentials.account
        return ShownAccount(
            account=account,
            password=credentials.password if reveals else None,
            left=timedelta(seconds=ceil((account.expires_at - now).total_seconds())),
            login=self._login(credentials),
        )

    def _login(self, credentials: Credentials) -> SftpLogin | None:
        if self._address is None:
            return None
        account = credentials.account
        return SftpLogin(
            address=self._address, username=account.username, case_number=account.case_number
        )


class CaseAccountRoutes:
    """The forms of the section, the section by itself, and the files of ready-made settings."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._accounts = services.accounts
        self._policy = services.policy
        self._shown = CaseAccount(services)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(_ALL, self.show),
            web.post(_ALL, self.issue),
            web.post(f"{_ONE}/reissue", self.reissue),
            web.post(f"{_ONE}/revoke", self.revoke),
            web.get(f"{_ONE}/{{name}}", self.settings),
        ]

    @operation(
        "Show the SFTP accounts of a case as a page",
        tag=Tag.PAGES,
        parameters=(
            Parameter(
                name=_SHOWN,
                text="The id of an account: its password is shown.",
                schema={"type": "string", "pattern": f"^{OPAQUE_ID}$"},
            ),
        ),
        gives=gives(200, media=HTML),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show the accounts of a case that are good now."""
        case = await self._files.case(request[PRINCIPAL], case_number(request))
        shown = await self._shown.shown(request, case)
        return render_page(request, "case/account_page.html", case=case, section=shown)

    @operation(
        "Issue a temporary SFTP account, by a form on a page",
        tag=Tag.PAGES,
        takes=NEW_ACCOUNT,
        gives=_BACK,
        errors=(
            errors.CaseClosedError,
            errors.NameTakenError,
            errors.TooManyAccountsError,
            *_ATTESTING,
        ),
    )
    async def issue(self, request: web.Request) -> web.Response:
        """Issue an account."""
        number = await self._managed(request)
        await self._accounts.issue(request[PRINCIPAL], number, new_account(request))
        return self._back(request)

    @operation(
        "Issue an SFTP account again, by a form on a page",
        tag=Tag.PAGES,
        takes=REISSUE,
        gives=_BACK,
        errors=(errors.AccountMissingError, errors.CaseClosedError, *_ATTESTING),
    )
    async def reissue(self, request: web.Request) -> web.Response:
        """Give an account a new password."""
        number, account_id = await self._managed(request), AccountId(request.match_info["id"])
        await self._accounts.reissue(
            request[PRINCIPAL], account_id, number, attested_version=asked_version(request)
        )
        return self._back(request)

    @operation(
        "End an SFTP account, by a button on a page",
        tag=Tag.PAGES,
        takes=form_of(),
        gives=_BACK,
        errors=(errors.AccountMissingError,),
    )
    async def revoke(self, request: web.Request) -> web.Response:
        """End an account now; one that has ended by itself meanwhile is ended all the same."""
        account_id = AccountId(request.match_info["id"])
        await self._accounts.revoke(request[PRINCIPAL], account_id, case_number(request))
        return self._back(request)

    @operation(
        "Give a file of ready-made settings for an SFTP client",
        tag=Tag.PAGES,
        text="`filezilla.xml`, `winscp.txt` or `known_hosts`. None of them has the password.",
        gives=gives(200, media=_SETTINGS_TYPE, text="The file."),
        errors=(errors.AccountMissingError, errors.EntryMissingError),
    )
    async def settings(self, request: web.Request) -> web.Response:
        """Give a file of settings."""
        name = request.match_info["name"]
        login = await self._shown.login(request)
        content = login.file(name)
        if content is None:
            raise EntryMissingError("No such file of settings.")
        disposition = {hdrs.CONTENT_DISPOSITION: attachment(login.file_name(name))}
        return web.Response(body=content.encode(), content_type=_SETTINGS_TYPE, headers=disposition)

    async def _managed(self, request: web.Request) -> CaseNumber:
        """Return the number of the case, if who asks may manage its accounts."""
        number = case_number(request)
        return (await self._files.case(request[PRINCIPAL], number, Action.MANAGE_ACCOUNTS)).number

    def _back(self, request: web.Request) -> web.Response:
        path = f"/cases/{case_number(request)}"
        location = public_path(self._policy, path) + _ANCHOR
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: location})
