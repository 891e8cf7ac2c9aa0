"""Temporary SFTP accounts: issued for a case, shown while active, ended to the second."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from transfer.core.access import Action, Principal, authorise
from transfer.core.accounts import (
    LIFETIME,
    MOST_OF_A_CASE,
    AccountEnd,
    AccountId,
    SftpAccount,
)
from transfer.core.cases import Case, CaseNumber, confirmed
from transfer.core.errors import (
    AccountMissingError,
    AcknowledgementOutdatedError,
    CaseClosedError,
    CaseMissingError,
)
from transfer.engine.account_entrance import AccountEntrance
from transfer.engine.account_presence import AccountPresence
from transfer.engine.account_requests import AccountRequest, terms_of
from transfer.engine.account_usage import AccountUsage, Traffic
from transfer.engine.acknowledgements import Acknowledgements
from transfer.engine.policy import Tools
from transfer.engine.secrets import Sealer, new_password, new_username, secret_hash

_NO_SUCH = "No such account."


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An account with its password; None if it has none, or its sealed copy is gone."""

    account: SftpAccount
    password: str | None


class Accounts:
    """SFTP accounts, and the sessions of this process that live by them."""

    def __init__(
        self,
        tools: Tools,
        sealer: Sealer,
        lifetime: timedelta = LIFETIME,
        most_of_a_case: int = MOST_OF_A_CASE,
    ) -> None:
        self._tools = tools
        self._records = tools.records.accounts
        self._sealer = sealer
        self._lifetime = lifetime
        self._most_of_a_case = most_of_a_case
        self._acknowledgements = Acknowledgements(tools)
        self._presence = AccountPresence(tools)
        self._entrance = AccountEntrance(tools, self._presence)
        self._usage = AccountUsage(tools)

    @property
    def lifetime(self) -> timedelta:
        """How long an account that is issued now will live, if nothing ends it before."""
        return self._lifetime

    @property
    def warning_version(self) -> str:
        """The wording of the warning that who issues an account attests for."""
        return self._tools.notice.version

    # ── Issuing ──────────────────────────────────────────────────────────────────────────────

    async def issue(
        self,
        principal: Principal,
        case_number: CaseNumber,
        request: AccountRequest | None = None,
    ) -> Credentials:
        """Issue an account for a case that isn't closed; who does attests for the warning.

        Raises:
            CaseMissingError, ForbiddenError, CaseClosedError: not here, not you, not any more.
            CaseCoreUnavailableError: the case core can't say so now.
            InvalidRequestError: such an account can't be had.
            AcknowledgementRequiredError, AcknowledgementOutdatedError: the warning comes first.
            TooManyAccountsError: the case has as many as it may.
        """
        request = request or AccountRequest()
        await self._open_case(principal, case_number)
        terms = terms_of(request, self._lifetime)
        attested = await self._attested(principal, case_number, request.attested_version)
        now, account_id = self._tools.clock.now(), AccountId(self._tools.new_id())
        password = new_password() if terms.with_password else None
        account = SftpAccount(
            id=account_id,
            case_number=case_number,
            username=new_username(case_number),
            issued_by=principal.name,
            issued_at=now,
            expires_at=now + terms.lifetime,
            label=terms.label,
            keys=terms.keys,
            networks=terms.networks,
            attested_version=attested,
            **self._secrets(account_id, password),
        )
        await self._records.insert(account, principal, most=self._most_of_a_case)
        self._tools.wake_worker()
        return Credentials(account=account, password=password)

    async def reissue(
        self,
        principal: Principal,
        account_id: AccountId,
        case_number: CaseNumber,
        *,
        attested_version: str | None = None,
    ) -> Credentials:
        """Give an active account a new password, and its lifetime anew; the old password is dead.

        Keys, networks, label and user name stay. Sessions that are signed in end within seconds,
        on every node.

        Raises:
            AccountMissingError: none of that id in the case, or it has ended.
            CaseMissingError, ForbiddenError, CaseClosedError: not here, not you, not any more.
            CaseCoreUnavailableError: the case core can't say so now.
            AcknowledgementRequiredError, AcknowledgementOutdatedError: the warning comes first.
        """
        await self._open_case(principal, case_number)
        account = await self._of_case(account_id, case_number)
        attested = await self._attested(principal, case_number, attested_version)
        password = None if account.password_hash is None else new_password()
        now = self._tools.clock.now()
        renewed = replace(
            account,
            issued_by=principal.name,
            issued_at=now,
            expires_at=now + min(self._lifetime, account.expires_at - account.issued_at),
            attested_version=attested,
            **self._secrets(account_id, password),
        )
        issued = await self._records.reissue(renewed, principal)
        self._presence.tell(account_id, issued.standing)
        self._tools.wake_worker()
        return Credentials(account=issued, password=password)

    # ── Showing and ending ───────────────────────────────────────────────────────────────────

    async def active(self, principal: Principal, case_number: CaseNumber) -> list[Credentials]:
        """Return the accounts of a case that are good now, with their passwords.

        Raises:
            CaseMissingError, ForbiddenError: they may not be shown to `principal`.
        """
        case = await self._tools.core.case(case_number)
        authorise(principal, Action.SEE_ACCOUNTS, case)
        if case.is_closed:
            return []
        now = self._tools.clock.now()
        accounts = await self._records.of_case(case_number, active_at=now)
        return [
            Credentials(account=account, password=self._unsealed(account)) for account in accounts
        ]

    async def page(
        self,
        principal: Principal,
        case_number: CaseNumber,
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Credentials], str | None]:
        """Return a page of what `active` returns, newest first, and the cursor of the next page.

        Raises:
            CaseMissingError, ForbiddenError: they may not be shown to `principal`.
            InvalidRequestError: `after` is not a cursor from here.
        """
        case = await self._tools.core.case(case_number)
        authorise(principal, Action.SEE_ACCOUNTS, case)
        if case.is_closed:
            return [], None
        accounts, following = await self._records.page(
            case_number, active_at=self._tools.clock.now(), after=after, limit=limit
        )
        shown = [Credentials(account=one, password=self._unsealed(one)) for one in accounts]
        return shown, following

    async def revoke(
        self, principal: Principal, account_id: AccountId, case_number: CaseNumber | None = None
    ) -> SftpAccount:
        """End an account now; its live sessions end within seconds on every node.

        Raises:
            AccountMissingError: none of that id, in that case if given, or not theirs.
        """
        account = await self._of_case(account_id, case_number)
        try:
            case = await self._tools.core.case(account.case_number)
            authorise(principal, Action.MANAGE_ACCOUNTS, case)
        except CaseMissingError as exc:
            raise AccountMissingError(_NO_SUCH) from exc
        ended = await self._records.end(
            account_id, AccountEnd.REVOKED, principal, self._tools.clock.now()
        )
        self._presence.tell(account_id, ended.standing)
        return ended

    # ── Signing in ───────────────────────────────────────────────────────────────────────────

    async def log_in(self, username: str, password: str, address: str | None) -> Principal:
        """Return who `username` is, if the password is right and the account is good now.

        Raises:
            NotSignedInError: no.
        """
        return await self._entrance.by_password(username, password, address)

    async def recognise_key(self, username: str, key: bytes, address: str | None) -> Principal:
        """Return who `username` is once they prove that they have a key; see `AccountEntrance`.

        Raises:
            NotSignedInError: nobody.
        """
        return await self._entrance.by_key(username, key, address)

    async def key_proved(self, principal: Principal) -> None:
        """Note that somebody has signed in with a key that was recognised."""
        await self._entrance.key_proved(principal)

    # ── Sessions ─────────────────────────────────────────────────────────────────────────────

    async def live(self, principal: Principal, traffic: Traffic) -> AccountEnd:
        """Note how the account of `principal` is used until it is over for them; return why.

        It is over at the second of its expiry; within `watch_interval` of a revocation, a closure,
        or of being issued anew.
        """
        account_id = AccountId(principal.credential or "")
        async with self._usage.noted(principal, traffic):
            return await self._presence.ended(account_id, principal.credential_issue)

    async def watch(self) -> None:
        """Tell sessions of the end of their account, round after round, until cancelled."""
        await self._presence.watch()

    async def watch_once(self) -> None:
        """Do one round for all accounts that have a session here."""
        await self._presence.watch_once()

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    async def _open_case(self, principal: Principal, case_number: CaseNumber) -> Case:
        case = await self._tools.core.case(case_number)
        authorise(principal, Action.MANAGE_ACCOUNTS, case)
        if case.is_closed:
            raise CaseClosedError("The case is closed: reopen it before issuing an account.")
        return confirmed(case)

    async def _of_case(self, account_id: AccountId, number: CaseNumber | None) -> SftpAccount:
        account = await self._records.account(account_id)
        if number is not None and account.case_number != number:
            raise AccountMissingError(_NO_SUCH)
        return account

    async def _attested(
        self, principal: Principal, case_number: CaseNumber, version: str | None
    ) -> str:
        """Return the wording of the warning that `principal` attests for by issuing an account."""
        present = self._tools.notice.version
        if version not in (None, present):
            raise AcknowledgementOutdatedError(
                f"The warning is of version {present} by now: read it again."
            )
        await self._acknowledgements.require(principal, case_number)
        return present

    def _secrets(self, account_id: AccountId, password: str | None) -> dict[str, Any]:
        if password is None:
            return {"password_hash": None, "sealed_password": None}
        return {
            "password_hash": secret_hash(password),
            "sealed_password": self._sealer.seal(password, account_id),
        }

    def _unsealed(self, account: SftpAccount) -> str | None:
        if account.sealed_password is None:
            return None
        return self._sealer.open(account.sealed_password, account.id)
