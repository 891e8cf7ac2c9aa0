"""What a connection's requests came to: counted, and the failures noted in the audit log."""

from collections import Counter
from collections.abc import Awaitable
from typing import TypeVar

from asyncssh import SFTPAttrs, SFTPConnectionLost, SFTPError, SFTPName, SFTPVFSAttrs

from transfer.core.access import Principal
from transfer.core.errors import MissingError, TransferError
from transfer.engine.account_usage import Traffic
from transfer.engine.visits import Visits
from transfer.ports import Buffer
from transfer.sftp.filesystem import CaseFileSystem, FileHandle

T = TypeVar("T")

_MOST_NOTED = 100
_LONGEST_PATH = 1000
_LOOKS = frozenset({"stat", "list", "open"})
"""With these clients find out whether something is there: that it isn't is no failure."""

_PACKETS = frozenset({"read", "write"})
"""Of these clients send many at once, which fail all alike: that is told once."""


class Journal:
    """The journal of one connection; `traffic` counts the bytes of files.

    `ongoing` is how many requests are being done at the moment.
    """

    def __init__(self, visits: Visits, principal: Principal, traffic: Traffic) -> None:
        self.traffic = traffic
        self.requests: Counter[str] = Counter()
        self.failures = 0
        self.ongoing = 0
        self._noted = 0
        self._last: tuple[object, ...] = ()
        self._visits = visits
        self._principal = principal

    async def noting(self, operation: str, work: Awaitable[T], *paths: bytes) -> T:
        """Do `work`, and note what failed; of a client that fails on and on, not all of it."""
        if operation not in _PACKETS:
            self.requests[operation] += 1
        self.ongoing += 1
        try:
            return await work
        except SFTPConnectionLost:
            raise  # given up, as nobody waits for it any more
        except (TransferError, SFTPError) as exc:
            if not (operation in _LOOKS and isinstance(exc, MissingError)):
                await self._failed(operation, exc, paths)
            raise
        finally:
            self.ongoing -= 1

    async def _failed(
        self, operation: str, error: TransferError | SFTPError, paths: tuple[bytes, ...]
    ) -> None:
        self.failures += 1
        problem = error.code if isinstance(error, TransferError) else f"sftp-{error.code}"
        before, self._last = self._last, (operation, problem, paths)
        is_told = operation in _PACKETS and before == self._last
        if is_told or self._noted >= _MOST_NOTED:
            return
        self._noted += 1
        shown = tuple(path[:_LONGEST_PATH].decode("utf-8", "replace") for path in paths)
        await self._visits.failed(self._principal, operation, problem, shown)


class JournaledFileSystem(CaseFileSystem):
    """A case's files, with a journal of what is done to them; `journal` is set before that."""

    journal: Journal

    def journaled_by(self, journal: Journal) -> "JournaledFileSystem":
        """Take the journal, and return itself."""
        self.journal = journal
        return self

    # ── Looking ──────────────────────────────────────────────────────────────────────────────

    async def stat(self, path: bytes) -> SFTPAttrs:
        """Return attributes."""
        return await self.journal.noting("stat", super().stat(path), path)

    lstat = stat

    async def names(self, path: bytes) -> list[SFTPName]:
        """Return what a folder holds."""
        return await self.journal.noting("list", super().names(path), path)

    async def statvfs(self, path: bytes) -> SFTPVFSAttrs:
        """Return how much is used, and that there is room."""
        return await self.journal.noting("statvfs", super().statvfs(path), path)

    # ── Hashing and copying ──────────────────────────────────────────────────────────────────

    async def working(self, operation: str, work: Awaitable[T], *paths: bytes) -> T:
        """Do what isn't one of the methods here."""
        return await self.journal.noting(operation, super().working(operation, work), *paths)

    def refused(self, operation: str) -> None:
        """Count what isn't done here."""
        self.journal.requests[f"{operation}-refused"] += 1

    # ── Arranging ────────────────────────────────────────────────────────────────────────────

    async def setstat(self, path: bytes, attributes: SFTPAttrs) -> None:
        """Set time and size."""
        await self.journal.noting("setstat", super().setstat(path, attributes), path)

    lsetstat = setstat

    async def rename(self, source: bytes, target: bytes) -> None:
        """Move a file or folder to a path where nothing is."""
        await self.journal.noting("rename", super().rename(source, target), source, target)

    async def posix_rename(self, source: bytes, target: bytes) -> None:
        """Move a file or folder; a file at the target goes."""
        await self.journal.noting("rename", super().posix_rename(source, target), source, target)

    async def remove(self, path: bytes) -> None:
        """Remove a file, or give up the upload that stands there."""
        await self.journal.noting("remove", super().remove(path), path)

    async def mkdir(self, path: bytes, attributes: SFTPAttrs) -> None:
        """Make a folder."""
        await self.journal.noting("mkdir", super().mkdir(path, attributes), path)

    async def rmdir(self, path: bytes) -> None:
        """Remove an empty folder."""
        await self.journal.noting("rmdir", super().rmdir(path), path)

    # ── Open files ───────────────────────────────────────────────────────────────────────────

    async def open(self, path: bytes, flags: int, attributes: SFTPAttrs) -> FileHandle:
        """Open a file."""
        return await self.journal.noting("open", super().open(path, flags, attributes), path)

    async def read(self, handle: FileHandle, offset: int, size: int) -> bytes:
        """Return bytes of an open file, none at its end."""
        work = super().read(handle, offset, size)
        data = await self.journal.noting("read", work, _sent(handle))
        self.journal.traffic.sent += len(data)
        return data

    async def write(self, handle: FileHandle, offset: int, data: bytes) -> None:
        """Take bytes for an open file."""
        await self.journal.noting("write", super().write(handle, offset, data), _sent(handle))
        self.journal.traffic.received += len(data)

    def read_now(self, handle: FileHandle, offset: int, size: int) -> Buffer | None:
        """Return the same as `read`, None if that has to be waited for."""
        data = super().read_now(handle, offset, size)
        if data is not None:
            self.journal.traffic.sent += len(data)
        return data

    def write_now(self, handle: FileHandle, offset: int, data: memoryview) -> bool:
        """Do the same as `write` if that needs no waiting; if it does, nothing is taken."""
        is_taken = super().write_now(handle, offset, data)
        if is_taken:
            self.journal.traffic.received += len(data)
        return is_taken

    async def fsetstat(self, handle: FileHandle, attributes: SFTPAttrs) -> None:
        """Set size and time of an open file."""
        work = super().fsetstat(handle, attributes)
        await self.journal.noting("setstat", work, _sent(handle))

    async def fsync(self, handle: FileHandle) -> None:
        """Make durable what an open file has taken."""
        await self.journal.noting("fsync", super().fsync(handle), _sent(handle))

    async def close(self, handle: FileHandle) -> None:
        """End what was opened as its client asks."""
        await self.journal.noting("close", super().close(handle), _sent(handle))


def _sent(handle: FileHandle) -> bytes:
    return handle.path.encode()
