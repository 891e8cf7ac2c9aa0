"""Acknowledgements of the warning in rows, with the texts that were acknowledged."""

from datetime import datetime

from sqlalchemy import Connection, select

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.core.notices import Notice
from transfer.records import audit, cases
from transfer.records.database import Database
from transfer.records.insertion import insert_unless_there
from transfer.records.tables import acknowledgements, notices


class SqlAcknowledgementRecords:
    """Who has acknowledged what; plays the role `transfer.ports.AcknowledgementRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acknowledged_at(
        self, case_number: CaseNumber, person: str, version: str
    ) -> datetime | None:
        """Return when they have, None if not."""
        return await self._database.read(_acknowledged_at, case_number, person, version)

    async def acknowledge(
        self, case_number: CaseNumber, principal: Principal, notice: Notice, now: datetime
    ) -> datetime:
        """Note that they have, and keep the text. Repeatable: the first time stays.

        Raises:
            CaseMissingError, CaseClosedError: no such case, or it takes nothing new.
        """
        return await self._database.write(_acknowledge, case_number, principal, notice, now)


def _acknowledged_at(
    connection: Connection, case_number: CaseNumber, person: str, version: str
) -> datetime | None:
    return connection.scalar(
        select(acknowledgements.c.acknowledged_at).where(
            acknowledgements.c.case_number == case_number,
            acknowledgements.c.person == person,
            acknowledgements.c.version == version,
        )
    )


def _acknowledge(
    connection: Connection,
    case_number: CaseNumber,
    principal: Principal,
    notice: Notice,
    now: datetime,
) -> datetime:
    cases.lock_open(connection, case_number)
    before = _acknowledged_at(connection, case_number, principal.name, notice.version)
    if before is not None:
        return before
    text = {"version": notice.version, "text": notice.text, "since": now}
    insert_unless_there(connection, notices, text)
    insert_unless_there(
        connection,
        acknowledgements,
        {
            "case_number": case_number,
            "person": principal.name,
            "version": notice.version,
            "acknowledged_at": now,
        },
    )
    action, of = "warning.acknowledged", {"person": principal.name}
    event = audit.done_by(principal, action, now, case_number, notice.version, of)
    audit.add(connection, event)
    return now
