"""The keys of cases in rows: wrapped, and erased when they are destroyed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, update

from transfer.core.cases import CaseId
from transfer.ports import KeptKey, WrappedKey
from transfer.records.database import Database
from transfer.records.groups import forget
from transfer.records.insertion import insert_unless_there
from transfer.records.key_tables import case_keys
from transfer.records.rows import AnyRow
from transfer.records.tables import cases


class SqlCaseKeyRecords:
    """The rows of cases' keys; plays the role `transfer.ports.CaseKeyRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, case_id: CaseId) -> KeptKey | None:
        """Return a case's key, None if it never had one."""
        return await self._database.read(_find, case_id)

    async def keep(self, key: KeptKey, *, destroyed_before: datetime) -> KeptKey | None:
        """Keep a case's first key and return the one that counts: of two at once, the earlier.

        It also takes the place of one that was `destroyed_before` that time; one that was destroyed
        later is the one that counts. None, with nothing kept, if the case's data is being deleted
        or is gone, or there is no such case.
        """
        return await self._database.write(_keep, key, destroyed_before)

    async def wrapped_by_others(
        self, master: str, *, after: CaseId | None, limit: int
    ) -> list[KeptKey]:
        """Return keys that another master key than `master` wraps, in the order of their cases."""
        return await self._database.read(_wrapped_by_others, master, after, limit)

    async def rewrap(self, key: KeptKey, wrapped: WrappedKey) -> bool:
        """Keep a case's key wrapped anew; False if it changed meanwhile or was destroyed."""
        return await self._database.write(_rewrap, key, wrapped)

    async def counts(self) -> tuple[dict[str, int], int]:
        """Return how many keys each master key wraps, and how many were destroyed."""
        return await self._database.read(_counts)


def destroy(connection: Connection, case_id: CaseId, now: datetime) -> str | None:
    """Erase the wrapped key from a case's row; return its fingerprint, None if nothing is there."""
    forget(connection)
    fingerprint: str | None = connection.scalar(
        update(case_keys)
        .where(case_keys.c.case_id == case_id, case_keys.c.sealed.is_not(None))
        .values(master=None, sealed=None, destroyed_at=now)
        .returning(case_keys.c.fingerprint)
    )
    return fingerprint


def _find(connection: Connection, case_id: CaseId) -> KeptKey | None:
    row = connection.execute(_keys().where(case_keys.c.case_id == case_id)).first()
    return None if row is None else _kept(row)


def _keep(connection: Connection, key: KeptKey, destroyed_before: datetime) -> KeptKey | None:
    # Whoever destroys the key does so long after this mark is made: a key that is made meanwhile
    # goes with it, and none is made later.
    taking = select(cases.c.purge_started_at).where(cases.c.id == key.case_id)
    case = connection.execute(taking.with_for_update(key_share=True)).first()
    if case is None or case.purge_started_at is not None:
        return None
    if not insert_unless_there(connection, case_keys, _values(key)):
        # A case that takes files again after its key was destroyed begins with another one.
        connection.execute(
            update(case_keys)
            .where(
                case_keys.c.case_id == key.case_id,
                case_keys.c.sealed.is_(None),
                case_keys.c.destroyed_at < destroyed_before,
            )
            .values(_values(key))
        )
    return _find(connection, key.case_id)


def _wrapped_by_others(
    connection: Connection, master: str, after: CaseId | None, limit: int
) -> list[KeptKey]:
    wanted = _keys().where(case_keys.c.master != master)  # NULL, of a destroyed one, is no other
    if after is not None:
        wanted = wanted.where(case_keys.c.case_id > after)
    rows = connection.execute(wanted.order_by(case_keys.c.case_id).limit(limit))
    return [_kept(row) for row in rows]


def _rewrap(connection: Connection, key: KeptKey, wrapped: WrappedKey) -> bool:
    changed = connection.execute(
        update(case_keys)
        .where(
            case_keys.c.case_id == key.case_id,
            case_keys.c.fingerprint == key.fingerprint,
            case_keys.c.sealed.is_not(None),
        )
        .values(master=wrapped.master, sealed=wrapped.sealed)
    )
    return bool(changed.rowcount)


def _counts(connection: Connection) -> tuple[dict[str, int], int]:
    found = connection.execute(
        select(case_keys.c.master, func.count().label("keys")).group_by(case_keys.c.master)
    )
    by_master = {row.master: row.keys for row in found.all()}
    destroyed = by_master.pop(None, 0)
    return by_master, destroyed


def _keys() -> Select[Any]:
    return select(case_keys)


def _values(key: KeptKey) -> dict[str, Any]:
    wrapped = key.wrapped
    return {
        "case_id": key.case_id,
        "fingerprint": key.fingerprint,
        "master": wrapped and wrapped.master,
        "sealed": wrapped and wrapped.sealed,
        "created_at": key.created_at,
        "destroyed_at": key.destroyed_at,
    }


def _kept(row: AnyRow) -> KeptKey:
    wrapped = None if row.sealed is None else WrappedKey(master=row.master, sealed=row.sealed)
    return KeptKey(
        case_id=row.case_id,
        fingerprint=row.fingerprint,
        wrapped=wrapped,
        created_at=row.created_at,
        destroyed_at=row.destroyed_at,
    )
