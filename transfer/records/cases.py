"""Cases in rows."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from transfer.core.cases import Case, CaseNumber, CaseUpdate, Hold, Status
from transfer.core.errors import CaseClosedError, CaseMissingError, NameTakenError
from transfer.core.names import SHARED_FOLDER
from transfer.records import folders, purges
from transfer.records.database import Database
from transfer.records.rows import AnyRow
from transfer.records.tables import case_updates, cases

_TAKEN = "The case number is in use."


class SqlCaseRecords:
    """The rows of cases; plays the role `transfer.ports.CaseRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, case: Case, update: CaseUpdate) -> None:
        """Insert a case with the first entry of its history, and its shared folder.

        Raises:
            NameTakenError: the number is in use.
        """
        try:
            await self._database.write(_insert, case, update)
        except IntegrityError as exc:
            raise NameTakenError(_TAKEN) from exc

    async def highest_number(self) -> CaseNumber | None:
        """Return the highest number in use."""
        return await self._database.read(_highest_number)

    async def case(self, number: CaseNumber) -> Case:
        """Return a case.

        Raises:
            CaseMissingError: no such case.
        """
        return await self._database.read(_one, number)

    async def cases(self, status: Status | None, limit: int) -> list[Case]:
        """Return cases, the newest first."""
        return await self._database.read(_newest, status, limit)

    async def save(
        self, case: Case, *, expected_version: int, update: CaseUpdate | None, event_id: str | None
    ) -> bool:
        """Write a changed case and its history entry, or nothing and return False.

        False when the row's version is another, when an entry of `event_id` exists already, and
        when the case would be open though the deletion of its data has begun. What is known of the
        deletion is never written here.

        Raises:
            ValueError: an event without an entry, which would leave no trace of it.
        """
        if update is None and event_id is not None:
            raise ValueError("an event is noted by its entry in the history")
        try:
            return await self._database.write(_save, case, expected_version, update, event_id)
        except IntegrityError:  # the same event, noted by someone else just now
            return False

    async def updates(self, number: CaseNumber) -> list[CaseUpdate]:
        """Return the history, oldest first."""
        return await self._database.read(_updates, number)

    async def told(self, event_id: str) -> bool:
        """Whether an event has been applied."""
        return await self._database.read(_told, event_id)

    async def closed_before(self, moment: datetime, limit: int = 100) -> list[Case]:
        """Return cases closed at or before `moment` whose data isn't proved gone, oldest first."""
        return await self._database.read(_closed_before, moment, limit)

    async def start_purge(
        self, number: CaseNumber, *, expected_version: int, now: datetime
    ) -> bool:
        """Mark that the deletion of a case's data has begun; it stays marked.

        From here on no upload is created for it. False when the case was reopened, held or changed
        meanwhile.
        """
        return await self._database.write(purges.start, number, expected_version, now)

    async def scrub(self, number: CaseNumber) -> dict[str, int]:
        """Delete the rows of a case's files, folders, uploads and parts; return counts by kind.

        Raises:
            CaseStateError: the deletion of its data hasn't begun.
        """
        return await self._database.write(purges.scrub, number)

    async def finish_purge(self, number: CaseNumber, now: datetime) -> None:
        """Mark that the case's data is proved gone."""
        await self._database.write(purges.finish, number, now)


def lock(connection: Connection, number: CaseNumber) -> Case:
    """Return a case, and hold its row until the transaction ends.

    So that what the case holds, and whether it is closed, changes by one transaction at a time.

    Raises:
        CaseMissingError: no such case.
    """
    # Not FOR UPDATE: that would also block rows that only refer to the case.
    return _first(connection, _select(number).with_for_update(key_share=True))


def lock_open(connection: Connection, number: CaseNumber) -> Case:
    """Return a case that takes something new, and hold its row until the transaction ends.

    Raises:
        CaseMissingError: no such case.
        CaseClosedError: it is closed.
    """
    case = lock(connection, number)
    if case.is_closed or case.purge_started_at is not None:
        raise CaseClosedError("The case is closed: ask Customer Care to reopen it.")
    return case


def _insert(connection: Connection, case: Case, entry: CaseUpdate) -> None:
    taken = select(cases.c.number).where(cases.c.number == case.number)
    if connection.execute(taken).first() is not None:
        raise NameTakenError(_TAKEN)
    connection.execute(
        insert(cases).values(
            number=case.number,
            id=case.id,
            opened_at=case.opened_at,
            purge_started_at=case.purge_started_at,
            purged_at=case.purged_at,
            **_changeable(case),
        )
    )
    _add_entry(connection, case.number, entry, None)
    root = folders.make_root(connection, case.number, case.opened_at)
    folders.make(connection, case.number, root, SHARED_FOLDER, case.opened_at)


def _save(
    connection: Connection,
    case: Case,
    expected_version: int,
    entry: CaseUpdate | None,
    event_id: str | None,
) -> bool:
    if event_id is not None and _told(connection, event_id):
        return False
    statement = update(cases).where(
        cases.c.number == case.number, cases.c.version == expected_version
    )
    if not case.is_closed:
        statement = statement.where(cases.c.purge_started_at.is_(None))
    if not connection.execute(statement.values(**_changeable(case))).rowcount:
        return False
    if entry is not None:
        _add_entry(connection, case.number, entry, event_id)
    return True


def _add_entry(
    connection: Connection, number: CaseNumber, entry: CaseUpdate, event_id: str | None
) -> None:
    connection.execute(
        insert(case_updates).values(
            case_number=number,
            at=entry.at,
            author=entry.author,
            text=entry.text,
            event_id=event_id,
        )
    )


def _highest_number(connection: Connection) -> CaseNumber | None:
    highest: CaseNumber | None = connection.scalar(select(func.max(cases.c.number)))
    return highest


def _one(connection: Connection, number: CaseNumber) -> Case:
    return _first(connection, _select(number))


def _newest(connection: Connection, status: Status | None, limit: int) -> list[Case]:
    query = select(cases).order_by(cases.c.opened_at.desc(), cases.c.number.desc()).limit(limit)
    if status is not None:
        query = query.where(cases.c.status == status)
    return [_case_of(row) for row in connection.execute(query)]


def _closed_before(connection: Connection, moment: datetime, limit: int) -> list[Case]:
    query = (
        select(cases)
        .where(cases.c.closed_at <= moment, cases.c.purged_at.is_(None))
        .order_by(cases.c.closed_at, cases.c.number)
        .limit(limit)
    )
    return [_case_of(row) for row in connection.execute(query)]


def _updates(connection: Connection, number: CaseNumber) -> list[CaseUpdate]:
    query = (
        select(case_updates)
        .where(case_updates.c.case_number == number)
        .order_by(case_updates.c.sequence)
    )
    return [
        CaseUpdate(at=row.at, author=row.author, text=row.text) for row in connection.execute(query)
    ]


def _told(connection: Connection, event_id: str) -> bool:
    query = select(case_updates.c.sequence).where(case_updates.c.event_id == event_id)
    return connection.execute(query).first() is not None


def _select(number: CaseNumber) -> Select[Any]:
    return select(cases).where(cases.c.number == number)


def _first(connection: Connection, query: Select[Any]) -> Case:
    row = connection.execute(query).one_or_none()
    if row is None:
        raise CaseMissingError("No such case.")
    return _case_of(row)


def _changeable(case: Case) -> dict[str, object]:
    """Return the columns that `save` may change."""
    return {
        "subject": case.subject,
        "account": case.account,
        "status": case.status,
        "substatus": case.substatus,
        "closed_at": case.closed_at,
        "hold_reason": case.hold.reason if case.hold else None,
        "hold_placed_by": case.hold.placed_by if case.hold else None,
        "hold_placed_at": case.hold.placed_at if case.hold else None,
        "version": case.version,
    }


def _case_of(row: AnyRow) -> Case:
    hold = None
    if row.hold_placed_at is not None:
        hold = Hold(
            reason=row.hold_reason, placed_by=row.hold_placed_by, placed_at=row.hold_placed_at
        )
    return Case(
        number=row.number,
        id=row.id,
        subject=row.subject,
        account=row.account,
        status=row.status,
        substatus=row.substatus,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        hold=hold,
        version=row.version,
        purge_started_at=row.purge_started_at,
        purged_at=row.purged_at,
    )
