"""The tree of a case's files and folders in rows."""

from datetime import datetime

from sqlalchemy import Connection, delete, update

from transfer.core.access import Principal
from transfer.core.archive_contents import Contents, Selection
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    EntryMissingError,
    FolderNotEmptyError,
    InvalidRequestError,
    NameTakenError,
    NotAFolderError,
)
from transfer.core.names import ROOT, CasePath, split
from transfer.core.uploads import Entry, FileId, StoredFile
from transfer.ports import Comparison
from transfer.records import (
    audit,
    cases,
    contents,
    entries,
    folders,
    lookup,
    moves,
    pages,
    removals,
    verification,
)
from transfer.records.database import Database
from transfer.records.tables import folders as folder_table
from transfer.records.tables import uploads


class SqlFileTree:
    """The files and folders of a case; plays the role `transfer.ports.FileTree`.

    A folder's time is that of its making, or what `touch` has set: what it holds doesn't move it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entry(self, case_number: CaseNumber, path: CasePath) -> Entry | None:
        """Return what stands at `path`, None if nothing does. The root is a folder."""
        return await self._database.look(_entry, case_number, path)

    async def children(self, case_number: CaseNumber, path: CasePath) -> list[Entry]:
        """Return what a folder holds, by name.

        Raises:
            EntryMissingError, NotAFolderError: no folder there.
        """
        return await self._database.read(_children, case_number, path)

    async def files(
        self, case_number: CaseNumber, *, after: str | None = None, limit: int = 1000
    ) -> tuple[list[StoredFile], str | None]:
        """Return a page of the files, oldest first, and the cursor of the next one if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._database.read(pages.page, case_number, after, limit)

    async def file(self, file_id: FileId) -> StoredFile:
        """Return one file.

        Raises:
            EntryMissingError: no such file.
        """
        return await self._database.look(lookup.file, file_id)

    async def make_folder(
        self, case_number: CaseNumber, path: CasePath, principal: Principal, now: datetime
    ) -> None:
        """Make one folder.

        Raises:
            NameTakenError, EntryMissingError, NotAFolderError: taken, or no folder to be in.
        """
        await self._database.jot(_make_folder, case_number, path, principal, now)

    async def remove_folder(
        self, case_number: CaseNumber, path: CasePath, principal: Principal, now: datetime
    ) -> None:
        """Remove an empty folder.

        Raises:
            EntryMissingError, NotAFolderError, FolderNotEmptyError: it can't be.
        """
        await self._database.write(_remove_folder, case_number, path, principal, now)

    async def remove_file(self, file_id: FileId, principal: Principal, now: datetime) -> None:
        """Remove a file, and queue the discard of its bytes.

        Raises:
            EntryMissingError: no such file.
            HeldError: a hold keeps it.
        """
        await self._database.write(_remove_file, file_id, principal, now)

    async def move(
        self,
        case_number: CaseNumber,
        source: CasePath,
        target: CasePath,
        principal: Principal,
        now: datetime,
        *,
        replace: bool = False,
    ) -> None:
        """Move a file, folder or unfinished upload to another path of the case.

        `replace`: a file or upload at `target` goes, as if removed (abandoned).

        Raises:
            EntryMissingError: no source, or no folder for the target.
            NotAFolderError: a file is where the target's folder should be.
            NameTakenError: something is at `target` (always, when either one is a folder).
            HeldError: a hold keeps the file at `target`.
            UploadBusyError: an upload at `target` is being completed.
            InvalidRequestError: a folder into itself, or the case itself.
        """
        await self._database.jot(
            moves.move,
            case_number,
            moves.Move(source=source, target=target, replace=replace),
            principal,
            now,
        )

    async def touch(self, case_number: CaseNumber, path: CasePath, modified_at: datetime) -> None:
        """Set the modification time of what stands at `path`.

        Raises:
            EntryMissingError: nothing is there.
        """
        await self._database.jot(_touch, case_number, path, modified_at)

    async def verify(
        self, file_id: FileId, sha256: str, principal: Principal, now: datetime
    ) -> StoredFile:
        """Compare a file with the digest that its sender gives; return it as it stands then.

        Raises:
            EntryMissingError: no such file.
            CaseClosedError: its case takes nothing new.
        """
        return await self._database.write(verification.verify, file_id, sha256, principal, now)

    async def compare(self, file_id: FileId, comparison: Comparison, now: datetime) -> StoredFile:
        """Note what came of comparing a file with a side file; return it as it stands then.

        Raises:
            EntryMissingError: no such file.
            CaseClosedError: its case takes nothing new.
        """
        return await self._database.write(verification.compare, file_id, comparison, now)

    async def contents(self, case_number: CaseNumber, selection: Selection, limit: int) -> Contents:
        """Return what `selection` finds in a case, all of it as it is at one moment, in no order.

        Raises:
            EntryMissingError: its path isn't there, or one of its files.
            UnsupportedError: more than `limit` files.
        """
        return await self._database.read(contents.contents, case_number, selection, limit)

    async def note_crc32(self, file_id: FileId, crc32: int) -> None:
        """Keep the CRC-32 of a file's content, if the file is still there."""
        await self._database.write(contents.note_crc32, file_id, crc32)

    async def usage(
        self, case_number: CaseNumber, place: CasePath | None = None
    ) -> tuple[int, int]:
        """Return how many files the case holds and how many bytes they and its uploads have."""
        return await self._database.read(_usage, case_number, place)


