"""What requests say of the SFTP account that they ask for, and what answers say of accounts."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from transfer.core.accounts import LIFETIME, LONGEST_LABEL, MOST_KEYS, MOST_NETWORKS, SftpAccount
from transfer.engine.account_requests import AccountRequest
from transfer.engine.accounts import Credentials
from transfer.http.json_bodies import JsonBody
from transfer.http.policy import SftpAddress
from transfer.http.rendering import Json, moment, rfc3339
from transfer.http.shapes.accounts import AccountList, AccountShape, KeyShape, UseShape

_Key = Annotated[str, Field(max_length=16 * 1024)]
_Network = Annotated[str, Field(max_length=64)]
_Seconds = Annotated[int, Field(ge=1, le=int(LIFETIME.total_seconds()))]
_Version = Annotated[
    str | None,
    Field(
        max_length=64,
        description="The text of the warning that you attest for, as `version` of `GET "
        "…/acknowledgement` names it; without it, the present one.",
    ),
]


class NewAccount(JsonBody):
    """An account to be issued; whoever issues it attests for the warning about sensitive data."""

    label: Annotated[
        str, Field(max_length=LONGEST_LABEL, description="Whom or what it is for.")
    ] = ""
    password: Annotated[bool, Field(description="Whether it has one; without, it has keys.")] = True
    keys: Annotated[
        tuple[_Key, ...],
        Field(
            max_length=MOST_KEYS,
            description="Public keys, as ssh-keygen or PuTTYgen has them.",
            strict=False,
        ),
    ] = ()
    networks: Annotated[
        tuple[_Network, ...],
        Field(
            max_length=MOST_NETWORKS,
            description="From where it may be used; none is any.",
            strict=False,
        ),
    ] = ()
    lifetime_seconds: Annotated[
        _Seconds | None, Field(description="How long it lives, if not as long as it may.")
    ] = None
    attested_version: _Version = None

    def request(self) -> AccountRequest:
        """Return what the engine is asked for."""
        seconds = self.lifetime_seconds
        return AccountRequest(
            label=self.label,
            with_password=self.password,
            keys=self.keys,
            networks=self.networks,
            lifetime=None if seconds is None else timedelta(seconds=seconds),
            attested_version=self.attested_version,
        )


class Reissue(JsonBody):
    """Another issue of an account; whoever asks for it attests for the warning again."""

    attested_version: _Version = None


def account_json(credentials: Credentials, address: SftpAddress | None) -> Json:
    """Return an SFTP account with all that a person needs to log in."""
    return _account(credentials, address).json_object()


def accounts_json(
    accounts: Sequence[Credentials], following: str | None, address: SftpAddress | None
) -> Json:
    """Return a page of SFTP accounts."""
    shown = [_account(one, address) for one in accounts]
    return AccountList(accounts=shown, next=following).json_object()


def _account(credentials: Credentials, address: SftpAddress | None) -> AccountShape:
    account = credentials.account
    return AccountShape(
        id=account.id,
        username=account.username,
        password=credentials.password,
        host=address.host if address else None,
        port=address.port if address else None,
        fingerprints=list(address.fingerprints) if address else [],
        expires_at=moment(account.expires_at),
        label=account.label,
        keys=[
            KeyShape(algorithm=key.algorithm, fingerprint=key.fingerprint, comment=key.comment)
            for key in account.keys
        ],
        networks=[str(network) for network in account.networks],
        issued_by=account.issued_by,
        issued_at=moment(account.issued_at),
        issue=account.issue,
        attested_version=account.attested_version,
        use=_use(account),
    )


def _use(account: SftpAccount) -> UseShape:
    use = account.use
    return UseShape(
        sessions=use.sessions,
        bytes_received=use.bytes_received,
        bytes_sent=use.bytes_sent,
        last_seen_at=rfc3339(use.last_seen_at),
        last_address=use.last_address,
    )
