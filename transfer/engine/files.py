"""The files and folders of a case, as both doors see them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from transfer.core.access import Action, Principal, authorise
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import (
    CaseMissingError,
    EntryMissingError,
    ForbiddenError,
    IsAFolderError,
)
from transfer.core.names import ROOT, SHARED_FOLDER, CasePath, check_writable
from transfer.core.uploads import Entry, FileId, Folder, StoredFile, Upload, UploadState
from transfer.engine.completion import complete
from transfer.engine.download_notes import note_download
from transfer.engine.hashes import WHOLE, FileHashes, HashedRange
from transfer.engine.policy import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page of a case's files, with its unfinished uploads, and the cursor of the next page."""

    files: list[StoredFile]
    uploads: list[Upload]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a case holds: files, and bytes of files and uploads; `limit_bytes` is None without."""

    files: int
    size_bytes: int
    limit_bytes: int | None = None


class Files:
    """What a case holds: authorised at every verb. Renames and moves are rows only."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._tree = tools.records.tree
        self._hashes = FileHashes(tools)

    async def case(
        self, principal: Principal, case_number: CaseNumber, action: Action = Action.SEE
    ) -> Case:
        """Return a case to which `principal` may do `action`.

        Raises:
            CaseMissingError, ForbiddenError, CaseClosedError: they may not.
        """
        case = await self._tools.core.case(case_number)
        authorise(principal, action, case)
        return case

    async def entry(self, principal: Principal, case_number: CaseNumber, path: CasePath) -> Entry:
        """Return what stands at `path`.

        Raises:
            EntryMissingError: nothing does.
        """
        await self.case(principal, case_number)
        return await self._entry(case_number, path)

    async def children(
        self, principal: Principal, case_number: CaseNumber, path: CasePath
    ) -> list[Entry]:
        """Return what a folder holds, by name.

        Raises:
            EntryMissingError, NotAFolderError: there is no such folder.
        """
        await self.case(principal, case_number)
        return await self._tree.children(case_number, path)

    async def listing(
        self,
        principal: Principal,
        case_number: CaseNumber,
        *,
        after: str | None = None,
        limit: int = 1000,
    ) -> Listing:
        """Return a page of all files of a case, oldest first, whatever their folder.

        Raises:
            InvalidRequestError: `after` is not a cursor that this gave.
        """
        await self.case(principal, case_number)
        files, following = await self._tree.files(case_number, after=after, limit=limit)
        uploads = await self._tools.records.uploads.unfinished(case_number) if not after else []
        return Listing(files=files, uploads=uploads, next=following)

    async def file(
        self, principal: Principal, file_id: FileId, action: Action = Action.SEE
    ) -> StoredFile:
        """Return a file by its id.

        Raises:
            EntryMissingError: none, or none that they may know of.
        """
        file = await self._tree.file(file_id)
        try:
            await self.case(principal, file.case_number, action)
        except CaseMissingError as exc:
            raise EntryMissingError("No such file.") from exc
        return file

    @asynccontextmanager
    async def read(
        self, principal: Principal, file: StoredFile, start: int, size: int
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream `size` bytes of `file` from `start`; the download is noted in the audit log.

        Shape: chunks of at most 1 MiB.

        Raises:
            StoreUnavailableError: also in the middle; go on from there later.
        """
        await self.begin_download(principal, file, start, size)
        async with self.stream(file, start, size) as chunks:
            yield chunks

    async def begin_download(
        self, principal: Principal, file: StoredFile, start: int, size: int, **details: object
    ) -> None:
        """Note a download in the audit log, `details` too, before any byte of it is streamed.

        Raises:
            CaseMissingError, ForbiddenError: they may not have it.
        """
        await self.case(principal, file.case_number, Action.DOWNLOAD)
        await note_download(
            self._tools,
            principal,
            action="file.downloaded",
            case_number=file.case_number,
            subject=file.id,
            details={"path": file.path, "start": start, "size": size, **details},
            told={
                "path": file.path,
                "size": file.size,
                "sha256": file.sha256,
                "direction": file.direction.value,
                "file_id": file.id,
            },
        )

    def stream(
        self, file: StoredFile, start: int, size: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream bytes of a file whose download was begun; see `read`."""
        return self._tools.store.read(file.object_key, start, size)

    async def digests(
        self, principal: Principal, file: StoredFile, algorithm: str, asked: HashedRange = WHOLE
    ) -> list[bytes]:
        """Return digests of `file`, for who may download it; see `FileHashes.digests`.

        Raises:
            CaseMissingError, ForbiddenError: they may not have it.
            InvalidRequestError, UnsupportedAlgorithmError: no digests of that kind.
        """
        await self.case(principal, file.case_number, Action.DOWNLOAD)
        self.expect_digests(principal, algorithm)
        return await self._hashes.digests(file, algorithm, asked)

    def expect_digests(self, principal: Principal, algorithm: str) -> None:
        """Take note that `principal` will ask for such digests of what they send."""
        self._tools.known_digests.want(principal.name, algorithm)

    async def hand_out(
        self, principal: Principal, file: StoredFile, lifetime: timedelta, disposition: str
    ) -> str | None:
        """Return a URL of the store itself that gives the whole file for `lifetime`.

        It is noted as a download: whoever has the URL needs nothing else. None if the store makes
        no such URLs.

        Raises:
            CaseMissingError, ForbiddenError: they may not have it.
        """
        await self.case(principal, file.case_number, Action.DOWNLOAD)
        url = await self._tools.store.presign(
            file.object_key, lifetime=lifetime, disposition=disposition
        )
        if url is not None:
            seconds = lifetime.total_seconds()
            await self.begin_download(principal, file, 0, file.size, url_for_seconds=seconds)
        return url

    async def make_folder(
        self, principal: Principal, case_number: CaseNumber, path: CasePath
    ) -> None:
        """Make a folder.

        Raises:
            NameTakenError, EntryMissingError, NotAFolderError: taken, or no folder to be in.
        """
        await self._arrange(principal, case_number, path)
        await self._tree.make_folder(case_number, path, principal, self._tools.clock.now())

    async def remove_folder(
        self, principal: Principal, case_number: CaseNumber, path: CasePath
    ) -> None:
        """Remove an empty folder.

        Raises:
            EntryMissingError, NotAFolderError, FolderNotEmptyError: it can't be.
        """
        await self._arrange(principal, case_number, path)
        await self._tree.remove_folder(case_number, path, principal, self._tools.clock.now())

    async def remove(self, principal: Principal, case_number: CaseNumber, path: CasePath) -> None:
        """Remove a file, or abandon the upload that stands there.

        Raises:
            EntryMissingError, IsAFolderError: there is no file.
        """
        await self._arrange(principal, case_number, path)
        entry = await self._entry(case_number, path)
        now = self._tools.clock.now()
        if isinstance(entry, Folder):
            raise IsAFolderError("That is a folder: remove it as one.")
        is_ending = isinstance(entry, Upload) and entry.state is UploadState.COMPLETING
        if isinstance(entry, Upload) and is_ending and entry.concat is None:
            # Whoever was at it may be gone, and only what it becomes can be removed.
            entry = await complete(self._tools, entry.id, principal)
        if isinstance(entry, Upload):
            await self._tools.records.uploads.abandon(entry.id, principal, "removed", now)
        else:
            await self._tree.remove_file(entry.id, principal, now)
        self._tools.wake_worker()

    async def remove_file(self, principal: Principal, file_id: FileId) -> None:
        """Remove a file by its id; see `remove`."""
        file = await self.file(principal, file_id, Action.ARRANGE)
        check_writable(file.path, is_staff=principal.is_staff)
        await self._tree.remove_file(file_id, principal, self._tools.clock.now())
        self._tools.wake_worker()

    async def move(
        self,
        principal: Principal,
        case_number: CaseNumber,
        source: CasePath,
        target: CasePath,
        *,
        replace: bool = False,
    ) -> None:
        """Move or rename a file, folder or unfinished upload: at any size one change of a row.

        Raises:
            EntryMissingError: nothing at `source`, or no folder for `target`.
            NameTakenError: something is at `target`, and is not to be replaced or is a folder.
        """
        await self._arrange(principal, case_number, source)
        check_writable(target, is_staff=principal.is_staff)
        _check_not_fixed(target)
        now = self._tools.clock.now()
        await self._tree.move(case_number, source, target, principal, now, replace=replace)
        if replace:
            self._tools.wake_worker()

    async def touch(
        self,
        principal: Principal,
        case_number: CaseNumber,
        path: CasePath,
        modified_at: datetime,
    ) -> None:
        """Set the modification time of what stands at `path`.

        Raises:
            EntryMissingError: nothing does.
        """
        await self._arrange(principal, case_number, path)
        await self._tree.touch(case_number, path, modified_at)

    async def usage(self, principal: Principal, case_number: CaseNumber) -> Usage:
        """Return what a case holds."""
        await self.case(principal, case_number)
        files, size_bytes = await self._tree.usage(case_number)
        limit_bytes = self._tools.policy.max_case_bytes
        return Usage(files=files, size_bytes=size_bytes, limit_bytes=limit_bytes)

    async def _arrange(self, principal: Principal, case_number: CaseNumber, path: CasePath) -> None:
        await self.case(principal, case_number, Action.ARRANGE)
        _check_not_fixed(path)
        check_writable(path, is_staff=principal.is_staff)

    async def _entry(self, case_number: CaseNumber, path: CasePath) -> Entry:
        entry = await self._tree.entry(case_number, path)
        if entry is None:
            raise EntryMissingError("No such file or folder.")
        return entry


def _check_not_fixed(path: CasePath) -> None:
    if path in (ROOT, SHARED_FOLDER):
        raise ForbiddenError("This folder is part of every case and stays as it is.")
