"""The files and folders of a case."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from transfer.core.access import Principal
from transfer.core.archive_contents import Contents, Selection
from transfer.core.cases import CaseNumber
from transfer.core.names import CasePath
from transfer.core.uploads import (
    Entry,
    FileId,
    StoredFile,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of comparing a file with what a side file says of it.

    `claimed` is the digest that the side file tells: the algorithm, a colon, and hex.
    """

    matches: bool
    claimed: str
    side_file: CasePath
    side_file_id: FileId


class FileTree(Protocol):
    """The files and folders of a case. Renames are rows: O(1) whatever moves."""

    async def entry(self, case_number: CaseNumber, path: CasePath) -> Entry | None:
        """Return what stands at `path`, None if nothing does. The root is a folder."""

    async def children(self, case_number: CaseNumber, path: CasePath) -> list[Entry]:
        """Return what a folder holds, by name.

        Raises:
            EntryMissingError, NotAFolderError: no folder there.
        """

    async def files(
        self, case_number: CaseNumber, *, after: str | None = None, limit: int = 1000
    ) -> tuple[list[StoredFile], str | None]:
        """Return a page of the files, oldest first, and the cursor of the next one if any.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def file(self, file_id: FileId) -> StoredFile:
        """Return one file.

        Raises:
            EntryMissingError: no such file.
        """

    async def make_folder(
        self, case_number: CaseNumber, path: CasePath, principal: Principal, now: datetime
    ) -> None:
        """Make one folder.

        Raises:
            NameTakenError, EntryMissingError, NotAFolderError: taken, or no folder to be in.
        """

    async def remove_folder(
        self, case_number: CaseNumber, path: CasePath, principal: Principal, now: datetime
    ) -> None:
        """Remove an empty folder.

        Raises:
            EntryMissingError, NotAFolderError, FolderNotEmptyError: it can't be.
        """

    async def remove_file(self, file_id: FileId, principal: Principal, now: datetime) -> None:
        """Remove a file, and queue the discard of its bytes.

        Raises:
            EntryMissingError: no such file.
        """

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
            NameTakenError: something is at `target` (always, when either one is a folder).
            NotAFolderError: the target's folder is a file.
            UploadBusyError: the upload at `target` is just becoming a file.
            InvalidRequestError: a folder into itself.
        """

    async def touch(self, case_number: CaseNumber, path: CasePath, modified_at: datetime) -> None:
        """Set the modification time of what stands at `path`.

        Raises:
            EntryMissingError: nothing is there.
        """

    async def verify(
        self, file_id: FileId, sha256: str, principal: Principal, now: datetime
    ) -> StoredFile:
        """Compare a file with the digest that its sender gives; return it as it stands then.

        A match makes it verified; otherwise it isn't, and what was claimed is kept. Repeatable.

        Raises:
            EntryMissingError: no such file.
            CaseClosedError: its case takes nothing new.
        """

    async def compare(self, file_id: FileId, comparison: Comparison, now: datetime) -> StoredFile:
        """Note what came of comparing a file with a side file; return it as it stands then.

        A match makes it verified; otherwise it isn't, and what was claimed is kept. Repeatable.

        Raises:
            EntryMissingError: no such file.
            CaseClosedError: its case takes nothing new.
        """

    async def contents(self, case_number: CaseNumber, selection: Selection, limit: int) -> Contents:
        """Return what `selection` finds in a case, all of it as it is at one moment, in no order.

        Raises:
            EntryMissingError: its path isn't there, or one of its files.
            UnsupportedError: more than `limit` files.
        """

    async def note_crc32(self, file_id: FileId, crc32: int) -> None:
        """Keep the CRC-32 of a file's content, if the file is still there."""

    async def usage(
        self, case_number: CaseNumber, place: CasePath | None = None
    ) -> tuple[int, int]:
        """Return how many files the case holds and how many bytes they and its uploads have.

        With `place`, without the bytes that go once a file takes that place: those of the file
        there, and of the uploads that would take it too.
        """
