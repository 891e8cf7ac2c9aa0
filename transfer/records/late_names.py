"""Names that come into the rows of a case after its data is gone, and go from them again."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from transfer.core.cases import CaseNumber
from transfer.core.retention import next_scrub
from transfer.records import erasure
from transfer.records.retention_tables import deletions
from transfer.records.tables import cases


def to_be_scrubbed(connection: Connection, now: datetime, limit: int) -> list[CaseNumber]:
    """Return cases in whose rows names are to be looked for, the longest due first."""
    query = (
        select(deletions.c.case_number)
        .where(deletions.c.scrub_at <= now)
        .order_by(deletions.c.scrub_at, deletions.c.case_number)
        .limit(limit)
    )
    return [CaseNumber(number) for number in connection.scalars(query)]


def scrub_again(
    connection: Connection, number: CaseNumber, now: datetime, found_some: bool
) -> None:
    """Take names out of the rows of a case whose data is gone, and note when it is done next."""
    gone = select(cases.c.purged_at).where(cases.c.number == number)
    purged_at = connection.scalar(gone.with_for_update(key_share=True))
    if purged_at is None:  # it was reopened just now
        return
    erasure.erase_names(connection, number, now)
    due_at = next_scrub(purged_at, now, found_some=found_some)
    of_it = deletions.c.case_number == number
    connection.execute(update(deletions).where(of_it).values(scrub_at=due_at))
