"""Room on this machine's disk for bytes that come in no order, until their file is whole."""

import asyncio
import errno
import os
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from transfer.core.errors import TooLargeError, UnavailableError
from transfer.core.extents import Extents
from transfer.core.parts import GIB
from transfer.sftp.reading_room import ReadingRoom
from transfer.sftp.reordering import AheadRoom

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(kw_only=True)
class SpoolSpace:
    """The room that all spools of this process share, in `folder` (None: the system's own).

    `ahead` is the memory for what doesn't need a spool, `reading` that for reading ahead.
    """

    folder: Path | None = None
    limit_bytes: int = 2 * GIB
    used_bytes: int = 0
    ahead: AheadRoom = field(default_factory=AheadRoom)
    reading: ReadingRoom = field(default_factory=ReadingRoom)

    def charge(self, size_bytes: int) -> None:
        """Take room.

        Raises:
            TooLargeError: there isn't as much; nothing was taken.
        """
        if self.used_bytes + size_bytes > self.limit_bytes:
            raise TooLargeError(
                f"A file that isn't sent in order takes room on the server, and its "
                f"{self.limit_bytes} bytes are used up: send the file from its first byte to its "
                "last."
            )
        self.used_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Give room back."""
        self.used_bytes -= size_bytes


class Spool:
    """Bytes of one file, each at its place in a file without a name: it goes with the process."""

    def __init__(self, space: SpoolSpace) -> None:
        self.extents = Extents()
        self._space = space
        self._charged = 0
        self._file: IO[bytes] | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        """Held while the file is used: a thread outlives the request that was cancelled."""

    async def write(self, offset: int, data: bytes | memoryview) -> None:
        """Put `data` at `offset`.

        Raises:
            TooLargeError: no more room may be taken.
            UnavailableError: the disk is full, or failed.
        """
        missing = self.extents.missing(offset, offset + len(data))
        self._space.charge(missing)
        self._charged += missing
        try:
            await asyncio.to_thread(self._put, offset, data)
        except OSError as exc:
            raise _failure(exc) from exc
        self.extents.add(offset, offset + len(data))

    async def read(self, start: int, end: int) -> bytes:
        """Return bytes that are there.

        Raises:
            UnavailableError: the disk failed.
        """
        try:
            return await asyncio.to_thread(self._get, start, end)
        except OSError as exc:
            raise _failure(exc) from exc

    def cut(self, size: int) -> None:
        """Forget what is at `size` or behind; its room stays taken until the end."""
        self.extents.cut(size)

    def close(self) -> None:
        """Give the room back; again does no harm."""
        with self._lock:
            self._is_closed = True
            if self._file is not None:
                self._file.close()
                self._file = None
        self._space.give_back(self._charged)
        self._charged = 0
        self.extents = Extents()

    def _put(self, offset: int, data: bytes | memoryview) -> None:
        view = memoryview(data)
        with self._lock:
            descriptor = self._opened().fileno()
            while len(view):
                written = os.pwrite(descriptor, view, offset)
                view, offset = view[written:], offset + written

    def _get(self, start: int, end: int) -> bytes:
        data = bytearray()
        with self._lock:
            descriptor = self._opened().fileno()
            while len(data) < end - start:
                at = start + len(data)
                piece = os.pread(descriptor, end - at, at)
                if not piece:
                    raise OSError(errno.EIO, "shorter than what was written")
                data += piece
        return bytes(data)

    def _opened(self) -> IO[bytes]:
        if self._is_closed:
            raise OSError(errno.EBADF, "closed")
        if self._file is None:
            if self._space.folder is not None:
                self._space.folder.mkdir(0o700, parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(  # noqa: SIM115 - `close` closes it
                prefix="transfer-spool-", dir=self._space.folder
            )
        return self._file


def _failure(exc: OSError) -> UnavailableError:
    if exc.errno in _FULL:
        return UnavailableError("The server's disk has no room for this file now: try again later.")
    return UnavailableError("The server's disk failed: send the file again.")
