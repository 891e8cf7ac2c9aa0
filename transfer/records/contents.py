"""What a case holds, as an archive of it needs to know: all of it at one moment."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Connection, Select, select, update

from transfer.core.archive_contents import ArchivedFile, Contents, Selection
from transfer.core.archive_marks import chosen_of
from transfer.core.cases import CaseNumber
from transfer.core.errors import EntryMissingError, UnsupportedError
from transfer.core.names import ROOT, CasePath, components, join, split
from transfer.core.uploads import FileId, Folder
from transfer.records import entries, folders
from transfer.records.rows import IS_SHOWN, AnyRow
from transfer.records.tables import files, uploads
from transfer.records.tables import folders as folder_table

_COLUMNS: Sequence[Column[Any]] = (
    files.c.id,
    files.c.folder_id,
    files.c.name,
    files.c.size,
    files.c.sha256,
    files.c.digest_crc32,
    files.c.object_key,
    files.c.modified_at,
)
_IDS_AT_ONCE = 10_000
"""A database takes only so many values in one question."""


def contents(
    connection: Connection, number: CaseNumber, selection: Selection, limit: int
) -> Contents:
    """Return what `selection` finds in a case, in no order.

    Raises:
        EntryMissingError: its path isn't there, or one of its files.
        ArchiveChangedError: its marks are of other files than there are.
        UnsupportedError: more than `limit` files.
    """
    if selection.marks is not None:
        chosen = chosen_of(_ids(connection, number, selection), selection.marks)
        selection = replace(selection, files=chosen, marks=None)
    tree = _Tree(connection, number)
    below, file_id = _root(connection, number, selection.path)
    inside = {id_ for id_ in tree.paths if below in tree.way(id_)} if file_id is None else {below}
    found = [
        _file(row, tree.paths[row.folder_id])
        for row in _file_rows(connection, number, selection, limit)
        if row.folder_id in inside and file_id in (None, row.id)
    ]
    if selection.files is not None and len(found) < len(selection.files):
        raise EntryMissingError("Not all of these files are there.")
    kept = inside if selection.is_everything_below and file_id is None else ()
    return Contents(
        folders=tree.folders({split(file.path)[0] for file in found}, kept),
        files=found,
        unfinished=_unfinished(connection, number, selection, tree, inside)
        if selection.is_open_ended and file_id is None
        else (),
    )


def note_crc32(connection: Connection, file_id: FileId, crc32: int) -> None:
    """Keep the CRC-32 of a file, if it is still there; its content never changes."""
    connection.execute(update(files).where(files.c.id == file_id).values(digest_crc32=crc32))


class _Tree:
    """The folders of a case by id, with their paths."""

    def __init__(self, connection: Connection, number: CaseNumber) -> None:
        query = select(folder_table).where(folder_table.c.case_number == number)
        self._rows: dict[int, AnyRow] = {row.id: row for row in connection.execute(query)}
        self._ways: dict[int, tuple[int, ...]] = {}
        self.paths = {id_: self._path(id_) for id_ in self._rows}

    def way(self, id_: int) -> tuple[int, ...]:
        """Return a folder and those above it, itself first."""
        if id_ not in self._ways:
            way: list[int] = []
            at: int | None = id_
            while at is not None and at not in way:
                way.append(at)
                at = self._rows[at].parent_id
            self._ways[id_] = tuple(way)
        return self._ways[id_]

    def folders(self, holding: Collection[CasePath], kept: Collection[int]) -> list[Folder]:
        """Return the folders on the way to the paths `holding` and to those of the ids `kept`."""
        by_path = {path: id_ for id_, path in self.paths.items()}
        ends = {by_path[path] for path in holding} | set(kept)
        shown = {id_ for end in ends for id_ in self.way(end)}
        return [
            Folder(path=self.paths[id_], modified_at=self._rows[id_].modified_at)
            for id_ in shown
            if self.paths[id_] != ROOT
        ]

    def _path(self, id_: int) -> CasePath:
        path = ROOT
        for at in reversed(self.way(id_)):
            if self._rows[at].parent_id is not None:
                path = join(path, self._rows[at].name)
        return path


def _root(connection: Connection, number: CaseNumber, path: CasePath) -> tuple[int, FileId | None]:
    """Return the folder that `path` is; or, if it is a file, the one it is in, and its id."""
    way = folders.walk(connection, number, path)
    missing = len(components(path)) + 1 - len(way)
    if not missing:
        return way[-1], None
    if missing == 1 and way:
        file = entries.standing(connection, way[-1], split(path)[1]).file
        if file is not None:
            return way[-1], FileId(file.id)
    raise EntryMissingError("No such file or folder.")


def _file_rows(
    connection: Connection, number: CaseNumber, selection: Selection, limit: int
) -> Sequence[AnyRow]:
    query = _of_case(select(*_COLUMNS), number, selection)
    if selection.direction is not None:
        query = query.where(files.c.direction == selection.direction)
    rows: list[AnyRow] = []
    if selection.files is None:
        rows += connection.execute(query.limit(limit + 1))
    elif len(selection.files) <= limit:
        ids = sorted(selection.files)
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = files.c.id.in_(ids[start : start + _IDS_AT_ONCE])
            rows += connection.execute(query.where(some))
    if max(len(rows), len(selection.files or ())) > limit:
        raise UnsupportedError(f"An archive is made of at most {limit} files: choose some.")
    return rows


def _ids(connection: Connection, number: CaseNumber, selection: Selection) -> Sequence[FileId]:
    """Return the ids of all that there was to choose from."""
    query = _of_case(select(files.c.id), number, selection)
    return [FileId(file_id) for file_id in connection.scalars(query)]


def _of_case(query: Select[Any], number: CaseNumber, selection: Selection) -> Select[Any]:
    query = query.where(files.c.case_number == number)
    if selection.until is not None:
        query = query.where(files.c.created_at <= selection.until)
    return query


def _file(row: AnyRow, folder: CasePath) -> ArchivedFile:
    return ArchivedFile(
        id=row.id,
        path=join(folder, row.name),
        size=row.size,
        sha256=row.sha256,
        crc32=row.digest_crc32,
        object_key=row.object_key,
        modified_at=row.modified_at,
    )


def _unfinished(
    connection: Connection,
    number: CaseNumber,
    selection: Selection,
    tree: _Tree,
    inside: Collection[int],
) -> list[CasePath]:
    query = select(uploads.c.folder_id, uploads.c.name).where(
        uploads.c.case_number == number, IS_SHOWN
    )
    if selection.direction is not None:
        query = query.where(uploads.c.direction == selection.direction)
    return [
        join(tree.paths[row.folder_id], row.name)
        for row in connection.execute(query)
        if row.folder_id in inside
    ]
