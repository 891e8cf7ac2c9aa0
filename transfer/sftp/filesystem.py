"""The files of a case as an SFTP client sees them: a tree whose root is the case."""

from collections.abc import Awaitable
from typing import TypeVar

from asyncssh import SFTPAttrs, SFTPName, SFTPVFSAttrs

from transfer.core.cases import CaseNumber
from transfer.core.errors import TooLargeError, UnsupportedError
from transfer.core.names import CasePath, check_writable
from transfer.core.uploads import Entry, StoredFile, Upload, UploadId, UploadState
from transfer.ports import Buffer, Clock
from transfer.sftp.attributes import (
    attributes_of,
    modified_at_of,
    name_of,
    size_of,
    space_of,
)
from transfer.sftp.hashes import CaseHashes
from transfer.sftp.opening import Opening
from transfer.sftp.paths import case_path, sent_path
from transfer.sftp.reading import ReadHandle
from transfer.sftp.repeating import Told
from transfer.sftp.revision import Desk
from transfer.sftp.writing import WriteHandle

FilePart = ".filepart"
_ZEROS_BYTES = 1024 * 1024
FileHandle = ReadHandle | WriteHandle
T = TypeVar("T")


class CaseFileSystem:
    """What a session's requests do: the methods that asyncssh's packet handler calls.

    It is not a subclass of `asyncssh.SFTPServer`: what isn't defined here would then work on the
    files of this machine. Errors are those of the core; see `transfer.sftp.errors`.
    """

    def __init__(
        self, desk: Desk, clock: Clock, *, case_number: CaseNumber, client: str = ""
    ) -> None:
        """Take what to work with; `client` is what the client at the other end calls itself."""
        self._uploads = desk.uploads
        self._files = desk.files
        self._clock = clock
        self._principal = desk.principal
        self._case_number = case_number
        self.hashes = CaseHashes(desk.files, desk.principal, case_number)
        self._space = desk.space
        self._opening = Opening(desk, case_number, client)
        self._writing: set[WriteHandle] = set()
        self._doubted: set[UploadId] = set()

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

    # ── Hashing and copying ──────────────────────────────────────────────────────────────────

    async def working(self, _operation: str, work: Awaitable[T], *_paths: bytes) -> T:
        """Do what isn't one of the methods here, and may take long; how it is called, and where."""
        return await work

    def refused(self, operation: str) -> None:
        """Take note of what isn't done here."""

    # ── Arranging ────────────────────────────────────────────────────────────────────────────

    async def setstat(self, path: bytes, attributes: SFTPAttrs) -> None:
        """Set time and size. Permissions and owners are taken as set: a case has none."""
        at = case_path(path)
        if attributes.size is None and attributes.mtime is not None:
            await self._touch(at, attributes)  # which looks itself what stands there
            return
        entry = await self._entry(at)
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
        """Remove a file, or give up the upload that stands there, also one that is open here."""
        at = case_path(path)
        entry = await self._entry(at)
        await self._files.remove(self._principal, self._case_number, at)
        for handle in [handle for handle in self._writing if handle.is_of(entry)]:
            await handle.discard()

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

    def read_now(self, handle: FileHandle, offset: int, size: int) -> Buffer | None:
        """Return the same as `read`, None if that has to be waited for."""
        return handle.read_now(offset, size)

    def write_now(self, handle: FileHandle, offset: int, data: memoryview) -> bool:
        """Do the same as `write` if that needs no waiting; if it does, nothing is taken."""
        return handle.write_now(offset, data)

    def fstat(self, handle: FileHandle) -> SFTPAttrs:
        """Return the attributes of an open file."""
        if isinstance(handle, WriteHandle):
            handle.tell()
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
        try:
            await handle.close()
        finally:
            if isinstance(handle, WriteHandle) and handle.is_doubted and handle.upload_id:
                self._doubted.add(handle.upload_id)

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    async def _entry(self, path: CasePath) -> Entry:
        return await self._files.entry(self._principal, self._case_number, path)

    def _size_here(self, entry: Entry) -> int:
        """Return a size as this session's client is told it: with what it has just written."""
        if not isinstance(entry, Upload):
            return size_of(entry)
        handle = self._open_here(entry)
        told = Told(handle.tell()) if handle else Told(entry.offset, entry.digest.crc64nvme)
        self._opening.told[entry.id] = told
        return told.size

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
        here = next((one for one in self._writing if one.is_of(entry)), None)
        if here is not None:
            await here.resize(size)
            return
        if not isinstance(entry, StoredFile):
            raise UnsupportedError("A file that is still on its way isn't resized: send it again.")
        more = max(0, size - entry.size)
        if more > self._space.limit_bytes:
            raise TooLargeError(f"A file is lengthened by {self._space.limit_bytes} bytes at most.")
        writer = await self._uploads.extend(self._principal, entry, size - more)
        try:
            while writer.position < size:
                await writer.write(bytes(min(_ZEROS_BYTES, size - writer.position)))
        except BaseException:
            await self._uploads.give_up_writer(self._principal, writer)
            raise
        await self._uploads.finish_writer(self._principal, writer)

    async def _move(self, source: CasePath, target: CasePath, *, replace: bool) -> None:
        await self._finish_part(source, is_named=source == target + FilePart)
        await self._files.move(self._principal, self._case_number, source, target, replace=replace)

    async def _finish_part(self, path: CasePath, *, is_named: bool) -> None:
        """Finish what its client gives its final name: so it says that the file is complete.

        WinSCP's comes here unfinished when that found on resuming that every byte was sent; of
        others it counts after a CLOSE that had left it open.
        """
        if not is_named and not self._doubted:
            return
        entry = await self._entry(path)
        if not isinstance(entry, Upload) or entry.state is not UploadState.INTERRUPTED:
            return
        is_said = is_named or entry.id in self._doubted
        if is_said and entry.length is None and self._open_here(entry) is None:
            writer = await self._uploads.open_writer(self._principal, entry.id)
            await self._uploads.finish_writer(self._principal, writer)
