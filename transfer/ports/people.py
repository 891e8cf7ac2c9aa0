"""Who may come in: SFTP accounts and bearer tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from transfer.core.access import Principal, Role
from transfer.core.accounts import AccountEnd, AccountId, SftpAccount
from transfer.core.cases import CaseNumber


class AccountRecords(Protocol):
    """The rows of SFTP accounts."""

    async def insert(self, account: SftpAccount, principal: Principal) -> None:
        """Insert an account.

        Raises:
            NameTakenError: the user name is in use.
            CaseMissingError, CaseClosedError: no such case, or it takes nothing new.
        """

    async def account(self, account_id: AccountId) -> SftpAccount:
        """Return an account, ended or not.

        Raises:
            AccountMissingError: no such account.
        """

    async def by_username(self, username: str) -> SftpAccount | None:
        """Return the account of a user name."""

    async def of_case(self, number: CaseNumber, *, active_at: datetime | None) -> list[SftpAccount]:
        """Return a case's accounts, newest first; only those that are good then, if given."""

    async def end(
        self, account_id: AccountId, end: AccountEnd, principal: Principal | None, now: datetime
    ) -> SftpAccount:
        """End an account and destroy its sealed password. Repeatable: the first end stays."""

    async def end_expired(self, now: datetime) -> list[AccountId]:
        """End all accounts that have expired by `now`; return them."""

    async def standing(self, ids: Sequence[AccountId]) -> dict[AccountId, AccountEnd | None]:
        """Tell of each account why it has ended, None while it hasn't; absent means revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token, without its secret."""

    id: str
    name: str
    role: Role
    case_number: CaseNumber | None
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


class TokenRecords(Protocol):
    """The rows of bearer tokens, found by the SHA-256 of their secret."""

    async def insert(self, token: Token, secret_sha256: bytes) -> None:
        """Insert a token."""

    async def by_secret(self, secret_sha256: bytes) -> Token | None:
        """Return the token of a secret, whatever its standing."""

    async def tokens(self) -> list[Token]:
        """Return all tokens, newest first."""

    async def revoke(self, token_id: str, now: datetime) -> None:
        """Revoke a token.

        Raises:
            TokenMissingError: no such token.
        """
