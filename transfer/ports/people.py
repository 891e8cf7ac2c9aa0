"""Who may come in: SFTP accounts and bearer tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from transfer.core.access import Action, Principal, Role
from transfer.core.accounts import (
    AccountEnd,
    AccountId,
    AccountStanding,
    AccountUse,
    SftpAccount,
)
from transfer.core.cases import CaseNumber
from transfer.ports.work import AuditEvent


class AccountRecords(Protocol):
    """The rows of SFTP accounts."""

    async def insert(
        self, account: SftpAccount, principal: Principal, *, most: int | None = None
    ) -> None:
        """Insert an account.

        Raises:
            NameTakenError: the user name is in use.
            CaseMissingError, CaseClosedError: no such case, or it takes nothing new.
            TooManyAccountsError: it has `most` that are good when this one is issued.
        """

    async def reissue(self, account: SftpAccount, principal: Principal) -> SftpAccount:
        """Write the secrets and times of `account`, as its next issue; return it as it is then.

        Raises:
            AccountMissingError: no such account, or it had ended when this issue begins.
            CaseMissingError, CaseClosedError: no such case, or it takes nothing new.
        """

    async def use(self, account_id: AccountId, use: AccountUse) -> None:
        """Add to what is known of an account's use; the last time and address are replaced."""

    async def account(self, account_id: AccountId) -> SftpAccount:
        """Return an account, ended or not.

        Raises:
            AccountMissingError: no such account.
        """

    async def by_username(self, username: str) -> SftpAccount | None:
        """Return the account of a user name."""

    async def of_case(self, number: CaseNumber, *, active_at: datetime | None) -> list[SftpAccount]:
        """Return a case's accounts, newest first; only those that are good then, if given."""

    async def page(
        self, number: CaseNumber, *, active_at: datetime, after: str | None, limit: int
    ) -> tuple[list[SftpAccount], str | None]:
        """Return a page of a case's accounts that are good then, newest first, and the next cursor.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def end(
        self, account_id: AccountId, end: AccountEnd, principal: Principal | None, now: datetime
    ) -> SftpAccount:
        """End an account and destroy its sealed password. Repeatable: the first end stays."""

    async def end_expired(self, now: datetime) -> list[AccountId]:
        """End all accounts that have expired by `now`; return them."""

    async def standing(self, ids: Sequence[AccountId]) -> dict[AccountId, AccountStanding]:
        """Tell how each account stands; absent means revoked. An expiry may not be noted yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token, without its secret."""

    id: str
    name: str
    role: Role
    cases: frozenset[CaseNumber] | None
    actions: frozenset[Action] | None
    issued_by: str
    issued_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Tell whether it opens anything."""
        return self.revoked_at is None and now < self.expires_at


class TokenRecords(Protocol):
    """The rows of bearer tokens, found by the SHA-256 of their secret."""

    async def insert(self, token: Token, secret_sha256: bytes, event: AuditEvent) -> None:
        """Insert a token, and tell of it in the audit log."""

    async def token(self, token_id: str) -> Token:
        """Return a token, whatever its standing.

        Raises:
            TokenMissingError: no such token.
        """

    async def by_secret(self, secret_sha256: bytes) -> Token | None:
        """Return the token of a secret, whatever its standing."""

    async def page(self, after: str | None, limit: int) -> tuple[list[Token], str | None]:
        """Return up to `limit` tokens from behind the cursor `after`, and the next cursor if any.

        Newest first.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def standing(self, ids: Sequence[str]) -> list[Token]:
        """Return these tokens, as far as they are there."""

    async def used(self, token_id: str, now: datetime, *, unless_after: datetime) -> None:
        """Note that a token is in use, unless that was noted after `unless_after`."""

    async def revoke(self, token_id: str, now: datetime, event: AuditEvent) -> Token:
        """Revoke a token, and tell of it in the audit log. Repeatable: the first time counts.

        Raises:
            TokenMissingError: no such token.
        """
