"""Moves inside a case: one row changes, whatever hangs below it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.core.errors import EntryMissingError, InvalidRequestError, NameTakenError
from transfer.core.names import ROOT, CasePath, name_key, split
from transfer.core.side_files import MAX_SIDE_FILE_BYTES, is_side_file
from transfer.core.uploads import FileId, UploadId
from transfer.records import abandonment, audit, cases, entries, folders, lookup, removals
from transfer.records.entries import Found, Standing
from transfer.records.jobs import queue_side_file
from transfer.records.tables import files
from transfer.records.tables import folders as folder_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What was asked for: `replace` lets a file or an upload at `target` go."""

    source: CasePath
    target: CasePath
    replace: bool


def move(
    connection: Connection, number: CaseNumber, asked: Move, principal: Principal, now: datetime
) -> None:
    """Move what stands at the source; see the port."""
    cases.lock(connection, number)
    if ROOT in (asked.source, asked.target):
        raise InvalidRequestError("The case itself can't be moved, nor replaced.")
    found = entries.find(connection, number, asked.source)
    if found is None:
        raise EntryMissingError("No such file or folder.")
    parent, name = split(asked.target)
    place = entries.place_of(connection, number, asked.target)
    if place is None:
        folders.refuse(connection, parent, folders.walk(connection, number, parent))
    folder_id = place.folder_ids[-1]
    if found.table is folder_table and found.row.id in place.folder_ids:
        raise InvalidRequestError("A folder can't be moved into itself.")
    if found.folder_id == folder_id and found.row.name == name:
        return
    if found.folder_id != folder_id or found.row.name_key != name_key(name):
        _make_way(connection, found, place.standing, asked, principal, now)
    _place(connection, found, folder_id, name)
    if found.table is files and is_side_file(name) and found.row.size <= MAX_SIDE_FILE_BYTES:
        queue_side_file(connection, now, FileId(found.row.id))
    details = {"from": asked.source, "to": asked.target, "kind": found.table.name}
    event = audit.done_by(principal, "entry.moved", now, number, str(found.row.id), details)
    audit.add(connection, event)


def _make_way(
    connection: Connection,
    found: Found,
    present: Standing,
    asked: Move,
    principal: Principal,
    now: datetime,
) -> None:
    shown = present.shown(split(asked.target)[0])
    if shown is None:
        return
    if not asked.replace or folder_table in (found.table, shown.table):
        raise NameTakenError("Something of that name is already there.")
    if present.file is not None:
        file = lookup.file(connection, present.file.id)
        removals.remove_file(connection, file, principal, now)
    for row in present.uploads:
        abandonment.abandon(connection, UploadId(row.id), principal, "replaced by a move", now)


def _place(connection: Connection, found: Found, folder_id: int, name: str) -> None:
    parent = "parent_id" if found.table is folder_table else "folder_id"
    found.change(connection, **{parent: folder_id, "name": name, "name_key": name_key(name)})
