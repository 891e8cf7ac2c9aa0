"""What happens to a case, as it is told to those who watch it: which events there are, and to whom.

What was written to the audit log is told by its number there, so that whoever was away can go on
behind the last number that they saw. What a sender is just doing (`file.receiving`,
`file.progress`, `upload.interrupted`) has no number: it is told as it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from transfer.core.access import Action
from transfer.core.cases import CaseNumber


class EventKind(StrEnum):
    """What can happen."""

    FILE_RECEIVING = "file.receiving"
    FILE_PROGRESS = "file.progress"
    FILE_RECEIVED = "file.received"
    FILE_VERIFIED = "file.verified"
    FILE_DIGEST_MISMATCH = "file.digest-mismatch"
    FILE_REMOVED = "file.removed"
    ENTRY_MOVED = "entry.moved"
    FOLDER_MADE = "folder.made"
    FOLDER_REMOVED = "folder.removed"
    UPLOAD_INTERRUPTED = "upload.interrupted"
    UPLOAD_ABANDONED = "upload.abandoned"
    CASE_MOVED = "case.moved"
    CASE_CLOSED = "case.closed"
    CASE_REOPENED = "case.reopened"
    ACCOUNT_ISSUED = "account.issued"
    ACCOUNT_REISSUED = "account.reissued"
    ACCOUNT_ENDED = "account.ended"


_NEEDED = {
    EventKind.ACCOUNT_ISSUED: Action.SEE_ACCOUNTS,
    EventKind.ACCOUNT_REISSUED: Action.SEE_ACCOUNTS,
    EventKind.ACCOUNT_ENDED: Action.SEE_ACCOUNTS,
}

_TOLD: Mapping[EventKind, frozenset[str]] = {
    EventKind.FILE_RECEIVED: frozenset(
        {"path", "size", "sha256", "direction", "door", "sent_by", "verified", "upload_id"}
        | {"replaced"}
    ),
    EventKind.FILE_VERIFIED: frozenset({"sha256"}),
    EventKind.FILE_DIGEST_MISMATCH: frozenset({"sha256", "claimed_sha256", "claimed_digest"}),
    EventKind.FILE_REMOVED: frozenset({"path"}),
    EventKind.ENTRY_MOVED: frozenset({"from", "to"}),
    EventKind.FOLDER_MADE: frozenset({"path"}),
    EventKind.FOLDER_REMOVED: frozenset({"path"}),
    EventKind.UPLOAD_ABANDONED: frozenset({"reason"}),
    EventKind.CASE_MOVED: frozenset({"status", "substatus"}),
    EventKind.CASE_CLOSED: frozenset({"resolution", "reason"}),
    EventKind.CASE_REOPENED: frozenset(),
    EventKind.ACCOUNT_ISSUED: frozenset({"username", "expires_at"}),
    EventKind.ACCOUNT_REISSUED: frozenset({"username", "expires_at"}),
    EventKind.ACCOUNT_ENDED: frozenset({"username", "end"}),
}
"""What is told of each kind that the audit log has: nothing else of what is noted there."""

NOTED_KINDS = frozenset(_TOLD)
"""The kinds of events that have a number."""

_SUBJECT = {"file": "file_id", "upload": "upload_id", "account": "account_id"}
_MOVED = {"files": "file_id", "uploads": "upload_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """An entry of the audit log, with its number."""

    number: int
    at: datetime
    action: str
    case_number: CaseNumber | None
    subject: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a case; `number` is there if the audit log has it."""

    kind: EventKind
    case_number: CaseNumber
    at: datetime
    data: Mapping[str, Any]
    number: int | None = None

    @property
    def needs(self) -> Action:
        """What one must be allowed to do to the case to be told of it."""
        return _NEEDED.get(self.kind, Action.SEE)


def happening_of(noted: Noted) -> Happening | None:
    """Return what an entry of the audit log tells those who watch its case; None for nothing."""
    if noted.case_number is None or noted.action not in NOTED_KINDS:
        return None
    kind = EventKind(noted.action)
    data = {name: value for name, value in noted.details.items() if name in _TOLD[kind]}
    name = _SUBJECT.get(kind.partition(".")[0])
    if kind is EventKind.ENTRY_MOVED:
        name = _MOVED.get(str(noted.details.get("kind")))
    if name is not None and noted.subject is not None:
        data[name] = noted.subject
    return Happening(
        kind=kind, case_number=noted.case_number, at=noted.at, data=data, number=noted.number
    )
