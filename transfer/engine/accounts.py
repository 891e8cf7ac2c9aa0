"""Temporary SFTP accounts: issued for a case, shown while active, ended to the second."""

import asyncio
import hmac
from dataclasses import dataclass
from datetime import timedelta

import structlog

from transfer.core.access import Action, Door, Principal, Role, authorise
from transfer.core.accounts import LIFETIME, AccountEnd, AccountId, SftpAccount
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    AccountMissingError,
    CaseClosedError,
    CaseMissingError,
    InvalidRequestError,
    NotSignedInError,
    TransferError,
)
from transfer.engine.policy import Tools
from transfer.engine.secrets import Sealer, new_password, new_username, secret_hash
from transfer.ports import AuditEvent

_log = structlog.get_logger(__name__)
_NOBODY = secret_hash("nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An account with its password; None once the sealed copy is gone."""

    account: SftpAccount
    password: str | None


class Accounts:
    """SFTP accounts, and the sessions of this process that live by them."""

    def __init__(self, tools: Tools, sealer: Sealer, lifetime: timedelta = LIFETIME) -> None:
        self._tools = tools
        self._records = tools.records.accounts
        self._sealer = sealer
        self._lifetime = lifetime
        self._sessions: dict[AccountId, list[asyncio.Future[AccountEnd]]] = {}

    @property
    def lifetime(self) -> timedelta:
        """How long an account that is issued now will live, if nothing ends it before."""
        return self._lifetime

    async def issue(self, principal: Principal, case_number: CaseNumber) -> Credentials:
        """Issue an account for a case that isn't closed.

        Raises:
            CaseMissingError, ForbiddenError, CaseClosedError: not here, not you, not any more.
        """
        case = await self._tools.core.case(case_number)
        authorise(principal, Action.MANAGE_ACCOUNTS, case)
        if case.is_closed:
            raise CaseClosedError("The case is closed: reopen it before issuing an account.")
        now = self._tools.clock.now()
        account_id, password = AccountId(self._tools.new_id()), new_password()
        account = SftpAccount(
            id=account_id,
            case_number=case_number,
            username=new_username(case_number),
            password_hash=secret_hash(password),
            sealed_password=self._sealer.seal(password, account_id),
            issued_by=principal.name,
            issued_at=now,
            expires_at=now + self._lifetime,
        )
        await self._records.insert(account, principal)
        self._tools.wake_worker()
        return Credentials(account=account, password=password)

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
        account = await self._records.account(account_id)
        if case_number is not None and account.case_number != case_number:
            raise AccountMissingError("No such account.")
        try:
            case = await self._tools.core.case(account.case_number)
            authorise(principal, Action.MANAGE_ACCOUNTS, case)
        except CaseMissingError as exc:
            raise AccountMissingError("No such account.") from exc
        ended = await self._records.end(
            account_id, AccountEnd.REVOKED, principal, self._tools.clock.now()
        )
        self._tell(account_id, ended.end or AccountEnd.REVOKED)
        return ended

    async def log_in(self, username: str, password: str, address: str | None) -> Principal:
        """Return who `username` is, if the password is right and the account is good now.

        Every failure looks the same to the caller, and takes the same steps.

        Raises:
            NotSignedInError: no.
        """
        account = await self._records.by_username(username)
        expected = account.password_hash if account else _NOBODY
        right = hmac.compare_digest(secret_hash(password), expected)
        reason = await self._why_not(account, right=right)
        now = self._tools.clock.now()
        await self._tools.records.audit.record(
            AuditEvent(
                at=now,
                action="sftp.refused" if reason else "sftp.signed-in",
                actor=username[:64] if account else "unknown",
                case_number=account.case_number if account else None,
                subject=account.id if account else None,
                door=Door.SFTP,
                address=address,
                details={"reason": reason} if reason else {},
            )
        )
        if account is None or reason:
            raise NotSignedInError("User name or password is wrong, or the account has ended.")
        return Principal(
            name=account.username,
            role=Role.DESIGNATED,
            door=Door.SFTP,
            cases=frozenset({account.case_number}),
            credential=account.id,
            address=address,
        )

    async def ended(self, account_id: AccountId) -> AccountEnd:
        """Wait until an account is over, and return why: the end of a session that lives by it.

        At the second of its expiry; within `watch_interval` of a revocation or a closure.
        """
        account = await self._records.account(account_id)
        told = asyncio.get_running_loop().create_future()
        self._sessions.setdefault(account_id, []).append(told)
        expiry = asyncio.create_task(self._tools.clock.sleep_until(account.expires_at))
        try:
            already = await self._standing([account_id])
            if already:
                return already[account_id]
            await asyncio.wait({expiry, told}, return_when=asyncio.FIRST_COMPLETED)
            return told.result() if told.done() else AccountEnd.EXPIRED
        finally:
            expiry.cancel()
            self._sessions[account_id].remove(told)
            if not self._sessions[account_id]:
                del self._sessions[account_id]

    async def watch(self) -> None:
        """Tell sessions of the end of their account, round after round, until cancelled."""
        while True:
            await self._tools.clock.sleep(self._tools.policy.watch_interval.total_seconds())
            try:
                await self.watch_once()
            except TransferError as exc:
                _log.warning("accounts-not-watched", problem=exc.code)

    async def watch_once(self) -> None:
        """Do one round for all accounts that have a session here."""
        if self._sessions:
            for account_id, end in (await self._standing(list(self._sessions))).items():
                self._tell(account_id, end)

    async def _standing(self, ids: list[AccountId]) -> dict[AccountId, AccountEnd]:
        """Return why accounts are over, of those that are; a closed case ends them for good."""
        standing = await self._records.standing(ids)
        ends = {id_: standing.get(id_, AccountEnd.REVOKED) for id_ in ids}
        for account_id, end in ends.items():
            if end is None:
                ends[account_id] = await self._end_with_case(account_id)
        return {account_id: end for account_id, end in ends.items() if end is not None}

    async def _end_with_case(self, account_id: AccountId) -> AccountEnd | None:
        account = await self._records.account(account_id)
        try:
            case = await self._tools.core.case(account.case_number)
        except CaseMissingError:
            closed = True
        else:
            closed = case.is_closed
        if not closed:
            return None
        now = self._tools.clock.now()
        return (await self._records.end(account_id, AccountEnd.CASE_CLOSED, None, now)).end

    async def _why_not(self, account: SftpAccount | None, *, right: bool) -> str | None:
        if account is None:
            return "unknown-user"
        if not right:
            return "wrong-password"
        end = account.ended(self._tools.clock.now()) or await self._end_with_case(account.id)
        return end.value if end else None

    def _tell(self, account_id: AccountId, end: AccountEnd) -> None:
        for told in self._sessions.get(account_id, ()):
            if not told.done():
                told.set_result(end)

    def _unsealed(self, account: SftpAccount) -> str | None:
        if account.sealed_password is None:
            return None
        return self._sealer.open(account.sealed_password, account.id)


def check_lifetime(lifetime: timedelta) -> timedelta:
    """Return `lifetime` if accounts may live as long: more than nothing, at most 120 hours.

    Raises:
        InvalidRequestError: they may not.
    """
    if not timedelta(0) < lifetime <= LIFETIME:
        raise InvalidRequestError("An SFTP account lives at most 120 hours.")
    return lifetime
