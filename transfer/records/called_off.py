"""Deletions that are called off: another core may reopen a case at any time."""

from datetime import datetime

from sqlalchemy import Connection, and_, or_, select, update

from transfer.core.cases import CaseNumber, Status
from transfer.ports import AuditEvent, DeletionClaim
from transfer.records import audit, deletion_claims, doomed_rows, due_cases, folders
from transfer.records.deletion_claims import LONGEST_CLAIM
from transfer.records.moments import has_come
from transfer.records.retention_tables import deletions
from transfer.records.tables import cases

_HAS_MARK = and_(cases.c.closed_at.is_(None), cases.c.purge_started_at.is_not(None))
"""As the index has it."""


def reopened(connection: Connection, now: datetime, limit: int) -> list[CaseNumber]:
    """Return open cases with the mark of a deletion that nothing puts off and nobody is at."""
    claimed_until = deletions.c.claimed_until
    is_free = or_(claimed_until.is_(None), has_come(claimed_until, now, LONGEST_CLAIM))
    query = (
        select(cases.c.number)
        .outerjoin(deletions, deletions.c.case_number == cases.c.number)
        .where(_HAS_MARK, is_free, due_cases.is_tried(now))
        .order_by(cases.c.number)
        .limit(limit)
    )
    return [CaseNumber(number) for number in connection.scalars(query)]


def call_off(connection: Connection, claim: DeletionClaim, noted: AuditEvent) -> bool:
    """Take back the marks of a deletion, with what went of the case itself; see the port."""
    number = claim.number
    is_its = and_(cases.c.number == number, cases.c.status != Status.CLOSED, _HAS_MARK)
    found = connection.execute(select(cases.c.number).where(is_its).with_for_update(key_share=True))
    if found.first() is None or not deletion_claims.holds(connection, claim):
        return False
    connection.execute(
        update(cases).where(cases.c.number == number).values(purge_started_at=None, purged_at=None)
    )
    folders.make_standing(connection, number, noted.at)
    doomed_rows.forget(connection, number)
    connection.execute(
        update(deletions)
        .where(deletions.c.case_number == number)
        .values(
            stuck_since=None,
            stuck_left=None,
            stuck_problem=None,
            retry_at=None,
            retries=None,
            scrub_at=None,
        )
    )
    audit.add(connection, noted)
    return True
