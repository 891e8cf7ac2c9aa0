"""What is in the store and in no row: the other way round of looking something up."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, or_, select

from transfer.core.cases import CaseId, CaseNumber
from transfer.core.errors import UnavailableError
from transfer.core.object_keys import case_of_key, owner_of_key
from transfer.core.uploads import LIVE_STATES, Concat, UploadState
from transfer.ports import JobKind, StoredItem, StoredKind
from transfer.records.rows import AnyRow
from transfer.records.tables import cases, files, jobs, uploads

T = TypeVar("T")

_AT_ONCE = 500
"""A database takes only so many values in one question."""

_MOST_JOBS = 20_000


def strangers(connection: Connection, items: Sequence[StoredItem]) -> list[StoredItem]:
    """Return those of `items` that no row knows; see the port.

    Nearly all are found by the id in their key. Only what isn't is looked for in its case's rows,
    and only what isn't there either, among the discards.

    Raises:
        UnavailableError: too many discards are queued.
    """
    left = list(items)
    for is_known in (_by_upload, _by_case, _by_discard):
        if not left:
            break
        known = is_known(connection, left)
        left = [item for item in left if _name(item) not in known]
    return left


def case_numbers(connection: Connection, ids: Collection[CaseId]) -> dict[CaseId, CaseNumber]:
    """Return the numbers of those cases that there are."""
    found: dict[CaseId, CaseNumber] = {}
    for some in _batches(ids):
        rows = connection.execute(select(cases.c.id, cases.c.number).where(cases.c.id.in_(some)))
        found.update({row.id: row.number for row in rows})
    return found


def _name(item: StoredItem) -> tuple[str, str]:
    """Return what tells an item from others: an object by its key, whatever versions it has."""
    return item.key, item.id if item.kind is StoredKind.MULTIPART else ""


def _by_upload(connection: Connection, items: Sequence[StoredItem]) -> set[tuple[str, str]]:
    owners = {item.key: owner for item in items if (owner := owner_of_key(item.key)) is not None}
    rows: dict[str, AnyRow] = {}
    for ids in _batches({owner.upload_id for owner in owners.values()}):
        query = (
            select(*_UPLOAD_COLUMNS, uploads.c.fence, files.c.object_key.label("file_key"))
            .join_from(uploads, files, files.c.id == uploads.c.file_id, isouter=True)
            .where(uploads.c.id.in_(ids))
        )
        rows.update({row.id: row for row in connection.execute(query)})
    known: set[tuple[str, str]] = set()
    for item in items:
        owner = owners.get(item.key)
        row = rows.get(owner.upload_id) if owner else None
        if owner is None or row is None:
            continue
        # Whoever holds the present fence may have stored it just now, and be about to write its
        # row: until the upload is over, or another's, it is theirs. However long they sleep.
        is_in_hand = row.state in LIVE_STATES and owner.fence == row.fence
        if is_in_hand or _name(item) in {(row.file_key, "")} | _names_of(row):
            known.add(_name(item))
    return known


def _by_case(connection: Connection, items: Sequence[StoredItem]) -> set[tuple[str, str]]:
    ids = {case_id for item in items if (case_id := case_of_key(item.key)) is not None}
    numbers = case_numbers(connection, ids).values()
    known: set[tuple[str, str]] = set()
    for keys in _batches({item.key for item in items}):
        for some in _batches(numbers):
            of_files = select(files.c.object_key).where(
                files.c.case_number.in_(some), files.c.object_key.in_(keys)
            )
            known.update((key, "") for key in connection.scalars(of_files))
            of_uploads = select(*_UPLOAD_COLUMNS).where(
                uploads.c.case_number.in_(some),
                or_(uploads.c.object_key.in_(keys), uploads.c.tail_key.in_(keys)),
            )
            for row in connection.execute(of_uploads):
                known.update(_names_of(row))
    return known


def _by_discard(connection: Connection, _: Sequence[StoredItem]) -> set[tuple[str, str]]:
    query = select(jobs.c.payload).where(jobs.c.kind == JobKind.DISCARD).limit(_MOST_JOBS + 1)
    payloads = connection.scalars(query).all()
    if len(payloads) > _MOST_JOBS:
        raise UnavailableError("Too many discards are queued to look for what nobody knows.")
    known: set[tuple[str, str]] = set()
    for payload in payloads:
        known.update((key, "") for key in payload.get("keys", ()))
        known.update((key, of) for key, of in payload.get("multiparts", ()))
    return known


_UPLOAD_COLUMNS = (
    uploads.c.id,
    uploads.c.state,
    uploads.c.concat,
    uploads.c.object_key,
    uploads.c.multipart_id,
    uploads.c.tail_key,
)


def _names_of(row: Any) -> set[tuple[str, str]]:  # noqa: ANN401 - rows of two queries
    """Return what an upload has in the store by its row: nothing, once it is over."""
    is_piece = row.concat is Concat.PARTIAL and row.state is UploadState.RECEIVED
    if row.state not in LIVE_STATES and not is_piece:
        return set()
    return {(row.object_key, ""), (row.tail_key, ""), (row.object_key, row.multipart_id or "")}


def _batches(values: Collection[T]) -> Iterator[list[T]]:
    following = iter(values)
    while batch := list(islice(following, _AT_ONCE)):
        yield batch
