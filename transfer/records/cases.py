"""Cases in rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import (
    Connection,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from transfer.core.case_search import CaseSearch, FoundCase
from transfer.core.cases import Case, CaseNumber, CaseUpdate, Status, UpdateKind
from transfer.core.errors import (
    CaseClosedError,
    CaseMissingError,
    CaseStateError,
    NameTakenError,
    UploadMissingError,
)
from transfer.core.uploads import UploadId
from transfer.ports import AuditEvent, CaseEvent
from transfer.records import audit, case_changes, case_search, case_waits, folders, outbox, purges
from transfer.records.contacts import contacts_of, joining_contacts
from transfer.records.cursors import cursor, parse_serial_cursor
from transfer.records.database import Database
from transfer.records.erasure import nameless
from transfer.records.prepared import Prepared
from transfer.records.rows import AnyRow, case_of, select_cases
from transfer.records.shared_reads import SharedReads
from transfer.records.tables import case_updates, cases, uploads

_TAKEN = "The case number is in use."
_MISSING = "No such case."

# Made once, as they are run for every request.
_ONE = select_cases().where(cases.c.number == bindparam("number"))
_LOCKED = Prepared(_ONE.with_for_update(key_share=True, of=cases))
_LOCKED_OF = Prepared(
    select_cases()
    .where(
        cases.c.number
        == select(uploads.c.case_number)
        .where(uploads.c.id == bindparam("upload_id"))
        .scalar_subquery()
    )
    .with_for_update(key_share=True, of=cases)
)
_WITH_CONTACTS = Prepared(joining_contacts(_ONE))


class SqlCaseRecords:
    """The rows of cases; plays the role `transfer.ports.CaseRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._one: SharedReads[CaseNumber, Case] = SharedReads(
            lambda number: database.look(_one, number)
        )

    async def insert(
        self, case: Case, update: CaseUpdate, *, audited: Sequence[AuditEvent] = ()
    ) -> None:
        """Insert a case with the first entry of its history, its shared folder and its audit.

        Raises:
            NameTakenError: the number is in use.
        """
        try:
            await self._database.write(_insert, case, update, audited)
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
        return await self._one.get(number)

    async def cases(self, status: Status | None, limit: int) -> list[Case]:
        """Return cases, the newest first."""
        return await self._database.read(_newest, status, limit)

    async def search(
        self, wanted: CaseSearch, *, after: str | None, limit: int
    ) -> tuple[list[FoundCase], str | None]:
        """Return a page of the cases that are looked for, and the cursor of the next page if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._database.read(case_search.search, wanted, after, limit)

    async def save(
        self,
        case: Case,
        *,
        expected_version: int,
        updates: Sequence[CaseUpdate] = (),
        events: Sequence[CaseEvent] = (),
        audited: Sequence[AuditEvent] = (),
        sending_since: datetime | None = None,
    ) -> bool:
        """Write a changed case, and in the same transaction all that tells of the change.

        Or nothing, and return False: when the row's version is another, and when the case would be
        open though the deletion of its data has begun. What is known of the deletion is never
        written here.

        Raises:
            CaseStateError: with `sending_since`: its customer has answered, see `waiting`.
        """
        entries = [(None, one) for one in updates]
        saving = _Saving(case, expected_version, entries, events, audited)
        if sending_since is None:
            return await self._database.write(_save, saving)
        return await self._database.write(_save_unanswered, saving, sending_since)

    async def waiting(
        self,
        since: Sequence[datetime],
        *,
        sending_since: datetime,
        after: tuple[datetime, CaseNumber] | None = None,
        limit: int = 100,
    ) -> list[Case]:
        """Return cases that wait for their customer; see `transfer.ports.CaseRecords`."""
        return await self._database.read(case_waits.waiting, since, sending_since, after, limit)

    async def note(
        self, case: Case, *, expected_version: int, entries: Mapping[str, CaseUpdate]
    ) -> bool:
        """Write a changed case and the history entries of events, by their ids.

        False, with nothing written, as in `save`; also when one of the events was noted before.
        """
        try:
            saving = _Saving(case, expected_version, list(entries.items()))
            return await self._database.write(_save, saving)
        except IntegrityError:  # the same event, noted by someone else just now
            return False

    async def changed(self, after: int, limit: int) -> tuple[list[Case], int, bool]:
        """Return cases that have changed; see `transfer.ports.CaseRecords`."""
        return await self._database.read(case_changes.changed, after, limit)

    async def updates(self, number: CaseNumber) -> list[CaseUpdate]:
        """Return the history, oldest first."""
        return await self._database.read(_updates, number)

    async def comments(self, number: CaseNumber, limit: int) -> list[CaseUpdate]:
        """Return the last comments in a history, oldest first."""
        return await self._database.read(_comments, number, limit)

    async def history(
        self, number: CaseNumber, *, after: str | None, limit: int
    ) -> tuple[list[CaseUpdate], str | None]:
        """Return a page of the history, oldest first, and the cursor of the next page if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._database.read(_history, number, after, limit)

    async def told(self, event_ids: Collection[str]) -> set[str]:
        """Return those of the events that have been applied."""
        return await self._database.read(_told, event_ids)

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
    return _first(connection, _LOCKED, number)


def lock_of(connection: Connection, upload_id: UploadId) -> Case:
    """Return the case of an upload, and hold its row until the transaction ends; see `lock`.

    Raises:
        UploadMissingError: no such upload.
    """
    row = _LOCKED_OF.one_or_none(connection, {"upload_id": upload_id})
    if row is None:
        raise UploadMissingError("No such upload.")
    return case_of(row)


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


@dataclass(frozen=True, slots=True)
class _Saving:
    """A changed case, and what is written with it; entries of events have those' ids."""

    case: Case
    expected_version: int
    entries: Sequence[tuple[str | None, CaseUpdate]]
    events: Sequence[CaseEvent] = ()
    audited: Sequence[AuditEvent] = ()


def _insert(
    connection: Connection, case: Case, entry: CaseUpdate, audited: Sequence[AuditEvent] = ()
) -> None:
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
    _add_entries(connection, case.number, [(None, entry)])
    folders.make_standing(connection, case.number, case.opened_at)
    for event in audited:
        audit.add(connection, event)


def _save(connection: Connection, saving: _Saving) -> bool:
    case, entries = saving.case, saving.entries
    statement = update(cases).where(
        cases.c.number == case.number, cases.c.version == saving.expected_version
    )
    if not case.is_closed:
        statement = statement.where(cases.c.purge_started_at.is_(None))
    changing = statement.values(**_changeable(case)).returning(cases.c.purge_started_at)
    saved = connection.execute(changing).first()
    if saved is None:
        return False
    if saved.purge_started_at is not None:  # the deletion may have begun since the event was read
        entries = [(event_id, nameless(event_id, entry)) for event_id, entry in entries]
    _add_entries(connection, case.number, entries)
    for event in saving.events:
        outbox.add(connection, event)
    for done in saving.audited:
        audit.add(connection, done)
    return True


def _save_unanswered(connection: Connection, saving: _Saving, sending_since: datetime) -> bool:
    # Whatever arrives holds the case's row: from here on there is nothing that isn't seen.
    number = saving.case.number
    lock(connection, number)
    if case_waits.has_answered(connection, number, sending_since):
        raise CaseStateError("The customer has answered.")
    return _save(connection, saving)


def _add_entries(
    connection: Connection,
    number: CaseNumber,
    entries: Sequence[tuple[str | None, CaseUpdate]],
) -> None:
    if entries:
        connection.execute(
            insert(case_updates),
            [
                {
                    "case_number": number,
                    "at": entry.at,
                    "author": entry.author,
                    "text": entry.text,
                    "event_id": event_id,
                    "kind": entry.kind,
                }
                for event_id, entry in entries
            ],
        )


def _highest_number(connection: Connection) -> CaseNumber | None:
    highest: CaseNumber | None = connection.scalar(select(func.max(cases.c.number)))
    return highest


def _one(connection: Connection, number: CaseNumber) -> Case:
    rows = _WITH_CONTACTS.all(connection, {"number": number})
    if not rows:
        raise CaseMissingError(_MISSING)
    return replace(case_of(rows[0]), contacts=contacts_of(rows))


def _newest(connection: Connection, status: Status | None, limit: int) -> list[Case]:
    query = select_cases().order_by(cases.c.opened_at.desc(), cases.c.number.desc()).limit(limit)
    if status is not None:
        query = query.where(cases.c.status == status)
    return [case_of(row) for row in connection.execute(query)]


def _updates(connection: Connection, number: CaseNumber) -> list[CaseUpdate]:
    query = (
        select(case_updates)
        .where(case_updates.c.case_number == number)
        .order_by(case_updates.c.sequence)
    )
    return [_update_of(row) for row in connection.execute(query)]


def _comments(connection: Connection, number: CaseNumber, limit: int) -> list[CaseUpdate]:
    query = (
        select(case_updates)
        .where(case_updates.c.case_number == number, case_updates.c.kind == UpdateKind.COMMENT)
        .order_by(case_updates.c.sequence.desc())
        .limit(limit)
    )
    return [_update_of(row) for row in connection.execute(query)][::-1]


def _history(
    connection: Connection, number: CaseNumber, after: str | None, limit: int
) -> tuple[list[CaseUpdate], str | None]:
    query = (
        select(case_updates)
        .where(case_updates.c.case_number == number)
        .order_by(case_updates.c.sequence)
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(case_updates.c.sequence > parse_serial_cursor(after))
    rows = connection.execute(query).all()
    shown = rows[:limit]
    more = len(rows) > len(shown)
    following = cursor(shown[-1].at, str(shown[-1].sequence)) if more else None
    return [_update_of(row) for row in shown], following


def _update_of(row: AnyRow) -> CaseUpdate:
    return CaseUpdate(at=row.at, author=row.author, text=row.text, kind=row.kind)


def _told(connection: Connection, event_ids: Collection[str]) -> set[str]:
    query = select(case_updates.c.event_id).where(case_updates.c.event_id.in_(event_ids))
    return set(connection.scalars(query))


def _first(connection: Connection, query: Prepared, number: CaseNumber) -> Case:
    row = query.one_or_none(connection, {"number": number})
    if row is None:
        raise CaseMissingError(_MISSING)
    return case_of(row)


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
        "priority": case.priority,
        "sold_to": case.sold_to,
        "close_reason": case.close_reason,
        "waiting_since": case.wait.since if case.wait else None,
        "notices": case.wait.notices if case.wait else 0,
        "noticed_at": case.wait.noticed_at if case.wait else None,
        "asked_at": case.asked_at,
        "version": case.version,
    }
