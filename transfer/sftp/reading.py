"""A file open for reading; what it reads through is in `transfer.sftp.readahead`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncssh import SFTPAttrs

from transfer.core.access import Action, Principal
from transfer.core.errors import UnsupportedError
from transfer.core.uploads import StoredFile
from transfer.engine.files import Files
from transfer.ports import Buffer
from transfer.sftp.attributes import attributes_of
from transfer.sftp.readahead import FileReader


class ReadHandle:
    """A received file that is open for reading only."""

    def __init__(self, file: StoredFile, reader: FileReader) -> None:
        self.path = file.path
        self._file = file
        self._reader = reader

    @property
    def received(self) -> StoredFile:
        """The file that is read."""
        return self._file

    def attributes(self) -> SFTPAttrs:
        """Return the attributes of the file as it was opened."""
        return attributes_of(self._file)

    async def read(self, offset: int, size: int) -> bytes:
        """Return bytes; see `FileReader.read`."""
        return await self._reader.read(offset, size)

    def read_now(self, offset: int, size: int) -> Buffer | None:
        """Return bytes that are in memory; see `FileReader.read_now`."""
        return self._reader.read_now(offset, size)

    def write_now(self, _offset: int, _data: memoryview) -> bool:
        """Take nothing: `write` says why."""
        return False

    async def write(self, _offset: int, _data: bytes) -> None:
        """Refuse: it wasn't opened for that."""
        raise UnsupportedError("The file was opened for reading only.")

    async def copy_whole(self, _file: StoredFile) -> bool:
        """Refuse: it wasn't opened for that."""
        raise UnsupportedError("The file was opened for reading only.")

    def confirm(self) -> None:
        """Do nothing: its size is known."""

    def fail(self, reason: Exception) -> None:
        """Do nothing: nothing becomes of it that could be wrong."""

    async def resize(self, size: int) -> None:
        """Refuse, unless `size` is what it has."""
        if size != self._file.size:
            raise UnsupportedError("The file was opened for reading only.")

    async def flush(self) -> None:
        """Do nothing: all of it is durable."""

    async def close(self) -> None:
        """End the reading."""
        await self._reader.close()

    async def interrupt(self) -> None:
        """End the reading."""
        await self._reader.close()


class Download:
    """A received file as one client reads it: streams of it, each of them authorised.

    As nobody knows where a client stops, what is noted is all that is behind where it began.
    Streams of that need no note of their own: there may be one for each READ.
    """

    def __init__(self, files: Files, principal: Principal, file: StoredFile) -> None:
        self._files = files
        self._principal = principal
        self._file = file
        self._noted_from = file.size

    @asynccontextmanager
    async def stream(self, start: int, size: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream `size` bytes from `start`; see `Files.read`."""
        file = self._file
        if start < self._noted_from:
            await self._files.begin_download(self._principal, file, start, file.size - start)
            self._noted_from = start
        else:
            await self._files.case(self._principal, file.case_number, Action.DOWNLOAD)
        async with self._files.stream(file, start, size) as chunks:
            yield chunks
