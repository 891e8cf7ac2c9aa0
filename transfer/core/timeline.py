"""The timeline of a case, as Customer Care sees it: what of the audit log is on it, by topic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from transfer.core.access import Door
from transfer.core.accounts import SftpAccount
from transfer.core.cases import Case
from transfer.core.errors import InvalidRequestError
from transfer.core.retention import deletion_due_at


class Topic(StrEnum):
    """What an entry is about."""

    CASE = "case"
    FILES = "files"
    ACCOUNTS = "accounts"
    ACCESS = "access"
    RETENTION = "retention"


_DIGESTS = frozenset({"path", "sha256", "claimed_sha256", "claimed_digest", "side_file"})
_DELETED = frozenset({"files", "size_bytes", "left"})

_TOLD: Mapping[str, tuple[Topic, frozenset[str]]] = {
    "case.opened": (Topic.CASE, frozenset()),
    "case.moved": (Topic.CASE, frozenset({"status", "substatus"})),
    "case.closed": (Topic.CASE, frozenset({"resolution", "reason"})),
    "case.reopened": (Topic.CASE, frozenset()),
    "case.prioritised": (Topic.CASE, frozenset({"priority"})),
    "case.commented": (Topic.CASE, frozenset()),
    "case.followed-up": (Topic.CASE, frozenset({"number", "days"})),
    "file.received": (
        Topic.FILES,
        frozenset({"path", "size", "sha256", "direction", "verified", "replaced"}),
    ),
    "file.verified": (Topic.FILES, _DIGESTS),
    "file.digest-mismatch": (Topic.FILES, _DIGESTS),
    "file.removed": (Topic.FILES, frozenset({"path", "size", "sha256"})),
    "file.downloaded": (Topic.FILES, frozenset({"path", "start", "size", "url_for_seconds"})),
    "file.copied": (Topic.FILES, frozenset({"path", "size"})),
    "file.previewed": (Topic.FILES, frozenset({"path"})),
    "file.searched": (Topic.FILES, frozenset({"path"})),
    "archive.downloaded": (Topic.FILES, frozenset({"files", "size", "start"})),
    "entry.moved": (Topic.FILES, frozenset({"from", "to", "kind"})),
    "folder.made": (Topic.FILES, frozenset({"path"})),
    "folder.removed": (Topic.FILES, frozenset({"path"})),
    "upload.abandoned": (Topic.FILES, frozenset({"path", "reason", "offset", "length"})),
    "account.issued": (Topic.ACCOUNTS, frozenset({"username", "expires_at"})),
    "account.reissued": (Topic.ACCOUNTS, frozenset({"username", "expires_at"})),
    "account.ended": (Topic.ACCOUNTS, frozenset({"username", "end"})),
    "warning.acknowledged": (Topic.ACCESS, frozenset()),
    "sftp.signed-in": (Topic.ACCESS, frozenset()),
    "sftp.refused": (Topic.ACCESS, frozenset({"reason"})),
    "session.began": (Topic.ACCESS, frozenset({"role", "method"})),
    "session.ended": (Topic.ACCESS, frozenset({"name"})),
    "token.issued": (Topic.ACCESS, frozenset({"name", "role", "expires_at"})),
    "token.revoked": (Topic.ACCESS, frozenset({"name", "role"})),
    "link.made": (Topic.ACCESS, frozenset({"name", "role"})),
    "case.refused": (Topic.ACCESS, frozenset()),
    "case.held": (Topic.RETENTION, frozenset({"reason"})),
    "case.unheld": (Topic.RETENTION, frozenset()),
    "retention.started": (Topic.RETENTION, _DELETED),
    "retention.resumed": (Topic.RETENTION, _DELETED),
    "retention.halted": (Topic.RETENTION, _DELETED),
    "retention.stuck": (Topic.RETENTION, _DELETED),
    "retention.finished": (Topic.RETENTION, _DELETED),
}
"""What is on a timeline, and which details are told of it. All else stays in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """Something that happened to a case; `number` counts up."""

    number: int
    at: datetime
    action: str
    actor: str
    subject: str | None
    door: Door | None
    address: str | None
    details: Mapping[str, Any]

    @property
    def topic(self) -> Topic:
        """What it is about."""
        return _TOLD[self.action][0]


class ComingKind(StrEnum):
    """What is known to come."""

    DELETION = "deletion"
    ACCOUNT_END = "account-end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """Something that happens at `at` unless somebody changes it; `name` says to what, if needed."""

    at: datetime
    kind: ComingKind
    name: str | None = None


def actions_of(topic: Topic | None) -> frozenset[str]:
    """Return the actions that a timeline of `topic` has; None is all of it."""
    return frozenset(action for action, (of, _) in _TOLD.items() if topic in (None, of))


def told(action: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the `details` of an action that are on a timeline."""
    names = _TOLD[action][1]
    return {name: value for name, value in details.items() if name in names}


def parse_topic(text: str) -> Topic:
    """Return the topic that `text` names.

    Raises:
        InvalidRequestError: there is no such topic.
    """
    try:
        return Topic(text)
    except ValueError as exc:
        raise InvalidRequestError(f"A topic is one of: {', '.join(Topic)}.") from exc


def what_comes(case: Case, accounts: Sequence[SftpAccount], period: timedelta) -> list[Coming]:
    """Return what is known to come to a case with these `accounts`, which are good; soonest first.

    Nothing of a deletion that a hold stops, or that was done.
    """
    coming = [
        Coming(at=one.expires_at, kind=ComingKind.ACCOUNT_END, name=one.username)
        for one in accounts
    ]
    due = deletion_due_at(case, period)
    if due is not None and case.keeping is None and case.purged_at is None:
        coming.append(Coming(at=due, kind=ComingKind.DELETION))
    return sorted(coming, key=lambda one: one.at)
