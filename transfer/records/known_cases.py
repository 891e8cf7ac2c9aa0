"""What another case core has told of its cases, in rows: its part of the case's, and the rest."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from transfer.core.case_claims import check_succession, counted_from
from transfer.core.cases import Case, CaseNumber, Status
from transfer.core.errors import CaseMissingError
from transfer.ports import AuditEvent, KnownCase, Learned
from transfer.records import accounts, audit
from transfer.records import cases as case_rows
from transfer.records.database import Database
from transfer.records.inbox import is_asked_for
from transfer.records.known_case_tables import known_cases
from transfer.records.rows import AnyRow, case_of, select_cases
from transfer.records.tables import cases

_ACTOR = "case core"

_FOUND = select_cases(
    known_cases.c.told_at, known_cases.c.core_version, known_cases.c.told
).outerjoin(known_cases, known_cases.c.case_number == cases.c.number)


class SqlKnownCaseRecords:
    """The rows of known cases; plays the role `transfer.ports.KnownCaseRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, number: CaseNumber) -> KnownCase | None:
        """Return what is known of a case, None if nothing is."""
        return await self._database.read(_find, number)

    async def find_all(self, numbers: Collection[CaseNumber]) -> dict[CaseNumber, KnownCase]:
        """Return what is known of cases, without those of which nothing is."""
        return await self._database.read(_find_all, numbers)

    async def unheard(self, before: datetime, limit: int) -> list[CaseNumber]:
        """Return open cases that were asked for last before a moment, the longest ago first.

        None that is to be asked for already, nor one whose data is deleted.
        """
        return await self._database.read(_unheard, before, limit)

    async def learn(
        self, told: Case, document: Mapping[str, Any], now: datetime, *, answered: bool
    ) -> tuple[Learned, KnownCase]:
        """Take over what the core tells of a case that has a row, unless a later version is known.

        Raises:
            CaseMissingError: it has no row.
            CaseContradictionError: it can't be the case that is known.
        """
        return await self._database.write(_learn, told, document, now, answered)


def _find(connection: Connection, number: CaseNumber) -> KnownCase | None:
    return _find_all(connection, [number]).get(number)


def _find_all(
    connection: Connection, numbers: Collection[CaseNumber]
) -> dict[CaseNumber, KnownCase]:
    rows = connection.execute(_FOUND.where(cases.c.number.in_(numbers)))
    return {row.number: _known(row) for row in rows}


def _known(row: AnyRow) -> KnownCase:
    return KnownCase(
        case=case_of(row), told_at=row.told_at, version=row.core_version, document=row.told
    )


def _unheard(connection: Connection, before: datetime, limit: int) -> list[CaseNumber]:
    query = (
        select(known_cases.c.case_number)
        .join(cases, cases.c.number == known_cases.c.case_number)
        .where(
            known_cases.c.told.is_not(None),
            known_cases.c.told_at < before,
            cases.c.status != Status.CLOSED,
            ~is_asked_for(known_cases.c.case_number),
        )
        .order_by(known_cases.c.told_at)
        .limit(limit)
    )
    return list(connection.scalars(query))


def _learn(
    connection: Connection,
    told: Case,
    document: Mapping[str, Any],
    now: datetime,
    answered: bool,
) -> tuple[Learned, KnownCase]:
    case = case_rows.lock(connection, told.number)
    query = select(known_cases).where(known_cases.c.case_number == told.number)
    known = connection.execute(query).one_or_none()
    if known is not None:
        check_succession(case, told)
    open_at = None if known is None else known.open_at
    told = replace(told, closed_at=counted_from(case, told, open_at or now))
    outcome = Learned.OUTDATED
    if known is None or _is_news(told, known, answered):
        outcome = _take_over(connection, case, told, now)
        kept = None if case.purge_started_at is not None else dict(document)
        at = now if answered or known is None else known.told_at
        values = {
            "core_version": told.version,
            "told_at": at,
            "open_at": open_at if told.is_closed else now,
            "told": kept,
        }
        _keep(connection, told.number, values, is_new=known is None)
    found = _find(connection, told.number)
    if found is None:  # pragma: no cover -- its row is locked
        raise CaseMissingError("No such case.")
    return outcome, found


def _is_news(told: Case, known: AnyRow, answered: bool) -> bool:
    newest: int = known.core_version
    return told.version > newest or (answered and told.version == newest)


def _take_over(connection: Connection, case: Case, told: Case, now: datetime) -> Learned:
    """Write what the core says of a case into its row, if it says anything new."""
    standing = {"status": told.status, "substatus": told.substatus, "closed_at": told.closed_at}
    values: dict[str, object] = dict(standing)
    if case.purge_started_at is None:
        values |= {
            "subject": told.subject,
            "account": told.account,
            "sold_to": told.sold_to,
            "priority": told.priority,
            "close_reason": told.close_reason,
            "opened_at": told.opened_at,
        }
    if all(getattr(case, name) == value for name, value in values.items()):
        return Learned.SAME
    # How long its customer is waited for is the other core's business.
    values |= {"waiting_since": None, "notices": 0, "noticed_at": None, "version": case.version + 1}
    connection.execute(update(cases).where(cases.c.number == case.number).values(values))
    if any(getattr(case, name) != value for name, value in standing.items()):
        audit.add(connection, _event(case, told, now))
    if told.is_closed and not case.is_closed:
        # Also those that nobody uses now: reopening the case must not bring them back.
        accounts.end_with_case(connection, case.number, now)
    return Learned.CHANGED


def _event(case: Case, told: Case, now: datetime) -> AuditEvent:
    action, details = "case.moved", {"status": told.status.value, "substatus": told.substatus}
    if told.is_closed:
        action, details = "case.closed", {"resolution": told.substatus}
    elif case.is_closed:
        action, details = "case.reopened", {}
    return AuditEvent(at=now, action=action, actor=_ACTOR, case_number=case.number, details=details)


def _keep(
    connection: Connection, number: CaseNumber, values: Mapping[str, Any], *, is_new: bool
) -> None:
    if is_new:
        connection.execute(insert(known_cases).values(case_number=number, **values))
    else:
        of_it = known_cases.c.case_number == number
        connection.execute(update(known_cases).where(of_it).values(values))
