"""The outbox in rows: each event once for each destination.

Whoever adds an event holds the lock of its case's row, so that the events of a case are committed
in the order of their sequence.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from transfer.core.cases import CaseNumber
from transfer.ports import (
    AuditEvent,
    Backlog,
    CaseEvent,
    Destination,
    DropPolicy,
    Letter,
    LetterSearch,
    OutgoingEvent,
)
from transfer.records import audit, interruptions
from transfer.records.database import DESTINATIONS, Database
from transfer.records.erasure import UNTOLD
from transfer.records.outbox_claims import IS_LIVE, Claim, claim
from transfer.records.prepared import Prepared
from transfer.records.rows import AnyRow
from transfer.records.tables import cases, outbox

# Made once, as they are run for every file. What was added before is not added again.
_INSERTS = {
    "sqlite": Prepared(sqlite.insert(outbox).on_conflict_do_nothing()),
    "postgresql": Prepared(postgresql.insert(outbox).on_conflict_do_nothing()),
}


class SqlOutbox:
    """Events on their way out; plays the role `transfer.ports.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int = 100,
        *,
        destination: Destination = Destination.CORE,
        drops: DropPolicy | None = None,
    ) -> list[OutgoingEvent]:
        """Claim undelivered events, in order a case: up to `limit`, or one drop that is larger.

        None of a case whose oldest one isn't due yet, or is somebody's, or is of a drop that isn't
        whole.
        """
        wanted = Claim(
            worker=worker, now=now, until=until, limit=limit, destination=destination, drops=drops
        )
        return await self._database.write(claim, wanted)

    async def delivered(
        self,
        event_ids: Sequence[str],
        now: datetime,
        *,
        destination: Destination = Destination.CORE,
    ) -> None:
        """Mark events as told."""
        await self._database.write(_mark_delivered, event_ids, now, destination)

    async def retry(
        self,
        event_id: str,
        run_at: datetime,
        error: str | None,
        *,
        refused: bool = False,
        destination: Destination = Destination.CORE,
    ) -> None:
        """Hand an event back, not to be told before `run_at`, and with it those that follow it.

        With an `error`, that counts as a failure, and if it was `refused` as a refusal; a failure
        in passing ends their row.
        """
        values: dict[str, Any] = {"run_at": run_at}
        if error is not None:
            refusals = outbox.c.refusals + 1 if refused else 0
            values |= {"error": error, "failures": outbox.c.failures + 1, "refusals": refusals}
        await self._database.write(_hand_back, event_id, values, destination)

    async def give_up(
        self,
        event_ids: Sequence[str],
        now: datetime,
        error: str,
        *,
        destination: Destination = Destination.CORE,
    ) -> None:
        """Make dead letters of events, and hand those back that follow them."""
        await self._database.write(_give_up, event_ids, now, error, destination)

    async def letters(self, wanted: LetterSearch, limit: int = 100) -> list[Letter]:
        """Return events that aren't delivered, the oldest first."""
        return await self._database.read(_letters, wanted, limit)

    async def replay(
        self, wanted: LetterSearch, now: datetime, *, audited: AuditEvent | None = None
    ) -> int:
        """Have dead letters told again, as if they were new; return how many."""
        return await self._database.write(_replay, wanted, now, audited)

    async def backlogs(self) -> Mapping[Destination, Backlog]:
        """Return what waits for each destination that has something waiting."""
        return await self._database.read(_backlogs)

    async def record(self, audited: AuditEvent, told: CaseEvent) -> None:
        """Add an event to the audit log and, unless it was told before, `told` to the outbox."""
        await self._database.write(_record, audited, told)

    async def note_interruptions(
        self, before: datetime, now: datetime, limit: int = 100
    ) -> Collection[str]:
        """Tell of uploads to which nothing has come since `before`; return their ids.

        Of each offset at which one stands, once.
        """
        return await self._database.write(_note_interruptions, before, now, limit)


def add(connection: Connection, event: CaseEvent) -> None:
    """Add an event within a transaction that holds its case's lock; again changes nothing."""
    add_all(connection, [event])


def add_all(connection: Connection, events: Sequence[CaseEvent]) -> None:
    """Add events in their order, by one statement; see `add`."""
    told = connection.info.get(DESTINATIONS, (Destination.CORE,))
    rows = [
        {**_values(event), "destination": destination} for event in events for destination in told
    ]
    _INSERTS[connection.dialect.name].run_all(connection, rows)


def _values(event: CaseEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "case_number": event.case_number,
        "at": event.at,
        "data": dict(event.data),
        "failures": 0,
        "run_at": event.at,
    }


def _record(connection: Connection, audited: AuditEvent, told: CaseEvent) -> None:
    lock_case(connection, told.case_number)
    audit.add(connection, audited)
    add(connection, told)


def _note_interruptions(
    connection: Connection, before: datetime, now: datetime, limit: int
) -> list[str]:
    found = interruptions.interrupted(connection, before, now, limit)
    for event in found:
        lock_case(connection, event.case_number)
        add(connection, event)
    return [str(event.data["upload_id"]) for event in found]


def lock_case(connection: Connection, number: CaseNumber) -> None:
    """Hold a case's row, for `add`."""
    query = select(cases.c.number).where(cases.c.number == number)
    connection.execute(query.with_for_update(key_share=True)).first()


def _of(destination: Destination, event_ids: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return (outbox.c.destination == destination, outbox.c.id.in_(event_ids), IS_LIVE)


def _mark_delivered(
    connection: Connection, event_ids: Sequence[str], now: datetime, destination: Destination
) -> None:
    connection.execute(
        update(outbox)
        .where(*_of(destination, event_ids))
        .values(delivered_at=now, claimed_by=None, claimed_until=None, error=None)
    )


def _hand_back(
    connection: Connection,
    event_id: str,
    values: Mapping[str, Any],
    destination: Destination,
) -> None:
    _release_followers(
        connection,
        connection.execute(
            update(outbox)
            .where(*_of(destination, [event_id]))
            .values(claimed_by=None, claimed_until=None, **values)
            .returning(outbox.c.case_number, outbox.c.sequence)
        ).all(),
        destination,
        values["run_at"],
    )


def _give_up(
    connection: Connection,
    event_ids: Sequence[str],
    now: datetime,
    error: str,
    destination: Destination,
) -> None:
    _release_followers(
        connection,
        connection.execute(
            update(outbox)
            .where(*_of(destination, event_ids))
            .values(
                dead_at=now,
                error=error,
                failures=outbox.c.failures + 1,
                claimed_by=None,
                claimed_until=None,
            )
            .returning(outbox.c.case_number, outbox.c.sequence)
        ).all(),
        destination,
        now,
    )


def _release_followers(
    connection: Connection, rows: Sequence[AnyRow], destination: Destination, run_at: datetime
) -> None:
    """Hand back what was claimed behind events: due with them, so that no look finds it before."""
    for row in rows:
        connection.execute(
            update(outbox)
            .where(
                outbox.c.destination == destination,
                outbox.c.case_number == row.case_number,
                outbox.c.sequence > row.sequence,
                outbox.c.claimed_by.is_not(None),
                IS_LIVE,
            )
            .values(claimed_by=None, claimed_until=None, run_at=run_at)
        )


def _wanted(wanted: LetterSearch) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [outbox.c.delivered_at.is_(None)]
    if wanted.dead is not None:
        is_dead = outbox.c.dead_at.is_not(None)
        conditions.append(is_dead if wanted.dead else ~is_dead)
    if wanted.destination is not None:
        conditions.append(outbox.c.destination == wanted.destination)
    if wanted.case_number is not None:
        conditions.append(outbox.c.case_number == wanted.case_number)
    if wanted.ids is not None:
        conditions.append(outbox.c.id.in_(wanted.ids))
    return conditions


def _letters(connection: Connection, wanted: LetterSearch, limit: int) -> list[Letter]:
    query = select(outbox).where(*_wanted(wanted)).order_by(outbox.c.sequence).limit(limit)
    return [
        Letter(
            event=CaseEvent(
                id=row.id, type=row.type, case_number=row.case_number, at=row.at, data=row.data
            ),
            destination=row.destination,
            failures=row.failures,
            error=row.error,
            run_at=row.run_at,
            delivered_at=row.delivered_at,
            dead_at=row.dead_at,
        )
        for row in connection.execute(query)
    ]


def _replay(
    connection: Connection, wanted: LetterSearch, now: datetime, audited: AuditEvent | None
) -> int:
    may_be = (
        outbox.c.dead_at.is_not(None),
        outbox.c.error.is_distinct_from(UNTOLD),  # there is nothing left in it to be told
    )
    # Those of a drop are one event with one name: told in part, the rest would count as told.
    drops = select(outbox.c.destination, outbox.c.drop_id).where(
        *_wanted(wanted), *may_be, outbox.c.drop_id.is_not(None)
    )
    is_of_them = tuple_(outbox.c.destination, outbox.c.drop_id).in_(drops)
    replayed = connection.execute(
        update(outbox)
        .where(
            outbox.c.delivered_at.is_(None),
            *may_be,
            or_(and_(*_wanted(wanted)), is_of_them),
        )
        .values(dead_at=None, failures=0, refusals=0, run_at=now)
    )
    count = int(replayed.rowcount)
    if count and audited is not None:
        audit.add(connection, replace(audited, details={**audited.details, "events": count}))
    return count


def _backlogs(connection: Connection) -> dict[Destination, Backlog]:
    is_dead = outbox.c.dead_at.is_not(None)
    query = (
        select(
            outbox.c.destination,
            func.count().filter(~is_dead).label("waiting"),
            func.count().filter(is_dead).label("dead"),
            func.min(outbox.c.at).filter(~is_dead).label("oldest_at"),
        )
        .where(outbox.c.delivered_at.is_(None))
        .group_by(outbox.c.destination)
    )
    return {
        row.destination: Backlog(waiting=row.waiting, dead=row.dead, oldest_at=row.oldest_at)
        for row in connection.execute(query)
    }
