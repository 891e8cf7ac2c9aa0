"""A support case: its number, its statuses, and what may follow what."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from transfer.core.contacts import Contact
from transfer.core.errors import (
    CaseCoreUnavailableError,
    CaseStateError,
    HeldError,
    InvalidRequestError,
)
from transfer.core.regions import Gateway

CaseNumber = NewType("CaseNumber", str)
"""Ten digits, as people write it: `0003256109`."""

CaseId = NewType("CaseId", str)
"""The opaque name of a case in object keys."""

NO_ID = CaseId("")
"""That of a case as another system tells of it, which knows nothing of our keys."""

_NUMBER = re.compile(r"[0-9]{10}")


class Status(StrEnum):
    """Where a case stands."""

    OPEN = "Open"
    AWAITING_INFORMATION = "Awaiting Information"
    SOLUTION_PROPOSED = "Solution Proposed"
    CLOSED = "Closed"


SUBSTATUSES: dict[Status, tuple[str, ...]] = {
    Status.OPEN: ("New", "Investigation", "Engineering Request", "Maintenance Review"),
    Status.AWAITING_INFORMATION: (
        "Third Party Pending",
        "Information Required From Customer",
    ),
    Status.SOLUTION_PROPOSED: ("Replied", "Fixed - Software Provided"),
    Status.CLOSED: ("Resolved", "Cancelled"),
}
"""The substatuses of each status; the first is the one taken when none is named."""


class Priority(StrEnum):
    """How much a case presses."""

    PRODUCTION_DOWN = "Production Down"
    CRITICAL = "Critical"
    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


class UpdateKind(StrEnum):
    """What an entry in a case's history is: what happened, or what somebody wrote."""

    ENTRY = "entry"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerWait:
    """Since when a case waits for its customer, and how often they were reminded of it.

    There while follow-ups are counted; see `transfer.core.follow_ups`.
    """

    since: datetime
    notices: int = 0
    noticed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Keeps a case's data from deletion until it is lifted."""

    reason: str
    placed_by: str
    placed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A support case as the case core tells of it.

    `version` grows with every change; `purge_started_at` and `purged_at` are ours: when the
    deletion of the case's data began, and when it was proved. `region` is where its data is to be,
    if the core says so; `gateway` serves that region, and is None where this deployment does.
    `as_of` is there when the core is away and this is what it said last: then.

    `account` is the End User; `sold_to` is who bought, where that is another. `contacts` are the
    people of both as far as they are known; where there are any, no one else of the customer's
    gets in. `wait` is there while follow-ups are counted, `asked_at` while the case isn't ours:
    since when, if that is known.

    `kept_for` is how long these accounts' data is kept after a closure, where that isn't what the
    service does for all; `account_hold` keeps all of it.
    """

    number: CaseNumber
    id: CaseId
    subject: str
    account: str
    status: Status
    substatus: str
    opened_at: datetime
    closed_at: datetime | None = None
    hold: Hold | None = None
    version: int = 1
    purge_started_at: datetime | None = None
    purged_at: datetime | None = None
    region: str | None = None
    as_of: datetime | None = None
    gateway: Gateway | None = None
    priority: Priority = Priority.MEDIUM
    sold_to: str | None = None
    close_reason: str | None = None
    wait: CustomerWait | None = None
    asked_at: datetime | None = None
    contacts: tuple[Contact, ...] = ()
    kept_for: timedelta | None = None
    account_hold: Hold | None = None

    @property
    def keeping(self) -> Hold | None:
        """What keeps the data from deletion: the case's own hold, or that of its account."""
        return self.hold or self.account_hold

    def check_not_held(self) -> None:
        """Raise if what was received for the case must stay as it is.

        Raises:
            HeldError: it must.
        """
        if self.keeping is not None:
            raise HeldError(
                "A hold keeps the files of this case as they are: use another name, or ask "
                "Customer Care to have it lifted."
            )

    @property
    def is_closed(self) -> bool:
        """Whether the case takes nothing new."""
        return self.status is Status.CLOSED

    @property
    def is_stale(self) -> bool:
        """Whether this is what the core said last, as it is away.

        What goes on may go on; no right is granted upon it, and nothing deleted.
        """
        return self.as_of is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseUpdate:
    """An entry in a case's history, as people read it."""

    at: datetime
    author: str
    text: str
    kind: UpdateKind = UpdateKind.ENTRY


