"""The audit log's entries as their seals see them, and the seals, in rows.

Somebody may have broken these rows, that is what they are read for: one that can't be read is left
out, and never keeps others from being read.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    between,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.exc import OperationalError

from transfer.core.audit_chain import Gap
from transfer.core.audit_entries import AuditEntry
from transfer.core.cases import CaseNumber
from transfer.ports import AuditState, KeptSeal
from transfer.records.audit_guards import missing_guards
from transfer.records.audit_tables import audit_seals
from transfer.records.database import Database
from transfer.records.insertion import insert_unless_there
from transfer.records.rows import AnyRow
from transfer.records.tables import audit_events

T = TypeVar("T")

_SQLITE_COUNTED = text("SELECT seq FROM sqlite_sequence WHERE name = 'audit_events'")
_POSTGRES_COUNTED = text(
    "SELECT pg_sequence_last_value(pg_get_serial_sequence('audit_events', 'sequence')::regclass)"
)

_NUMBER = audit_events.c.sequence

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
"""A seal that somebody has tampered with may speak of numbers that no row can have."""

_AT_ONCE = 1000


class SqlAuditChain:
    """Entries and seals in rows; plays the role `transfer.ports.AuditChain`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def head(self) -> KeptSeal | None:
        """Return the last seal."""
        return await self._database.read(_head)

    async def unsealed(self, horizon: int, gaps: Sequence[Gap], limit: int) -> list[AuditEntry]:
        """Return entries behind `horizon` or in `gaps`, in the order of their numbers."""
        return await self._database.read(_unsealed, horizon, gaps, limit)

    async def add(self, seal: KeptSeal) -> bool:
        """Keep a seal; False if there is one of its number already."""
        values = {"number": seal.number, "jws": seal.jws, "digests": seal.digests}
        return await self._database.write(insert_unless_there, audit_seals, values)

    async def seals(self, after: int, limit: int) -> list[KeptSeal]:
        """Return the seals behind the number `after`, the lowest first."""
        return await self._database.read(_seals, after, limit)

    async def entries(
        self, numbers: Collection[int], case_number: CaseNumber | None = None
    ) -> list[AuditEntry]:
        """Return those of these entries that are there, of one case or all, the lowest first."""
        return await self._database.read(_entries, numbers, case_number)

    async def numbers_within(self, first: int, last: int, limit: int) -> list[int]:
        """Return numbers of entries from `first` to `last`, the lowest first."""
        return await self._database.read(_numbers_within, first, last, limit)

    async def state(self) -> AuditState:
        """Return what the database tells of the log by itself."""
        return await self._database.read(_state)


def _head(connection: Connection) -> KeptSeal | None:
    last = connection.scalar(select(func.max(audit_seals.c.number)))
    if last is None:
        return None
    return _seals(connection, last - 1, 1)[0]


def _seals(connection: Connection, after: int, limit: int) -> list[KeptSeal]:
    number = audit_seals.c.number
    within = select(number).where(number > after).order_by(number).limit(limit)
    numbers = connection.scalars(within).all()
    whole = select(audit_seals).where(number.in_(numbers)).order_by(number)
    kept = {one.number: one for one in _readable(connection, whole, number, numbers, _seal_of)}
    # One that can't be read is there all the same, and signed by nobody.
    return [kept.get(one) or KeptSeal(number=one, jws="", digests=b"") for one in numbers]


def _unsealed(
    connection: Connection, horizon: int, gaps: Sequence[Gap], limit: int
) -> list[AuditEntry]:
    late = (between(_NUMBER, gap.first, gap.last) for gap in gaps)
    query = (
        select(_NUMBER)
        .where(or_(audit_events.c.sequence > min(horizon, _HIGHEST), *late))
        .order_by(_NUMBER)
        .limit(limit)
    )
    after = _LOWEST
    while True:
        numbers = connection.scalars(query.where(audit_events.c.sequence > after)).all()
        found = _entries(connection, numbers, None)
        if found or len(numbers) < limit:
            return found
        after = numbers[-1]  # none of these can be read: that must not hide what comes behind


def _entries(
    connection: Connection, numbers: Collection[int], case_number: CaseNumber | None
) -> list[AuditEntry]:
    possible = sorted({number for number in numbers if _LOWEST <= number <= _HIGHEST})
    found: list[AuditEntry] = []
    for start in range(0, len(possible), _AT_ONCE):
        some = possible[start : start + _AT_ONCE]
        query = select(audit_events).where(_NUMBER.in_(some)).order_by(_NUMBER)
        if case_number is not None:
            query = query.where(audit_events.c.case_number == case_number)
        found += _readable(connection, query, _NUMBER, some, entry_of)
    return found


def _numbers_within(connection: Connection, first: int, last: int, limit: int) -> list[int]:
    query = select(_NUMBER).where(between(_NUMBER, first, last)).order_by(_NUMBER).limit(limit)
    return list(connection.scalars(query))


def _readable(
    connection: Connection,
    query: Select[Any],
    number: ColumnElement[int],
    numbers: Collection[int],
    convert: Callable[[AnyRow], T],
) -> list[T]:
    """Return the rows of a query that can be read: all at once, or else one by one."""
    try:
        return [convert(row) for row in connection.execute(query)]
    except (ValueError, TypeError, OperationalError) as exc:
        if not _is_of_a_row(exc):
            raise
    found: list[T] = []
    for one in sorted(numbers):
        try:
            found += [convert(row) for row in connection.execute(query.where(number == one))]
        except (ValueError, TypeError, OperationalError) as exc:
            if not _is_of_a_row(exc):
                raise
    return found


def _is_of_a_row(exc: Exception) -> bool:
    """Whether a row is broken, not the database away. SQLite can hold text that is none."""
    return not isinstance(exc, OperationalError) or "decode" in str(exc.orig)


def entry_of(row: AnyRow) -> AuditEntry:
    """Return the entry of a row.

    Raises:
        ValueError: a column has what it never should; SQLite allows that.
    """
    texts = (row.action, row.actor, row.case_number, row.subject, row.address)
    hashes = (row.salt, row.commitment)
    if (
        not all(one is None or isinstance(one, str) for one in texts)
        or not all(one is None or isinstance(one, bytes) for one in hashes)
        or not isinstance(row.format, int)
        or not isinstance(row.details, dict)
    ):
        raise ValueError("a row of the audit log is broken")
    return AuditEntry(
        sequence=row.sequence,
        format=row.format,
        at=row.at,
        action=row.action,
        actor=row.actor,
        case_number=row.case_number,
        subject=row.subject,
        door=row.door and row.door.value,
        address=row.address,
        details=row.details,
        salt=row.salt,
        commitment=row.commitment,
    )


def _seal_of(row: AnyRow) -> KeptSeal:
    if not isinstance(row.jws, str) or not isinstance(row.digests, bytes):
        raise TypeError("a row of the seals is broken")
    return KeptSeal(number=row.number, jws=row.jws, digests=row.digests)


def _state(connection: Connection) -> AuditState:
    is_sqlite = connection.dialect.name == "sqlite"
    counted = _SQLITE_COUNTED if is_sqlite else _POSTGRES_COUNTED
    return AuditState(
        last=connection.scalar(select(func.max(_NUMBER))) or 0,
        counted=connection.scalar(counted) or 0,
        is_gapless=is_sqlite,  # there, a transaction that fails gives its numbers back
        missing_guards=missing_guards(connection),
    )
