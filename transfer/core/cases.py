"""A support case: its number, its statuses, and what may follow what."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType

from transfer.core.errors import CaseStateError, InvalidRequestError

CaseNumber = NewType("CaseNumber", str)
"""Ten digits, as people write it: `0003256109`."""

CaseId = NewType("CaseId", str)
"""The opaque name of a case in object keys."""

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
    deletion of the case's data began, and when it was proved.
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

    @property
    def is_closed(self) -> bool:
        """Whether the case takes nothing new."""
        return self.status is Status.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseUpdate:
    """An entry in a case's history, as people read it."""

    at: datetime
    author: str
    text: str


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
        case, status=status, substatus=substatus_of(status, substatus), version=case.version + 1
    )


def close(case: Case, resolution: str | None, now: datetime) -> Case:
    """Return `case` closed as `resolution` (Resolved or Cancelled) at `now`.

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
        version=case.version + 1,
    )


def after_customer_upload(case: Case) -> Case:
    """Return `case` as it stands once its customer has sent something.

    A case that waited for the customer is ours again; any other stays as it is.
    """
    if case.status not in (Status.AWAITING_INFORMATION, Status.SOLUTION_PROPOSED):
        return case
    return move(case, Status.OPEN, "Investigation")
