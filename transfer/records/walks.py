"""Walks over the store, in rows: one worker at each at a time, the next goes on where it was."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Update, select, update

from transfer.ports.upkeep import Walk
from transfer.records.insertion import insert_unless_there
from transfer.records.rows import AnyRow
from transfer.records.upkeep_tables import store_walks


def begin(
    connection: Connection,
    name: str,
    worker: str,
    now: datetime,
    until: datetime,
    due_before: datetime,
) -> Walk | None:
    """Claim a walk; see the port.

    What a clock has noted that was set back since, a claim beyond any or an end that lies ahead,
    holds nothing up.
    """
    claim = {"claimed_by": worker, "claimed_until": until}
    new = {"started_at": now, "cursor": None, "listed": 0, "ended_at": None, **claim}
    if insert_unless_there(connection, store_walks, {"name": name, **new}):
        return Walk(name=name, started_at=now)
    present = select(store_walks).where(store_walks.c.name == name).with_for_update()
    row = connection.execute(present).one()
    if row.claimed_until is not None and now < row.claimed_until <= until:
        return None
    if row.ended_at is None and row.started_at <= now:
        connection.execute(_walk(name).values(**claim))
        return _of(row)
    if row.ended_at is not None and due_before < row.ended_at <= now:
        return None
    connection.execute(_walk(name).values(**new))
    return Walk(name=name, started_at=now)


def step(connection: Connection, walk: Walk, worker: str, until: datetime) -> bool:
    """Keep how far a walk has come, and the claim; False if another has it now."""
    kept = connection.execute(
        _walk(walk.name, worker).values(cursor=walk.cursor, listed=walk.listed, claimed_until=until)
    )
    return bool(kept.rowcount)


def end(connection: Connection, walk: Walk, worker: str, now: datetime) -> None:
    """Note that a walk is at its end."""
    connection.execute(
        _walk(walk.name, worker).values(
            ended_at=now,
            last_ended_at=now,
            listed=walk.listed,
            claimed_by=None,
            claimed_until=None,
        )
    )


def leave(connection: Connection, name: str, worker: str) -> None:
    """Give up the claim."""
    connection.execute(_walk(name, worker).values(claimed_by=None, claimed_until=None))


def ended(connection: Connection) -> Mapping[str, datetime]:
    """Return when each walk ended last, of those that ever did."""
    query = select(store_walks.c.name, store_walks.c.last_ended_at).where(
        store_walks.c.last_ended_at.is_not(None)
    )
    return {row.name: row.last_ended_at for row in connection.execute(query)}


def _walk(name: str, worker: str | None = None) -> Update:
    statement = update(store_walks).where(store_walks.c.name == name)
    return statement if worker is None else statement.where(store_walks.c.claimed_by == worker)


def _of(row: AnyRow) -> Walk:
    return Walk(name=row.name, started_at=row.started_at, cursor=row.cursor, listed=row.listed)
