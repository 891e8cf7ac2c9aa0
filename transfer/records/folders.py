"""Folder rows: a path is walked name by name, and put together again by climbing to the root.

Whoever adds, moves or removes a name holds the lock of the case's row.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NoReturn

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    insert,
    literal,
    select,
)
from sqlalchemy.sql.selectable import NamedFromClause

from transfer.core.cases import CaseNumber
from transfer.core.errors import EntryMissingError, NotAFolderError
from transfer.core.names import ROOT, SHARED_FOLDER, CasePath, components, join, name_key
from transfer.records.prepared import Prepared
from transfer.records.rows import IS_SHOWN
from transfer.records.tables import files, folders, uploads

STRIDE = 8
"""How many folders of a path are found by one query."""

_HIGHEST = 10_000
"""More folders than any path has: should a folder ever be its own parent, the climb still ends."""


def make_root(connection: Connection, number: CaseNumber, now: datetime) -> int:
    """Insert the folder that is the case itself, and return its id."""
    return _insert(connection, number, None, "", now)


def make(
    connection: Connection, number: CaseNumber, parent_id: int, name: str, now: datetime
) -> int:
    """Insert a folder, and return its id."""
    return _insert(connection, number, parent_id, name, now)


def make_standing(connection: Connection, number: CaseNumber, now: datetime) -> None:
    """Make the folders that each case has from its beginning, if they went with its data."""
    if not walk(connection, number, ROOT):
        make(connection, number, make_root(connection, number, now), SHARED_FOLDER, now)


@dataclass(frozen=True, slots=True)
class Way:
    """The folders on the way to a path, the root's first, as far as there are.

    `path` is that of the last one as its folders are named: who asked may have written it in
    letters of another case.
    """

    ids: list[int]
    path: CasePath


def way(connection: Connection, number: CaseNumber, path: CasePath) -> Way:
    """Return the way to `path`; all are there when it has one more than `path` has components."""
    names, ids, reached = components(path), list[int](), list[str]()
    while True:
        following = names[len(reached) : len(reached) + STRIDE]
        start: dict[str, object] = {"folder": ids[-1]} if ids else {"number": number}
        query = _stride(len(following), from_root=not ids)
        row = connection.execute(query, start | keys_of(following)).one_or_none()
        if row is None:
            break
        ids = ids or [row[0]]
        found = [step for step in zip(row[1::2], row[2::2], strict=True) if step[0] is not None]
        ids += [folder_id for folder_id, _ in found]
        reached += [name for _, name in found]
        if len(found) < len(following) or len(reached) == len(names):
            break
    return Way(ids, CasePath("/".join(reached)))


def walk(connection: Connection, number: CaseNumber, path: CasePath) -> list[int]:
    """Return the ids of the folders of `way`."""
    return way(connection, number, path).ids


def chain(connection: Connection, number: CaseNumber, path: CasePath) -> list[int]:
    """Return the ids of the folders on the way to the folder `path`, its own last.

    Raises:
        EntryMissingError: one isn't there.
        NotAFolderError: in place of one there is a file or a live upload.
    """
    found = walk(connection, number, path)
    if len(found) != len(components(path)) + 1:
        refuse(connection, path, found)
    return found


def refuse(connection: Connection, path: CasePath, found: Sequence[int]) -> NoReturn:
    """Say why there is no folder `path`; `found` are those on the way to it.

    Raises:
        EntryMissingError: one isn't there.
        NotAFolderError: in place of one there is a file or a live upload.
    """
    if found:
        _check_no_file(connection, found[-1], components(path)[len(found) - 1])
    raise EntryMissingError("No such folder.")


def make_missing(connection: Connection, number: CaseNumber, path: CasePath, now: datetime) -> int:
    """Return the id of the folder `path` of an open case, after making what is missing on the way.

    Raises:
        NotAFolderError: in place of a folder there is a file or a live upload.
    """
    found = walk(connection, number, path)
    folder_id = found[-1]
    for name in components(path)[len(found) - 1 :]:
        _check_no_file(connection, folder_id, name)
        folder_id = make(connection, number, folder_id, name, now)
    return folder_id


def child(connection: Connection, parent_id: int, name: str) -> int | None:
    """Return the id of the folder `name` in a folder, if there."""
    child_id: int | None = connection.scalar(_CHILD, {"parent": parent_id, "key": name_key(name)})
    return child_id


def path_of(connection: Connection, folder_id: int) -> CasePath:
    """Return the path of a folder."""
    found = _CLIMB_FROM.all(connection, {"id": folder_id})
    return CasePath("/".join(row.name for row in found))


def paths_of(connection: Connection, ids: Collection[int]) -> dict[int, CasePath]:
    """Return the paths of folders, by one query whatever their number and depth."""
    paths = dict.fromkeys(ids, ROOT)
    if len(paths) == 1:
        return {folder_id: path_of(connection, folder_id) for folder_id in paths}
    for start, name in connection.execute(_CLIMB, {"ids": list(paths)}):
        paths[start] = join(paths[start], name)
    return paths


def _climb(begin: ColumnElement[bool]) -> Select[Any]:
    """Return the query of the names above each folder where it is to `begin`, the highest first."""
    first = (
        select(
            folders.c.id.label("start"),
            folders.c.parent_id,
            folders.c.name,
            literal(0).label("height"),
        )
        .where(begin)
        .cte("climb", recursive=True)
    )
    climb = first.union_all(
        select(first.c.start, folders.c.parent_id, folders.c.name, first.c.height + 1)
        .join_from(first, folders, folders.c.id == first.c.parent_id)
        .where(first.c.height < _HIGHEST)
    )
    return (
        select(climb.c.start, climb.c.name)
        .where(climb.c.parent_id.is_not(None))
        .order_by(climb.c.height.desc())
    )


@dataclass(frozen=True, slots=True)
class Descent:
    """Folders joined each to the last, in a query; `columns` are their ids and names."""

    source: FromClause
    columns: list[ColumnElement[Any]]
    start: NamedFromClause
    last: NamedFromClause


def descent(count: int) -> Descent:
    """Return a folder, and the `count` folders below it of the names `key1`, `key2` and so on."""
    above = start = folders.alias("f0")
    source: FromClause = start
    columns: list[ColumnElement[Any]] = [start.c.id.label("id0")]
    for step in range(1, count + 1):
        below = folders.alias(f"f{step}")
        named = below.c.name_key == bindparam(f"key{step}")
        source = source.outerjoin(below, and_(below.c.parent_id == above.c.id, named))
        columns += [below.c.id.label(f"id{step}"), below.c.name.label(f"name{step}")]
        above = below
    return Descent(source, columns, start, above)


def is_root(folder: NamedFromClause) -> ColumnElement[bool]:
    """Whether `folder` is the root of the case `number`."""
    return and_(folder.c.case_number == bindparam("number"), folder.c.parent_id.is_(None))


def keys_of(names: Sequence[str]) -> dict[str, object]:
    """Return the parameters that `descent` has for `names`."""
    return {f"key{step}": name_key(name) for step, name in enumerate(names, 1)}


@cache
def _stride(count: int, *, from_root: bool) -> Select[Any]:
    """Return the query of a folder, and of the `count` folders of some names, each in the last."""
    down = descent(count)
    query = select(*down.columns).select_from(down.source)
    return query.where(is_root(down.start) if from_root else down.start.c.id == bindparam("folder"))


# Made once: putting them together takes longer than running them.
_CLIMB = _climb(folders.c.id.in_(bindparam("ids", expanding=True)))
_CLIMB_FROM = Prepared(_climb(folders.c.id == bindparam("id")))
_CHILD = select(folders.c.id).where(
    folders.c.parent_id == bindparam("parent"), folders.c.name_key == bindparam("key")
)


def _insert(
    connection: Connection, number: CaseNumber, parent_id: int | None, name: str, now: datetime
) -> int:
    values = {
        "case_number": number,
        "parent_id": parent_id,
        "name": name,
        "name_key": name_key(name),
        "modified_at": now,
    }
    folder_id: int = connection.scalars(insert(folders).returning(folders.c.id), values).one()
    return folder_id


def _check_no_file(connection: Connection, folder_id: int, name: str) -> None:
    key = name_key(name)
    file = select(files.c.id).where(files.c.folder_id == folder_id, files.c.name_key == key)
    upload = select(uploads.c.id).where(
        uploads.c.folder_id == folder_id, uploads.c.name_key == key, IS_SHOWN
    )
    if connection.execute(file.union_all(upload)).first() is not None:
        raise NotAFolderError("A file is where a folder is needed.")
