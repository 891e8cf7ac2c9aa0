"""A ticket of a Roundup tracker, and the case that it is: what its fields and statuses mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from transfer.casebridge.case_documents import case_of
from transfer.core.cases import Case, CaseNumber, Priority, Status
from transfer.core.errors import CaseContradictionError

ACTIVITY = "activity"
"""When a ticket has changed last; a protected property of every class."""

_CREATION = "creation"
_NO_ACCOUNT = "Unknown"
_STAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})\.([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
)
_SETTLED_AFTER = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketMapping:
    """What a tracker's words mean here.

    `kind` is its class of tickets. `fields` has the tracker's property of each of our fields, or
    the path to it (`status.name`); with `number` among them, that property is the case's number,
    else it is the ticket's id.
    """

    kind: str
    fields: Mapping[str, str]
    statuses: Mapping[str, tuple[Status, str]]
    priorities: Mapping[str, Priority]

    @property
    def wanted(self) -> str:
        """The fields to ask for."""
        return ",".join(sorted({*self.fields.values(), ACTIVITY, _CREATION}))

    @property
    def number_property(self) -> str | None:
        """The property that is the case's number; None if the ticket's id is."""
        return self.fields.get("number")

    @property
    def status_property(self) -> str:
        """The ticket's own property of its status."""
        return self.fields["status"].partition(".")[0]

    def name_of(self, status: Status, substatus: str) -> str | None:
        """Return what the tracker calls a status, or else the first one like it, if any."""
        alike = [name for name, known in self.statuses.items() if known[0] is status]
        exactly = [name for name in alike if self.statuses[name][1] == substatus]
        return next(iter([*exactly, *alike]), None)

    def number_of(self, ticket: Mapping[str, Any]) -> CaseNumber | None:
        """Return the number of the case that a ticket is; None if it is none of ours."""
        told = ticket.get(self.fields.get("number", "id"))
        if not isinstance(told, str) or not told.isascii() or not told.isdigit():
            return None
        return CaseNumber(told.zfill(10)) if len(told) <= 10 else None

    def case_of(self, ticket: Mapping[str, Any], at: datetime) -> Case:
        """Return the case that a ticket is, which the tracker told of `at` a time of its clock.

        Raises:
            CaseContradictionError: it can't be one, or nobody has said what its status means.
        """
        number = self.number_of(ticket)
        if number is None:
            raise CaseContradictionError("The tracker tells of a ticket without a case's number.")
        changed_at = moment_of(ticket.get(ACTIVITY))
        status, substatus = self._standing(ticket, number)
        is_closed = status is Status.CLOSED
        # One that was reopened may still say when it was closed.
        closed_at = self._value(ticket, "closed_at") if is_closed else None
        document = {
            "number": number,
            "version": version_of(changed_at, at),
            "subject": self._text(ticket, "subject") or "",
            "account": self._text(ticket, "account") or _NO_ACCOUNT,
            "sold_to": self._text(ticket, "sold_to"),
            "region": self._text(ticket, "region"),
            "priority": self._priority(ticket).value,
            "status": status.value,
            "substatus": substatus,
            "opened_at": moment_of(ticket.get(_CREATION)).isoformat(),
            "closed_at": None if closed_at is None else moment_of(closed_at).isoformat(),
        }
        return case_of(document)

    def _standing(self, ticket: Mapping[str, Any], number: CaseNumber) -> tuple[Status, str]:
        told = self._text(ticket, "status")
        standing = None if told is None else self.statuses.get(told)
        if standing is None:
            raise CaseContradictionError(
                f"The tracker's status of case {number} is none that the settings know."
            )
        return standing

    def _priority(self, ticket: Mapping[str, Any]) -> Priority:
        told = self._text(ticket, "priority")
        return self.priorities.get(told or "", Priority.MEDIUM)

    def _text(self, ticket: Mapping[str, Any], field: str) -> str | None:
        value = self._value(ticket, field)
        return value.strip() or None if isinstance(value, str) else None

    def _value(self, ticket: Mapping[str, Any], field: str) -> object:
        place = self.fields.get(field)
        return None if place is None else ticket.get(place)


def moment_of(stamp: object) -> datetime:
    """Return the time that a tracker's stamp says, like `2026-03-02.09:00:00`; always UTC.

    Raises:
        CaseContradictionError: it says none.
    """
    found = _STAMP.fullmatch(stamp) if isinstance(stamp, str) else None
    if found is None:
        raise CaseContradictionError("The tracker's answer has no time where one belongs.")
    try:
        return datetime(*map(int, found.groups()[:6]), tzinfo=UTC)  # type: ignore[arg-type, misc] # six numbers
    except ValueError as exc:
        raise CaseContradictionError("The tracker's answer has a time that there isn't.") from exc


def version_of(changed_at: datetime, at: datetime) -> int:
    """Return the version of a ticket that was changed then, as it is told of `at` a time.

    The tracker's clock counts seconds. What it tells within the second of a change may change once
    more in that second, so it counts as earlier than what it tells when that is over.
    """
    is_settled = at - changed_at >= _SETTLED_AFTER
    return 2 * int(changed_at.timestamp()) + is_settled


def place_of(ticket: Mapping[str, Any]) -> tuple[datetime, int]:
    """Return where a ticket stands among those that have changed: when it did, and its id.

    Raises:
        CaseContradictionError: it doesn't say.
    """
    return moment_of(ticket.get(ACTIVITY)), id_of(ticket)


def id_of(item: Mapping[str, Any]) -> int:
    """Return the id of a ticket or message.

    Raises:
        CaseContradictionError: it has none.
    """
    told = item.get("id")
    if not isinstance(told, str) or not told.isascii() or not told.isdigit():
        raise CaseContradictionError("The tracker's answer has something without an id.")
    return int(told)
