"""Copying between open files without the bytes going to the client and back: copy-data.

Source: draft-ietf-secsh-filexfer-extensions-00, section 7; OpenSSH's `cp` and WinSCP's "duplicate".
"""

from dataclasses import dataclass
from typing import Protocol

from asyncssh.packet import SSHPacket

from transfer.core.errors import InvalidRequestError, UnavailableError
from transfer.core.uploads import StoredFile
from transfer.sftp.readahead import MAX_READ_BYTES


class CopyTarget(Protocol):
    """An open file that takes what is copied."""

    async def write(self, offset: int, data: bytes) -> None:
        """Take bytes; see `WriteHandle.write`."""

    async def copy_whole(self, file: StoredFile) -> bool:
        """Begin with all of `file`, copied inside the store; False where that can't be done."""

    def fail(self, reason: Exception) -> None:
        """Take nothing more, and let no CLOSE make a file of it."""

    def confirm(self) -> None:
        """Take note that the size is meant: nothing was cut off."""


class CopySource(Protocol):
    """An open file that is copied from."""

    @property
    def received(self) -> StoredFile | None:
        """The received file that it is, if it is one."""

    async def read(self, offset: int, size: int) -> bytes:
        """Return bytes; none at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What a client asks to be copied: `size` bytes, None up to the end; by handles."""

    source: bytes
    start: int
    size: int | None
    target: bytes
    offset: int

    @classmethod
    def of(cls, packet: SSHPacket) -> "Copy":
        """Return what a copy-data request asks for."""
        source, start, size = packet.get_string(), packet.get_uint64(), packet.get_uint64()
        target, offset = packet.get_string(), packet.get_uint64()
        packet.check_end()
        return cls(source=source, start=start, size=size or None, target=target, offset=offset)

    async def run(self, source: CopySource, target: CopyTarget) -> None:
        """Copy from `source` to `target`, what there is of it.

        Whole files become parts of the new one inside the store. All else is read and written
        here, as its digest has to be found anyway. Once it failed, nothing makes a file of what
        was copied before: it stays, as interrupted.

        Raises:
            InvalidRequestError: a file onto itself.
            TransferError: as reading or writing do.
        """
        if self.source == self.target:
            raise InvalidRequestError("A file isn't copied onto itself.")
        try:
            await self._run(source, target)
            target.confirm()
        except Exception as exc:
            target.fail(exc)
            raise
        except BaseException:
            target.fail(UnavailableError("The copy was given up: begin it again."))
            raise

    async def _run(self, source: CopySource, target: CopyTarget) -> None:
        file = source.received
        if file is not None and self._is_whole(file) and await target.copy_whole(file):
            return
        position, offset, left = self.start, self.offset, self.size
        while left is None or left > 0:
            size = MAX_READ_BYTES if left is None else min(left, MAX_READ_BYTES)
            data = await source.read(position, size)
            if not data:
                return
            await target.write(offset, data)
            position, offset = position + len(data), offset + len(data)
            left = None if left is None else left - len(data)

    def _is_whole(self, file: StoredFile) -> bool:
        is_all = self.size is None or self.size >= file.size
        return self.start == 0 and self.offset == 0 and is_all
