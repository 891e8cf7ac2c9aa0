"""The files of a case as an SFTP client sees them: a tree whose root is the case."""

from asyncssh import SFTPAttrs, SFTPName, SFTPVFSAttrs

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.core.errors import UnsupportedError
from transfer.core.names import CasePath, check_writable
from transfer.core.uploads import Entry, StoredFile, Upload, UploadState
from transfer.engine.files import Files
from transfer.engine.uploads import Uploads
from transfer.ports import Clock
from transfer.sftp.attributes import (
    attributes_of,
    modified_at_of,
    name_of,
    size_of,
    space_of,
)
from transfer.sftp.opening import Opening
from transfer.sftp.paths import case_path, sent_path
from transfer.sftp.reading import ReadHandle
from transfer.sftp.writing import WriteHandle

FilePart = ".filepart"
FileHandle = ReadHandle | WriteHandle


class CaseFileSystem:
    """What a session's requests do: the methods that asyncssh's packet handler calls.

    It is not a subclass of `asyncssh.SFTPServer`: what isn't defined here would then work on the
    files of this machine. Errors are those of the core; see `transfer.sftp.errors`.
    """

    def __init__(
        self,
        uploads: Uploads,
        files: Files,
        clock: Clock,
        *,
        principal: Principal,
        case_number: CaseNumber,
    ) -> None:
        self._uploads = uploads
        self._files = files
        self._clock = clock
        self._principal = principal
        self._case_number = case_number
        self._opening = Opening(uploads, files, principal, case_number)
        self._writing: set[WriteHandle] = set()

    def exit(self) -> None:
        """Take note of the session's end; its handles have been ended before."""

    # ── Looking ──────────────────────────────────────────────────────────────────────────────

    def realpath(self, path: bytes) -> bytes:
        """Return the path from the root, whether something is there or not."""
        return sent_path(case_path(path))

    async def stat(self, path: bytes) -> SFTPAttrs:
        """Return attributes; an unfinished upload has the size from which it can be resumed."""
        entry = await self._entry(case_path(path))
        return attributes_of(entry, self._size_here(entry))

    lstat = stat

    async def names(self, path: bytes) -> list[SFTPName]:
        """Return what a folder holds."""
        entries = await self._files.children(self._principal, self._case_number, case_path(path))
        for entry in entries:
            self._size_here(entry)
        now = self._clock.now()
        return [name_of(entry, now) for entry in entries]

    async def statvfs(self, _path: bytes) -> SFTPVFSAttrs:
        """Return how much is used, and that there is room."""
        return space_of(await self._files.usage(self._principal, self._case_number))

    async def fstatvfs(self, _handle: FileHandle) -> SFTPVFSAttrs:
        """Return the same as `statvfs`."""
        return await self.statvfs(b"/")

    # ── Arranging ────────────────────────────────────────────────────────────────────────────

    async def setstat(self, path: bytes, attributes: SFTPAttrs) -> None:
        """Set time and size. Permissions and owners are taken as set: a case has none."""
        entry = await self._entry(case_path(path))
        check_writable(entry.path, is_staff=self._principal.is_staff)
        if attributes.size is not None and attributes.size != self._size_here(entry):
            await self._resize(entry, attributes.size)
        await self._touch(entry.path, attributes)

    lsetstat = setstat

    async def rename(self, source: bytes, target: bytes) -> None:
        """Move a file or folder to a path where nothing is."""
        await self._move(case_path(source), case_path(target), replace=False)

    async def posix_rename(self, source: bytes, target: bytes) -> None:
        """Move a file or folder; a file at the target goes."""
        await self._move(case_path(source), case_path(target), replace=True)

    async def remove(self, path: bytes) -> None:
        """Remove a file, or give up the upload that stands there."""
        await self._files.remove(self._principal, self._case_number, case_path(path))

    async def mkdir(self, path: bytes, _attributes: SFTPAttrs) -> None:
        """Make a folder."""
        await self._files.make_folder(self._principal, self._case_number, case_path(path))

    async def rmdir(self, path: bytes) -> None:
        """Remove an empty folder."""
        await self._files.remove_folder(self._principal, self._case_number, case_path(path))

    # ── Open files ───────────────────────────────────────────────────────────────────────────

    async def open(self, path: bytes, flags: int, attributes: SFTPAttrs) -> FileHandle:
        """Open a file; see `Opening`."""
        handle = await self._opening.open(case_path(path), flags, attributes)
        if isinstance(handle, WriteHandle):
            self._writing.add(handle)
        return handle

    async def read(self, handle: FileHandle, offset: int, size: int) -> bytes:
        """Return bytes of an open file, none at its end."""
        return await handle.read(offset, size)

    async def write(self, handle: FileHandle, offset: int, data: bytes) -> None:
        """Take bytes for an open file."""
        await handle.write(offset, data)

    def fstat(self, handle: FileHandle) -> SFTPAttrs:
        """Return the attributes of an open file."""
        return handle.attributes()

    async def fsetstat(self, handle: FileHandle, attributes: SFTPAttrs) -> None:
        """Set size and time of an open file; the time stays when the file is finished."""
        if attributes.size is not None:
            await handle.resize(attributes.size)
        await self._touch(await self._path_of(handle), attributes)

    async def fsync(self, handle: FileHandle) -> None:
        """Make durable what an open file has taken."""
        await handle.flush()

    async def close(self, handle: FileHandle) -> None:
        """End what was opened as its client asks."""
        if isinstance(handle, WriteHandle):
            self._writing.discard(handle)
        await handle.close()

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    async def _entry(self, path: CasePath) -> Entry:
        return await self._files.entry(self._principal, self._case_number, path)

    def _size_here(self, entry: Entry) -> int:
        """Return a size as this session's client is told it: with what it has just written."""
        if not isinstance(entry, Upload):
            return size_of(entry)
        handle = self._open_here(entry)
        size = handle.position if handle else entry.offset
        self._opening.told[entry.id] = size
        return size

    def _open_here(self, upload: Upload) -> WriteHandle | None:
        return next((one for one in self._writing if one.upload_id == upload.id), None)

    async def _path_of(self, handle: FileHandle) -> CasePath:
        """Return where an open file is now: it may have been renamed."""
        upload_id = handle.upload_id if isinstance(handle, WriteHandle) else None
        if upload_id is None:
            return handle.path
        return (await self._uploads.show(self._principal, upload_id)).path

    async def _touch(self, path: CasePath, attributes: SFTPAttrs) -> None:
        modified_at = modified_at_of(attributes)
        if modified_at is not None:
            await self._files.touch(self._principal, self._case_number, path, modified_at)

    async def _resize(self, entry: Entry, size: int) -> None:
        if not isinstance(entry, StoredFile) or size > entry.size:
            raise UnsupportedError("Only a received file can be resized, and only be shortened.")
        writer = await self._uploads.extend(self._principal, entry, size)
        await self._uploads.finish_writer(self._principal, writer)

    async def _move(self, source: CasePath, target: CasePath, *, replace: bool) -> None:
        if source == target + FilePart:
            await self._finish_part(source)
        await self._files.move(self._principal, self._case_number, source, target, replace=replace)

    async def _finish_part(self, path: CasePath) -> None:
        """Finish what WinSCP gives its final name: so it says that the file is complete.

        It comes here unfinished when the client found on resuming that every byte was sent.
        """
        entry = await self._entry(path)
        if not isinstance(entry, Upload) or entry.state is not UploadState.INTERRUPTED:
            return
        if entry.length is None and self._open_here(entry) is None:
            writer = await self._uploads.open_writer(self._principal, entry.id)
            await self._uploads.finish_writer(self._principal, writer)
