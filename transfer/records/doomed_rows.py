"""What the rows of a case say is in the store, beside what its deletion has noted of it."""

from sqlalchemy import Connection, and_, delete, or_, select

from transfer.core.cases import CaseNumber
from transfer.core.uploads import UploadState
from transfer.ports import StoredItem, StoredKind
from transfer.records.deletion_claims import key_digest
from transfer.records.lookup import IS_WHOLE_PARTIAL
from transfer.records.retention_tables import doomed_items
from transfer.records.rows import IS_LIVE, AnyRow
from transfer.records.tables import files, uploads

_KEYS_A_STATEMENT = 500


def unlisted(connection: Connection, number: CaseNumber) -> list[StoredItem]:
    """Return what the rows of a case have in the store, and nobody has noted by its key."""
    noted = select(doomed_items.c.key_sha256).where(doomed_items.c.case_number == number)
    seen = {bytes(key) for key in connection.scalars(noted)}
    return [item for item in _items(connection, number) if key_digest(item.key) not in seen]


def forget(connection: Connection, number: CaseNumber) -> None:
    """Drop what was noted and is perhaps there still, as rows have it: it isn't to go now."""
    keys = sorted({key_digest(item.key) for item in _items(connection, number)})
    for start in range(0, len(keys), _KEYS_A_STATEMENT):
        connection.execute(
            delete(doomed_items).where(
                doomed_items.c.case_number == number,
                doomed_items.c.key_sha256.in_(keys[start : start + _KEYS_A_STATEMENT]),
            )
        )


def _items(connection: Connection, number: CaseNumber) -> list[StoredItem]:
    of_files = select(files.c.object_key, files.c.size).where(files.c.case_number == number)
    found = {_object(row.object_key, row.size) for row in connection.execute(of_files)}
    has_some = and_(uploads.c.case_number == number, or_(IS_LIVE, IS_WHOLE_PARTIAL))
    for row in connection.execute(select(uploads).where(has_some)):
        found |= _of_upload(row)
    return sorted(found, key=lambda item: (item.key, item.kind))


def _of_upload(row: AnyRow) -> set[StoredItem]:
    found = set()
    if row.tail_key is not None:
        found.add(_object(row.tail_key, row.tail_size))
    if row.multipart_id is not None:
        found.add(StoredItem(StoredKind.MULTIPART, row.object_key, row.multipart_id))
    # One that is just being completed is a multipart upload, or an object already.
    is_object = row.multipart_id is None or row.state is UploadState.COMPLETING
    if row.object_key is not None and is_object:
        found.add(_object(row.object_key, row.offset))
    return found


def _object(key: str, size: int) -> StoredItem:
    return StoredItem(StoredKind.VERSION, key, "", size)
