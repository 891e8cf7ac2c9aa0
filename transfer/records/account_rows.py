"""Rows of SFTP accounts, read as what they mean, and made of it."""

import ipaddress
from typing import Any

from transfer.core.accounts import AccountUse, SftpAccount
from transfer.core.public_keys import key_of_line
from transfer.records.rows import AnyRow


def account_of(row: AnyRow) -> SftpAccount:
    """Return the account of a row."""
    return SftpAccount(
        id=row.id,
        case_number=row.case_number,
        username=row.username,
        password_hash=row.password_hash,
        sealed_password=row.sealed_password,
        issued_by=row.issued_by,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        end=row.end,
        label=row.label,
        keys=tuple(map(key_of_line, row.public_keys)),
        networks=tuple(map(ipaddress.ip_network, row.networks)),
        attested_version=row.attested_version,
        issue=row.issue,
        use=AccountUse(
            sessions=row.sessions,
            bytes_received=row.bytes_received,
            bytes_sent=row.bytes_sent,
            last_seen_at=row.last_seen_at,
            last_address=row.last_address,
        ),
    )


def values_of(account: SftpAccount) -> dict[str, Any]:
    """Return the columns of an account, but for those of its use."""
    return {
        "id": account.id,
        "case_number": account.case_number,
        "username": account.username,
        "ended_at": account.ended_at,
        "end": account.end,
        "label": account.label,
        "public_keys": [key.line for key in account.keys],
        "networks": [str(network) for network in account.networks],
        **issue_of(account),
    }


def issue_of(account: SftpAccount) -> dict[str, Any]:
    """Return the columns that another issue of an account changes."""
    return {
        "password_hash": account.password_hash,
        "sealed_password": account.sealed_password,
        "issued_by": account.issued_by,
        "issued_at": account.issued_at,
        "expires_at": account.expires_at,
        "attested_version": account.attested_version,
        "issue": account.issue,
    }
