"""Receipts in rows: their words stand with the upload, the keys that sign them by themselves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, literal, select, tuple_

from transfer.core.cases import CaseNumber
from transfer.core.errors import EntryMissingError, UploadMissingError
from transfer.core.uploads import FileId, UploadId, UploadState
from transfer.ports import KeptReceipt
from transfer.records.columns import UtcDateTime
from transfer.records.cursors import cursor, parse_cursor
from transfer.records.database import Database
from transfer.records.insertion import insert_unless_there
from transfer.records.rows import AnyRow
from transfer.records.tables import signing_keys, uploads

_KEPT: Select[Any] = select(uploads.c.case_number, uploads.c.receipt)


class SqlReceiptRecords:
    """What receipts say; plays the role `transfer.ports.ReceiptRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_upload(self, upload_id: UploadId) -> KeptReceipt:
        """Return what is kept of an upload.

        Raises:
            UploadMissingError: no such upload.
        """
        row = await self._database.read(_of_upload, upload_id)
        if row is None:
            raise UploadMissingError("No such upload.")
        return _kept(row)

    async def of_file(self, file_id: FileId) -> KeptReceipt:
        """Return what is kept of the upload that became a file, be it removed since.

        Raises:
            EntryMissingError: no upload ever became that file.
        """
        row = await self._database.read(_of_file, file_id)
        if row is None:
            raise EntryMissingError("No such file.")
        return _kept(row)

    async def of_case(
        self, case_number: CaseNumber, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[str], str | None]:
        """Return a page of what the receipts of a case say, the latest upload first.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._database.read(_of_case, case_number, after, limit)

    async def add_key(self, key_id: str, public_key: Mapping[str, Any], now: datetime) -> None:
        """Keep a public key for good, so that what it signed can be verified. Repeatable."""
        await self._database.write(_add_key, key_id, public_key, now)

    async def keys(self) -> list[Mapping[str, Any]]:
        """Return all public keys, the newest first."""
        return await self._database.read(_keys)


def _of_upload(connection: Connection, upload_id: UploadId) -> AnyRow | None:
    return connection.execute(_KEPT.where(uploads.c.id == upload_id)).one_or_none()


def _of_file(connection: Connection, file_id: FileId) -> AnyRow | None:
    return connection.execute(_KEPT.where(uploads.c.file_id == file_id)).one_or_none()


def _of_case(
    connection: Connection, number: CaseNumber, after: str | None, limit: int
) -> tuple[list[str], str | None]:
    query = (
        select(uploads.c.id, uploads.c.created_at, uploads.c.receipt)
        .where(
            uploads.c.case_number == number,
            uploads.c.state == UploadState.RECEIVED,
            uploads.c.receipt.is_not(None),
        )
        .order_by(uploads.c.created_at.desc(), uploads.c.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        moment, upload_id = parse_cursor(after)
        place = tuple_(literal(moment, UtcDateTime), literal(upload_id))
        query = query.where(tuple_(uploads.c.created_at, uploads.c.id) < place)
    rows = connection.execute(query).all()
    shown = rows[:limit]
    more = len(rows) > len(shown)
    following = cursor(shown[-1].created_at, shown[-1].id) if more else None
    return [row.receipt for row in shown], following


def _kept(row: AnyRow) -> KeptReceipt:
    return KeptReceipt(case_number=row.case_number, statement=row.receipt)


def _add_key(
    connection: Connection, key_id: str, public_key: Mapping[str, Any], now: datetime
) -> None:
    values = {"id": key_id, "public_key": dict(public_key), "since": now}
    insert_unless_there(connection, signing_keys, values)


def _keys(connection: Connection) -> list[Mapping[str, Any]]:
    query = select(signing_keys.c.public_key).order_by(
        signing_keys.c.since.desc(), signing_keys.c.id
    )
    return list(connection.scalars(query))
