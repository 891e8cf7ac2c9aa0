"""The requests of one SFTP session: which ones are answered, and how they fail.

asyncssh parses the packets and frames the replies; this module decides which requests there are,
gives errors their codes in one place, and tells a CLOSE from a session that ended without one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import Any, cast

import asyncssh
import structlog
from asyncssh import (
    SFTPError,
    SFTPFailure,
    SFTPLimits,
    SFTPName,
    SSHReader,
    SSHServerChannel,
    SSHWriter,
)
from asyncssh.constants import (
    FXP_CLOSE,
    FXP_FSETSTAT,
    FXP_FSTAT,
    FXP_LSTAT,
    FXP_MKDIR,
    FXP_OPEN,
    FXP_OPENDIR,
    FXP_READ,
    FXP_READDIR,
    FXP_REALPATH,
    FXP_REMOVE,
    FXP_RENAME,
    FXP_RMDIR,
    FXP_SETSTAT,
    FXP_STAT,
    FXP_WRITE,
)
from asyncssh.packet import PacketDecodeError, SSHPacket
from asyncssh.sftp import MIN_SFTP_VERSION, SFTPServerHandler

from transfer.core.errors import TransferError
from transfer.sftp.errors import sftp_error
from transfer.sftp.filesystem import CaseFileSystem, FileHandle
from transfer.sftp.reading import MAX_READ_BYTES

_log = structlog.get_logger(__name__)

_MAX_OPEN_HANDLES = 256
_MAX_WRITE_BYTES = 255 * 1024
_MAX_PACKET_BYTES = 256 * 1024

_REQUESTS = frozenset(
    {
        *(FXP_OPEN, FXP_CLOSE, FXP_READ, FXP_WRITE, FXP_OPENDIR, FXP_READDIR, FXP_REALPATH),
        *(FXP_STAT, FXP_LSTAT, FXP_FSTAT, FXP_SETSTAT, FXP_FSETSTAT),
        *(FXP_RENAME, FXP_REMOVE, FXP_MKDIR, FXP_RMDIR),
        *(b"posix-rename@openssh.com", b"fsync@openssh.com", b"lsetstat@openssh.com"),
        *(b"limits@openssh.com", b"statvfs@openssh.com", b"fstatvfs@openssh.com"),
    }
)
"""All others, links and locks among them, are answered with "unsupported"."""

_Step = Callable[[Any, SSHPacket], Awaitable[object]]


def _answering(step: _Step) -> _Step:
    """Have `step` fail only with errors that are meant for the client."""

    @wraps(step)
    async def answer(handler: object, packet: SSHPacket) -> object:
        try:
            return await step(handler, packet)
        except (SFTPError, PacketDecodeError):
            raise
        except TransferError as exc:
            raise sftp_error(exc) from exc
        except Exception as exc:
            _log.exception("sftp-request-failed", request=step.__name__)
            raise SFTPFailure("Internal error: try again, or tell the operator.") from exc

    return answer


class RequestHandler(SFTPServerHandler):
    """Answers the requests of one session, strictly in turn, until the session ends.

    A reply is sent before the next request is looked at, and waits while the client's window is
    full, so that unread replies don't pile up.
    """

    _extensions = [  # noqa: RUF012 - asyncssh declares it as an instance's
        (b"posix-rename@openssh.com", b"1"),
        (b"fsync@openssh.com", b"1"),
        (b"lsetstat@openssh.com", b"1"),
        (b"limits@openssh.com", b"1"),
        (b"statvfs@openssh.com", b"2"),
        (b"fstatvfs@openssh.com", b"2"),
    ]

    def __init__(
        self, filesystem: CaseFileSystem, reader: "SSHReader[bytes]", writer: "SSHWriter[bytes]"
    ) -> None:
        # The handler needs no more of its server than the methods of CaseFileSystem.
        server = cast(asyncssh.SFTPServer, filesystem)
        super().__init__(server, reader, writer, MIN_SFTP_VERSION)
        self._filesystem = filesystem
        self._session_is_over = False

    def end_session(self) -> None:
        """Do no further request, also of those that were received already."""
        self._session_is_over = True

    async def interrupt_files(self) -> None:
        """End every open file as one that its client didn't close; what is durable stays."""
        handles, self._file_handles = self._file_handles, {}
        for handle in handles.values():
            try:
                await cast(FileHandle, handle).interrupt()
            except Exception:  # noqa: BLE001 - the other files must be ended all the same
                _log.exception("sftp-file-not-ended")

    async def _cleanup(self, exc: Exception | None) -> None:
        await self.interrupt_files()
        if exc is None and self._writer is not None:
            # scp takes a session that ends without an exit status for one that failed.
            cast(SSHServerChannel[bytes], self._writer.channel).exit(0)
        await super()._cleanup(exc)

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        if self._session_is_over:
            return
        await super()._process_packet(pkttype, pktid, packet)
        if self._writer is not None and not self._writer.channel.is_closing():
            await self._writer.drain()

    async def _process_open(self, packet: SSHPacket) -> bytes:
        self._check_handles()
        return await super()._process_open(packet)

    async def _process_opendir(self, packet: SSHPacket) -> bytes:
        """List the folder at once: clients expect of OPENDIR that it fails, not of READDIR."""
        self._check_handles()
        path = packet.get_string()
        packet.check_end()
        names = await self._filesystem.names(path)
        handle = self._get_next_handle()
        self._dir_handles[handle] = _Names(names)
        return handle

    async def _process_limits(self, packet: SSHPacket) -> SFTPLimits:
        packet.check_end()
        return SFTPLimits(_MAX_PACKET_BYTES, MAX_READ_BYTES, _MAX_WRITE_BYTES, _MAX_OPEN_HANDLES)

    def _check_handles(self) -> None:
        if len(self._file_handles) + len(self._dir_handles) >= _MAX_OPEN_HANDLES:
            raise SFTPFailure(f"At most {_MAX_OPEN_HANDLES} files are open at once: close some.")

    _packet_handlers = {  # noqa: RUF012 - asyncssh declares it as an instance's
        request: _answering(step)
        for request, step in {
            **SFTPServerHandler._packet_handlers,  # noqa: SLF001 - a subclass reads its parent's
            FXP_OPEN: _process_open,
            FXP_OPENDIR: _process_opendir,
            b"limits@openssh.com": _process_limits,
        }.items()
        if request in _REQUESTS and step is not None
    }


class _Names:
    """A folder's list, as it was when it was opened."""

    def __init__(self, names: list[SFTPName]) -> None:
        self._names = iter(names)

    def __aiter__(self) -> AsyncIterator[SFTPName]:
        return self

    async def __anext__(self) -> SFTPName:
        for name in self._names:
            return name
        raise StopAsyncIteration
