"""An entry of the audit log: what its digest covers, and what of it can be erased.

A digest covers what stays of an entry as it is, and what is personal by a commitment: a salted
hash. Erasing keeps the commitment and drops what it was made of, so that the digest is the same
before and after. Which part is which depends on the entry's `format` alone, never on when or where
it is looked at.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from transfer.core.cases import CaseNumber
from transfer.core.receipts import moment

FORMAT = 1
"""The format of what is recorded now. Another set of `KEPT_TEXTS` is another format."""

SALT_BYTES = 16

ERASED = "(erased)"
"""The actor of an entry that was erased."""

KEPT_TEXTS = frozenset(
    {
        # which bytes
        "sha256",
        "claimed_sha256",
        "claimed_digest",
        "content_sha256",
        "etag",
        "fingerprint",
        # which row
        "account_id",
        "credential",
        "event_id",
        "file_id",
        "key",
        "key_id",
        "object_key",
        "replaced",
        "side_file_id",
        "upload_id",
        # of what kind
        "direction",
        "door",
        "end",
        "kind",
        "method",
        "operation",
        "outcome",
        "priority",
        "resolution",
        "role",
        "state",
        "status",
        "substatus",
        "type",
        # when
        "closed_at",
        "due_at",
        "expires_at",
        "until",
    }
)
"""The details that stay although they are texts; all others may be somebody's words or name."""

_SERVICES = frozenset(
    {
        "Case Transfer",
        "case core",
        "retention",
        "service",
        "sweeper",
        "transfer serve",
        "verification",
    }
)
"""Actors that are nobody: parts of the service itself."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
_LONE = re.compile(r"[\ud800-\udfff]")
_ID = re.compile(r"[0-9A-Za-z_.:-]{1,64}", re.ASCII)
_OF_A_PERSON = re.compile(r"contact\..*|.*\.refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A row of the audit log.

    `salt` is None once it was erased, `commitment` is there only then.
    """

    sequence: int
    format: int
    at: datetime
    action: str
    actor: str
    case_number: CaseNumber | None
    subject: str | None
    door: str | None
    address: str | None
    details: Mapping[str, Any]
    salt: bytes | None
    commitment: bytes | None = None

    @property
    def is_erased(self) -> bool:
        """Whether its personal part was taken away."""
        return self.commitment is not None


def digest_of(entry: AuditEntry) -> bytes:
    """Return the SHA-256 of an entry: the same before and after it is erased."""
    kept = {
        "format": entry.format,
        "sequence": entry.sequence,
        "at": moment(entry.at),
        "action": entry.action,
        "case_number": entry.case_number,
        "door": entry.door,
        "actor": _kept_actor(entry),
        "subject": _kept_subject(entry),
        "details": _kept_details(entry),
        "commitment": commitment_of(entry).hex(),
    }
    return hashlib.sha256(canonical(kept).encode()).digest()


def commitment_of(entry: AuditEntry) -> bytes:
    """Return what the digest has of the personal part.

    An erased one that has something personal again commits to that, so that its digest is another.
    """
    if entry.commitment is not None and entry == _without_names(entry):
        return entry.commitment
    personal = {
        "actor": None if _kept_actor(entry) else entry.actor,
        "address": entry.address,
        "subject": None if _kept_subject(entry) else entry.subject,
        "details": {
            name: value for name, value in entry.details.items() if not _is_kept(name, value)
        },
    }
    return hashlib.sha256((entry.salt or b"") + canonical(personal).encode()).digest()


def is_personal(entry: AuditEntry) -> bool:
    """Whether there is something to be erased from an entry."""
    return not entry.is_erased and entry != _without_names(entry)


def erased(entry: AuditEntry) -> AuditEntry:
    """Return an entry without its personal part; its digest stays the same."""
    return replace(_without_names(entry), salt=None, commitment=commitment_of(entry))


def canonical(value: Mapping[str, Any]) -> str:
    """Return JSON in one spelling: members in order, no spaces, ASCII only where JSON must."""
    text = _ENCODER.encode(value)
    if text.isascii():
        return text
    # What isn't Unicode can't be encoded; written as JSON escapes it is the same value.
    return _LONE.sub(lambda lone: f"\\u{ord(lone[0]):04x}", text)


def _without_names(entry: AuditEntry) -> AuditEntry:
    return replace(
        entry,
        actor=_kept_actor(entry) or ERASED,
        address=None,
        subject=_kept_subject(entry),
        details=_kept_details(entry),
    )


def _kept_actor(entry: AuditEntry) -> str | None:
    return entry.actor if entry.actor in _SERVICES else None


def _kept_subject(entry: AuditEntry) -> str | None:
    if entry.subject is None or _OF_A_PERSON.fullmatch(entry.action):
        return None
    return entry.subject if _ID.fullmatch(entry.subject) else None


def _kept_details(entry: AuditEntry) -> dict[str, Any]:
    return {name: value for name, value in entry.details.items() if _is_kept(name, value)}


def _is_kept(name: str, value: object) -> bool:
    # The name of a detail is our own word. A list or an object may hold anything.
    if isinstance(value, str):
        return name in KEPT_TEXTS
    return value is None or isinstance(value, bool | int | float)