def confirmed(case: Case) -> Case:
    """Return `case`, for a right to be granted upon it.

    Raises:
        CaseCoreUnavailableError: it is what the core said last; it may say otherwise by now.
    """
    if case.is_stale:
        raise CaseCoreUnavailableError(
            "The case core doesn't answer, so that no new access can be granted for now: try again "
            "in a few minutes. What has begun goes on."
        )
    return case


def parse_case_number(text: str) -> CaseNumber:
    """Return `text` as a case number.

    Raises:
        InvalidRequestError: it isn't ten ASCII digits.
    """
    if not _NUMBER.fullmatch(text):
        raise InvalidRequestError("A case number has ten digits, like 0003256109.")
    return CaseNumber(text)


def parse_status(text: str) -> Status:
    """Return the status that `text` names, whatever its case.

    Raises:
        InvalidRequestError: there is no such status.
    """
    for status in Status:
        if status.value.casefold() == text.casefold():
            return status
    raise InvalidRequestError(f"A status is one of: {', '.join(Status)}.")


def parse_priority(text: str) -> Priority:
    """Return the priority that `text` names, whatever its case.

    Raises:
        InvalidRequestError: there is no such priority.
    """
    for priority in Priority:
        if priority.value.casefold() == text.casefold():
            return priority
    raise InvalidRequestError(f"A priority is one of: {', '.join(Priority)}.")


def substatus_of(status: Status, text: str | None) -> str:
    """Return the substatus of `status` that `text` names, or its first one for None.

    Raises:
        InvalidRequestError: `status` has no such substatus.
    """
    choices = SUBSTATUSES[status]
    if text is None:
        return choices[0]
    for choice in choices:
        if choice.casefold() == text.casefold():
            return choice
    raise InvalidRequestError(f"{status} has the substatuses: {', '.join(choices)}.")


def move(case: Case, status: Status, substatus: str | None) -> Case:
    """Return `case` in another status that isn't Closed.

    Raises:
        CaseStateError: the case is closed, or `status` is Closed.
        InvalidRequestError: no such substatus.
    """
    if case.is_closed:
        raise CaseStateError("The case is closed: reopen it first.")
    if status is Status.CLOSED:
        raise CaseStateError("Close the case with a resolution instead.")
    return replace(
        case,
        status=status,
        substatus=substatus_of(status, substatus),
        wait=None,
        asked_at=None,
        version=case.version + 1,
    )


def prioritise(case: Case, priority: Priority) -> Case:
    """Return `case` with another priority.

    Raises:
        CaseStateError: the case is closed.
    """
    if case.is_closed:
        raise CaseStateError("The case is closed: reopen it first.")
    return replace(case, priority=priority, version=case.version + 1)


def close(case: Case, resolution: str | None, now: datetime, *, reason: str | None = None) -> Case:
    """Return `case` closed as `resolution` (Resolved or Cancelled) at `now`, for `reason`.

    Raises:
        CaseStateError: it is closed already.
        InvalidRequestError: no such resolution.
    """
    if case.is_closed:
        raise CaseStateError("The case is closed already.")
    return replace(
        case,
        status=Status.CLOSED,
        substatus=substatus_of(Status.CLOSED, resolution),
        closed_at=now,
        close_reason=reason,
        wait=None,
        asked_at=None,
        version=case.version + 1,
    )


def reopen(case: Case) -> Case:
    """Return `case` open again, under investigation.

    Raises:
        CaseStateError: it isn't closed, or the deletion of its data has begun.
    """
    if not case.is_closed:
        raise CaseStateError("The case isn't closed.")
    if case.purge_started_at is not None:
        raise CaseStateError("The case's data is being deleted or is gone: open a new case.")
    return replace(
        case,
        status=Status.OPEN,
        substatus="Investigation",
        closed_at=None,
        close_reason=None,
        version=case.version + 1,
    )


def is_asked(case: Case) -> bool:
    """Whether `case` isn't ours: somebody was asked for something, or a solution was proposed."""
    return case.status in (Status.AWAITING_INFORMATION, Status.SOLUTION_PROPOSED)


def after_customer_upload(case: Case, sent_at: datetime | None = None) -> Case:
    """Return `case` as it stands once its customer has sent a file, or written an update.

    A case that waited for the customer is ours again; any other stays as it is. So does one that
    was asked for after `sent_at`: what came before a question doesn't answer it.
    """
    if not is_asked(case):
        return case
    if sent_at is not None and case.asked_at is not None and sent_at < case.asked_at:
        return case
    return move(case, Status.OPEN, "Investigation")