def _usage(connection: Connection, number: CaseNumber, place: CasePath | None) -> tuple[int, int]:
    count, size = lookup.usage(connection, number)
    if place is not None:
        size -= entries.replaced_bytes(connection, number, place)
    return count, size


def _entry(connection: Connection, number: CaseNumber, path: CasePath) -> Entry | None:
    found = entries.find(connection, number, path)
    return None if found is None else found.as_entry()


def _children(connection: Connection, number: CaseNumber, path: CasePath) -> list[Entry]:
    folder_id = folders.chain(connection, number, path)[-1]
    parent = folders.path_of(connection, folder_id)
    return [found.as_entry() for found in entries.held_by(connection, folder_id, parent)]


def _make_folder(
    connection: Connection,
    number: CaseNumber,
    path: CasePath,
    principal: Principal,
    now: datetime,
) -> None:
    cases.lock(connection, number)
    parent, name = split(path)
    parent_id = folders.chain(connection, number, parent)[-1]
    if entries.standing(connection, parent_id, name).shown(parent) is not None:
        raise NameTakenError("Something of that name is already there.")
    folder_id = folders.make(connection, number, parent_id, name, now)
    event = audit.done_by(principal, "folder.made", now, number, str(folder_id), {"path": path})
    audit.add(connection, event)


def _remove_folder(
    connection: Connection,
    number: CaseNumber,
    path: CasePath,
    principal: Principal,
    now: datetime,
) -> None:
    if path == ROOT:
        raise InvalidRequestError("The case itself can't be removed.")
    cases.lock(connection, number)
    found = entries.find(connection, number, path)
    if found is None:
        raise EntryMissingError("No such folder.")
    if found.table is not folder_table:
        raise NotAFolderError("That is a file, not a folder.")
    folder_id = found.row.id
    if not entries.is_empty(connection, folder_id):
        raise FolderNotEmptyError("The folder isn't empty: remove what it holds first.")
    # Uploads that are over stay as answers to their senders; they move up.
    connection.execute(
        update(uploads)
        .where(uploads.c.folder_id == folder_id)
        .values(folder_id=found.row.parent_id)
    )
    connection.execute(delete(folder_table).where(folder_table.c.id == folder_id))
    event = audit.done_by(principal, "folder.removed", now, number, str(folder_id), {"path": path})
    audit.add(connection, event)


def _remove_file(
    connection: Connection, file_id: FileId, principal: Principal, now: datetime
) -> None:
    cases.lock(connection, lookup.file_row(connection, file_id).case_number)
    file = lookup.file(connection, file_id)  # again, under the lock
    removals.remove_file(connection, file, principal, now)


def _touch(
    connection: Connection, number: CaseNumber, path: CasePath, modified_at: datetime
) -> None:
    found = entries.find(connection, number, path)
    if found is None:
        raise EntryMissingError("No such file or folder.")
    found.change(connection, modified_at=modified_at)
