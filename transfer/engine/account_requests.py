"""What somebody asks for who wants an SFTP account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from transfer.core.accounts import Network, parse_label, parse_networks
from transfer.core.errors import InvalidRequestError
from transfer.core.public_keys import PublicKey
from transfer.engine.public_keys import read_public_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRequest:
    """An account as it is asked for; `keys` and `networks` are text that wasn't looked at yet.

    `label` says whom or what it is for. `lifetime` is shorter than that of all accounts, or None.
    `attested_version` is the wording of the warning that who asks attests for; None is the present
    one.
    """

    label: str = ""
    with_password: bool = True
    keys: Sequence[str] = ()
    networks: Sequence[str] = ()
    lifetime: timedelta | None = None
    attested_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTerms:
    """An account as it may be issued."""

    label: str
    with_password: bool
    keys: tuple[PublicKey, ...]
    networks: tuple[Network, ...]
    lifetime: timedelta


def terms_of(request: AccountRequest, longest: timedelta) -> AccountTerms:
    """Return what is asked for, read and found good; it lives for `longest` unless it says less.

    Raises:
        InvalidRequestError: something of it can't be had.
    """
    keys = read_public_keys(request.keys)
    if not keys and not request.with_password:
        raise InvalidRequestError("An account has a password, or a public key, or both.")
    lifetime = request.lifetime if request.lifetime is not None else longest
    if not timedelta(0) < lifetime <= longest:
        raise InvalidRequestError(
            f"An account lives for at most {longest.total_seconds():.0f} seconds here."
        )
    return AccountTerms(
        label=parse_label(request.label),
        with_password=request.with_password,
        keys=keys,
        networks=parse_networks(request.networks),
        lifetime=lifetime,
    )
