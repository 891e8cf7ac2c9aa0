"""Temporary SFTP accounts: how long they live, who may log in, and from where."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from transfer.core.cases import CaseNumber
from transfer.core.errors import InvalidRequestError
from transfer.core.public_keys import PublicKey

AccountId = NewType("AccountId", str)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LIFETIME = timedelta(hours=120)
"""From issue to end, not a minute more."""

MOST_OF_A_CASE = 10
"""How many accounts a case has at once, unless the operator says otherwise."""

MOST_KEYS = 10
MOST_NETWORKS = 50
LONGEST_LABEL = 100


class AccountEnd(StrEnum):
    """Why an account is over; with `reissued` only what was signed in before is."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    CASE_CLOSED = "case-closed"
    REISSUED = "reissued"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUse:
    """How an account was used: sessions, bytes of files taken and given, and the last time."""

    sessions: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    last_seen_at: datetime | None = None
    last_address: str | None = None


UNUSED = AccountUse()


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpAccount:
    """Temporary credentials for one case: a password, keys, or both.

    `password_hash` is what a login is compared with, None where only keys sign in;
    `sealed_password` is the encrypted copy that lets the password be shown while the account is
    active, None once it has ended. `networks` are those that it may come from, none means any.
    `issue` counts up with each re-issue: what came by an earlier one is over. `attested_version`
    is the wording of the warning that who issued it has attested for.
    """

    id: AccountId
    case_number: CaseNumber
    username: str
    password_hash: bytes | None
    sealed_password: bytes | None
    issued_by: str
    issued_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    end: AccountEnd | None = None
    label: str = ""
    keys: tuple[PublicKey, ...] = ()
    networks: tuple[Network, ...] = ()
    attested_version: str | None = None
    issue: int = 1
    use: AccountUse = UNUSED

    def ended(self, now: datetime) -> AccountEnd | None:
        """Return why the account is over at `now`, or None while it is good.

        The end is exact: at `expires_at` it is over.
        """
        if self.end is not None:
            return self.end
        return AccountEnd.EXPIRED if now >= self.expires_at else None

    @property
    def standing(self) -> "AccountStanding":
        """How it stands, for the sessions that live by it."""
        return AccountStanding(case_number=self.case_number, issue=self.issue, end=self.end)

    def admits(self, address: str | None) -> bool:
        """Tell whether someone may come from `address`; who hides it only where all may."""
        if not self.networks:
            return True
        parsed = _parse_address(address)
        return parsed is not None and any(parsed in network for network in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStanding:
    """What sessions have to know of their account: its case, its issue, and why it has ended."""

    case_number: CaseNumber
    issue: int
    end: AccountEnd | None


def parse_label(text: str) -> str:
    """Return what an account is called by people.

    Raises:
        InvalidRequestError: too long, or no plain line of text.
    """
    label = text.strip()
    if len(label) > LONGEST_LABEL or not label.isprintable():
        raise InvalidRequestError(f"A label is a line of at most {LONGEST_LABEL} characters.")
    return label


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks that `texts` name, each once: `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`.

    Raises:
        InvalidRequestError: one is none, or they are too many.
    """
    networks = tuple(dict.fromkeys(_parse_network(text.strip()) for text in texts))
    if len(networks) > MOST_NETWORKS:
        raise InvalidRequestError(f"An account has at most {MOST_NETWORKS} networks.")
    return networks


def _parse_network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as exc:
        raise InvalidRequestError(
            "A network is an address or one with the length of its prefix, like 192.0.2.7, "
            "198.51.100.0/24 or 2001:db8::/32, with no bits behind the prefix."
        ) from exc


def _parse_address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address; one of IPv4 that came by IPv6 as what it is."""
    try:
        address = ipaddress.ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
