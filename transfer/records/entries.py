"""What stands at a name: a folder, or a file and the uploads that may become one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    literal_column,
    select,
    union_all,
    update,
)

from transfer.core.cases import CaseId, CaseNumber
from transfer.core.names import ROOT, CasePath, components, join, name_key, split
from transfer.core.uploads import Entry, Folder, Upload
from transfer.records import folders
from transfer.records.prepared import Prepared
from transfer.records.rows import IS_SHOWN, AnyRow, as_row, file_of, select_uploads, upload_of
from transfer.records.tables import files, uploads
from transfer.records.tables import folders as folder_table


@dataclass(frozen=True, slots=True)
class Found:
    """A row that stands at a path, the table that it is from, and the path of its folder."""

    table: Table
    row: AnyRow
    parent: CasePath = ROOT

    @property
    def folder_id(self) -> int | None:
        """The folder that it is in, None for the root."""
        folder_id: int | None = (
            self.row.parent_id if self.table is folder_table else self.row.folder_id
        )
        return folder_id

    def as_entry(self) -> Entry:
        """Return what it means."""
        path = join(self.parent, self.row.name) if self.row.name else self.parent
        if self.table is folder_table:
            return Folder(path=path, modified_at=self.row.modified_at)
        return file_of(self.row, path) if self.table is files else self._as_upload(path)

    def change(self, connection: Connection, **values: object) -> None:
        """Change columns of the row."""
        _CHANGE[self.table].run(connection, {"id_": self.row.id, **values})

    def _as_upload(self, path: CasePath) -> Upload:
        return upload_of(self.row, path, CaseId(self.row.case_id))


@dataclass(frozen=True, slots=True)
class Standing:
    """The rows at one name; `uploads` are the live ones, newest first."""

    folder: AnyRow | None = None
    file: AnyRow | None = None
    uploads: Sequence[AnyRow] = ()

    def shown(self, parent: CasePath) -> Found | None:
        """Return what the name is taken for in the folder `parent`.

        An upload goes before the file that it replaces only.
        """
        if self.folder is not None:
            return Found(folder_table, self.folder, parent)
        replacing = [row for row in self.uploads if row.replaces]
        if replacing:
            return Found(uploads, replacing[0], parent)
        if self.file is not None:
            return Found(files, self.file, parent)
        return Found(uploads, self.uploads[0], parent) if self.uploads else None


@dataclass(frozen=True, slots=True)
class Place:
    """A name in a folder: the folders on the way to it, the root's first, and what stands there.

    `parent` is the folder's path as its folders are named.
    """

    folder_ids: Sequence[int]
    parent: CasePath
    standing: Standing


def standing(connection: Connection, folder_id: int, name: str) -> Standing:
    """Return what stands at `name` in a folder."""
    at = {"folder": folder_id, "key": name_key(name)}
    present = {row[0] for row in _PRESENT.all(connection, at)}
    if not present:
        return Standing()
    return Standing(
        folder=_FOLDER_AT.one_or_none(connection, at) if _FOLDER in present else None,
        file=_FILE_AT.one_or_none(connection, at) if _FILE in present else None,
        uploads=_uploads_at(connection, folder_id, at["key"]) if _UPLOAD in present else (),
    )


def held_by(connection: Connection, folder_id: int, path: CasePath) -> list[Found]:
    """Return what a folder, which is at `path`, holds: one entry a name, by name."""
    names: dict[str, Standing] = {}
    query = select(folder_table).where(folder_table.c.parent_id == folder_id)
    for row in connection.execute(query):
        names[row.name_key] = Standing(folder=row)
    for row in connection.execute(select(files).where(files.c.folder_id == folder_id)):
        names[row.name_key] = Standing(file=row)
    query = _newest_first(select_uploads().where(uploads.c.folder_id == folder_id))
    for row in connection.execute(query):
        present = names.get(row.name_key, Standing())
        names[row.name_key] = Standing(
            folder=present.folder, file=present.file, uploads=(*present.uploads, row)
        )
    shown = (at_name.shown(path) for _, at_name in sorted(names.items()))
    return [found for found in shown if found is not None]


def is_empty(connection: Connection, folder_id: int) -> bool:
    """Whether a folder holds nothing that is shown."""
    return not any(
        connection.execute(query.limit(1)).first()
        for query in (
            select(folder_table.c.id).where(folder_table.c.parent_id == folder_id),
            select(files.c.id).where(files.c.folder_id == folder_id),
            select(uploads.c.id).where(uploads.c.folder_id == folder_id, IS_SHOWN),
        )
    )


def find(connection: Connection, number: CaseNumber, path: CasePath) -> Found | None:
    """Return what stands at `path`, None if nothing does."""
    if not components(path):
        root = select(folder_table).where(
            folder_table.c.case_number == number, folder_table.c.parent_id.is_(None)
        )
        row = connection.execute(root).one_or_none()
        return None if row is None else Found(folder_table, row)
    place = place_of(connection, number, path)
    return None if place is None else place.standing.shown(place.parent)


def place_of(connection: Connection, number: CaseNumber, path: CasePath) -> Place | None:
    """Return the place `path`, which isn't the root; None if its folder isn't there.

    One query finds its folders, and the file or folder, which is what nearly every request asks
    for; only of live uploads it says no more than that there are some.
    """
    parent, name = split(path)
    names = components(parent)
    if len(names) > folders.STRIDE:
        return _deep_place(connection, number, path)
    keys = folders.keys_of(names)
    at = {"number": number, "key": name_key(name), **keys}
    row = _place_query(len(names)).one_or_none(connection, at)
    way = row[: 1 + 2 * len(names)] if row is not None else ()
    if row is None or None in way:
        return None
    folder_id = way[-2] if names else way[0]
    present = Standing(
        folder=_folder_row(row, number, folder_id) if row.here_id is not None else None,
        file=row if row.id is not None else None,
        uploads=_uploads_at(connection, folder_id, at["key"]) if row.has_uploads else (),
    )
    return Place([way[0], *way[1::2]], CasePath("/".join(way[2::2])), present)


def _folder_row(row: AnyRow, number: CaseNumber, parent_id: int) -> AnyRow:
    """Return the folder that a row of `_place_query` says stands at the name."""
    values = {
        "id": row.here_id,
        "case_number": number,
        "parent_id": parent_id,
        "name": row.here_name,
        "name_key": name_key(row.here_name),
        "modified_at": row.here_modified_at,
    }
    return as_row(folder_table, values)


def _uploads_at(connection: Connection, folder_id: int, key: object) -> Sequence[AnyRow]:
    return _UPLOADS_AT.all(connection, {"folder": folder_id, "key": key})


def _deep_place(connection: Connection, number: CaseNumber, path: CasePath) -> Place | None:
    parent, name = split(path)
    way = folders.way(connection, number, parent)
    if len(way.ids) != len(components(parent)) + 1:
        return None
    return Place(way.ids, way.path, standing(connection, way.ids[-1], name))


def replaced_bytes(connection: Connection, number: CaseNumber, path: CasePath) -> int:
    """Return how many bytes go once a file takes the place at `path`."""
    place = place_of(connection, number, path)
    if place is None:
        return 0
    present = place.standing
    sizes: list[int] = [row.offset for row in present.uploads if row.replaces]
    if present.file is not None:
        sizes.append(present.file.size)
    return sum(sizes)


def _newest_first(query: Select[Any]) -> Select[Any]:
    return query.where(IS_SHOWN).order_by(uploads.c.created_at.desc(), uploads.c.id.desc())


def _at_name(query: Select[Any], table: Table, parent: str) -> Select[Any]:
    named = table.c.name_key == bindparam("key")
    return query.where(table.c[parent] == bindparam("folder"), named)


# Made once, as they are run for nearly every request.
_FOLDER, _FILE, _UPLOAD = range(3)
_PRESENT = Prepared(
    union_all(
        _at_name(select(literal_column(f"{_FOLDER}")), folder_table, "parent_id"),
        _at_name(select(literal_column(f"{_FILE}")), files, "folder_id"),
        _at_name(select(literal_column(f"{_UPLOAD}")), uploads, "folder_id").where(IS_SHOWN),
    )
)
_CHANGE = {
    table: Prepared(update(table).where(table.c.id == bindparam("id_")))
    for table in (files, uploads, folder_table)
}
_FOLDER_AT = Prepared(_at_name(select(folder_table), folder_table, "parent_id"))
_FILE_AT = Prepared(_at_name(select(files), files, "folder_id"))
_UPLOADS_AT = Prepared(_newest_first(_at_name(select_uploads(), uploads, "folder_id")))


@cache
def _place_query(depth: int) -> Prepared:
    """Return the query of the way to a folder, and of what has a name in it: see `place_of`."""
    down = folders.descent(depth)
    key: BindParameter[str] = bindparam("key")
    last, here = down.last, folder_table.alias("here")
    file = and_(files.c.folder_id == last.c.id, files.c.name_key == key)
    folder = and_(here.c.parent_id == last.c.id, here.c.name_key == key)
    upload = exists().where(uploads.c.folder_id == last.c.id, uploads.c.name_key == key, IS_SHOWN)
    of_folder = (here.c[name].label(f"here_{name}") for name in ("id", "name", "modified_at"))
    return Prepared(
        select(*down.columns, upload.label("has_uploads"), *of_folder, files)
        .select_from(down.source.outerjoin(files, file).outerjoin(here, folder))
        .where(folders.is_root(down.start))
    )
