"""The audit log in rows."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from transfer.core.access import Principal
from transfer.core.audit_check import ERASURE
from transfer.core.audit_entries import FORMAT, SALT_BYTES
from transfer.core.cases import CaseNumber
from transfer.ports import AuditEvent
from transfer.records.audit_erasure import Erased, erase_some
from transfer.records.database import Database
from transfer.records.groups import forget
from transfer.records.prepared import Prepared
from transfer.records.rows import AnyRow
from transfer.records.tables import audit_events

_SERVICE = "service"
"""The actor of what nobody asked for: an expiry, or the end of what someone began."""


_INSERT = Prepared(insert(audit_events))


class SqlAuditLog:
    """What happened; plays the role `transfer.ports.AuditLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: AuditEvent) -> None:
        """Add an event."""
        await self._database.jot(add, event)

    async def events(self, case_number: CaseNumber | None = None) -> list[AuditEvent]:
        """Return the events, of one case or all, oldest first."""
        return await self._database.read(_events, case_number)

    async def latest(
        self, case_number: CaseNumber, action: str, actor: str, subject: str
    ) -> AuditEvent | None:
        """Return the last time that `actor` did `action` to `subject`, if ever."""
        return await self._database.read(_latest, case_number, action, actor, subject)

    async def erase_personal(self, case_number: CaseNumber, now: datetime) -> int:
        """Take names, addresses and texts out of the events of a case; return out of how many."""
        count, seen = 0, 0
        while True:
            erased = await self._database.write(_erase, case_number, seen, now)
            if erased is None:
                return count
            count, seen = count + erased.entries, erased.seen


def add(connection: Connection, event: AuditEvent) -> None:
    """Add an event within a transaction."""
    _INSERT.run(connection, _values(event))


def add_all(connection: Connection, events: Sequence[AuditEvent]) -> None:
    """Add events within a transaction, in their order, by one statement."""
    _INSERT.run_all(connection, [_values(event) for event in events])


def _values(event: AuditEvent) -> dict[str, Any]:
    return {
        "at": event.at,
        "action": event.action,
        "actor": event.actor,
        "case_number": event.case_number,
        "subject": event.subject,
        "door": event.door,
        "address": event.address,
        "details": dict(event.details),
        "format": FORMAT,
        "salt": secrets.token_bytes(SALT_BYTES),
    }


def done_by(
    principal: Principal | None,
    action: str,
    now: datetime,
    case_number: CaseNumber,
    subject: str,
    details: Mapping[str, Any],
) -> AuditEvent:
    """Return the event of what `principal`, or the service by itself, did to a case."""
    return AuditEvent(
        at=now,
        action=action,
        actor=principal.name if principal else _SERVICE,
        case_number=case_number,
        subject=subject,
        door=principal.door if principal else None,
        address=principal.address if principal else None,
        details=details,
    )


def _erase(
    connection: Connection, case_number: CaseNumber, after: int, now: datetime
) -> Erased | None:
    erased = erase_some(connection, case_number, after)
    if erased is not None and erased.entries:
        details = {"entries": erased.entries, "first": erased.first, "last": erased.last}
        told = AuditEvent(
            at=now, action=ERASURE, actor=_SERVICE, case_number=case_number, details=details
        )
        add(connection, told)
    if erased is None and after:  # that was the last of them
        forget(connection)
    return erased


def _events(connection: Connection, case_number: CaseNumber | None) -> list[AuditEvent]:
    query = select(audit_events).order_by(audit_events.c.sequence)
    if case_number is not None:
        query = query.where(audit_events.c.case_number == case_number)
    return [event_of(row) for row in connection.execute(query)]


def _latest(
    connection: Connection, case_number: CaseNumber, action: str, actor: str, subject: str
) -> AuditEvent | None:
    query = (
        select(audit_events)
        .where(
            audit_events.c.case_number == case_number,
            audit_events.c.action == action,
            audit_events.c.actor == actor,
            audit_events.c.subject == subject,
        )
        .order_by(audit_events.c.sequence.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else event_of(row)


def event_of(row: AnyRow) -> AuditEvent:
    """Return the event of a row."""
    return AuditEvent(
        at=row.at,
        action=row.action,
        actor=row.actor,
        case_number=row.case_number,
        subject=row.subject,
        door=row.door,
        address=row.address,
        details=row.details,
    )
