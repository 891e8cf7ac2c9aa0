"""Temporary SFTP accounts: how long they live, and who may log in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from transfer.core.cases import CaseNumber

AccountId = NewType("AccountId", str)

LIFETIME = timedelta(hours=120)
"""From issue to end, not a minute more."""


class AccountEnd(StrEnum):
    """Why an account is over."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    CASE_CLOSED = "case-closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpAccount:
    """Temporary credentials for one case.

    `password_hash` is what a login is compared with; `sealed_password` is the encrypted copy that
    lets the password be shown while the account is active, None once it has ended.
    """

    id: AccountId
    case_number: CaseNumber
    username: str
    password_hash: bytes
    sealed_password: bytes | None
    issued_by: str
    issued_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    end: AccountEnd | None = None

    def ended(self, now: datetime) -> AccountEnd | None:
        """Return why the account is over at `now`, or None while it is good.

        The end is exact: at `expires_at` it is over.
        """
        if self.end is not None:
            return self.end
        return AccountEnd.EXPIRED if now >= self.expires_at else None
