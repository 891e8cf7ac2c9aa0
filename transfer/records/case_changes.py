"""Which cases have changed lately: by their histories, which have an entry for every change."""

from sqlalchemy import Connection, select

from transfer.core.cases import Case
from transfer.records.contacts import with_contacts
from transfer.records.rows import case_of, select_cases
from transfer.records.tables import case_updates, cases


def changed(connection: Connection, after: int, limit: int) -> tuple[list[Case], int, bool]:
    """Return the cases of the next `limit` entries of all histories, as they stand now.

    Those behind entry `after`; with the number of the last entry, and whether there are more.
    """
    query = (
        select(case_updates.c.sequence, case_updates.c.case_number)
        .where(case_updates.c.sequence > after)
        .order_by(case_updates.c.sequence)
        .limit(limit + 1)
    )
    rows = connection.execute(query).all()
    shown = rows[:limit]
    # The earliest change first, each case once.
    numbers = list(dict.fromkeys(row.case_number for row in shown))
    found = connection.execute(select_cases().where(cases.c.number.in_(numbers)))
    by_number = {row.number: case_of(row) for row in found}
    seen = shown[-1].sequence if shown else after
    listed = with_contacts(connection, [by_number[number] for number in numbers])
    return listed, seen, len(rows) > len(shown)
