"""Taking what is personal out of the audit log's rows."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from transfer.core.audit_entries import AuditEntry, erased, is_personal
from transfer.core.cases import CaseNumber
from transfer.records.audit_chain import entry_of
from transfer.records.tables import audit_events

_AT_ONCE = 200

_ERASE = (
    update(audit_events)
    .where(audit_events.c.sequence == bindparam("number"))
    .values(
        actor=bindparam("new_actor"),
        address=None,
        subject=bindparam("new_subject"),
        details=bindparam("new_details"),
        salt=None,
        commitment=bindparam("new_commitment"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """Which rows were looked at, up to `seen`, and between which of them were `entries` erased."""

    seen: int
    entries: int
    first: int
    last: int


def erase_some(connection: Connection, case_number: CaseNumber, after: int) -> Erased | None:
    """Erase among the first entries of a case behind the number `after`; None if there are none."""
    rows = connection.execute(
        select(audit_events)
        .where(
            audit_events.c.case_number == case_number,
            audit_events.c.sequence > after,
            audit_events.c.salt.is_not(None),
        )
        .order_by(audit_events.c.sequence)
        .limit(_AT_ONCE)
        .with_for_update()  # another worker may be at it as well: each entry is erased once
    ).all()
    if not rows:
        return None
    personal = [entry for entry in map(entry_of, rows) if is_personal(entry)]
    if personal:
        connection.execute(_ERASE, [_values(erased(entry)) for entry in personal])
    numbers = [entry.sequence for entry in personal] or [0]
    return Erased(seen=rows[-1].sequence, entries=len(personal), first=numbers[0], last=numbers[-1])


def _values(entry: AuditEntry) -> dict[str, object]:
    return {
        "number": entry.sequence,
        "new_actor": entry.actor,
        "new_subject": entry.subject,
        "new_details": entry.details,
        "new_commitment": entry.commitment,
    }
