"""The requests of one SFTP session: which ones are answered, and how they fail.

asyncssh parses the packets and frames the replies; this module decides which requests there are,
gives errors their codes in one place, and tells a CLOSE from a session that ended without one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar, cast

import asyncssh
import structlog
from asyncssh import (
    SFTPAttrs,
    SFTPConnectionLost,
    SFTPError,
    SFTPFailure,
    SFTPInvalidHandle,
    SFTPLimits,
    SFTPName,
    SSHReader,
    SSHServerChannel,
    SSHWriter,
)
from asyncssh.constants import (
    FXP_CLOSE,
    FXP_EXTENDED_REPLY,
    FXP_FSETSTAT,
    FXP_FSTAT,
    FXP_LSTAT,
    FXP_MKDIR,
    FXP_NAME,
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
from transfer.sftp.backpressure import PatientConnection
from transfer.sftp.copying import Copy
from transfer.sftp.errors import sftp_error
from transfer.sftp.filesystem import CaseFileSystem, FileHandle
from transfer.sftp.hashes import HashReply, received_by
from transfer.sftp.logs import SparingLogger
from transfer.sftp.paths import home_path
from transfer.sftp.readahead import MAX_READ_BYTES

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
        *(b"copy-data", b"expand-path@openssh.com", b"home-directory"),
        *(b"check-file", b"check-file-name", b"check-file-handle"),
        *(b"md5-hash", b"md5-hash-handle"),
    }
)
"""All others, links and locks among them, are answered with "unsupported"."""

_Step = Callable[[Any, SSHPacket], Awaitable[object]]
_Hashing = Callable[..., Awaitable[HashReply]]
_Names = tuple[list[SFTPName], bool]
T = TypeVar("T")


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
        (b"copy-data", b"1"),
        (b"expand-path@openssh.com", b"1"),
        (b"home-directory", b"1"),
        (b"check-file", b"1"),
    ]

    _return_types = {  # noqa: RUF012 - asyncssh declares it as an instance's
        **SFTPServerHandler._return_types,  # noqa: SLF001 - a subclass reads its parent's
        b"expand-path@openssh.com": FXP_NAME,
        b"home-directory": FXP_NAME,
        b"check-file": FXP_EXTENDED_REPLY,
        b"check-file-name": FXP_EXTENDED_REPLY,
        b"check-file-handle": FXP_EXTENDED_REPLY,
        b"md5-hash": FXP_EXTENDED_REPLY,
        b"md5-hash-handle": FXP_EXTENDED_REPLY,
    }

    def __init__(
        self, filesystem: CaseFileSystem, reader: "SSHReader[bytes]", writer: "SSHWriter[bytes]"
    ) -> None:
        # The handler needs no more of its server than the methods of CaseFileSystem.
        server = cast(asyncssh.SFTPServer, filesystem)
        super().__init__(server, reader, writer, MIN_SFTP_VERSION)
        self._logger = SparingLogger.like(self._logger)
        self._filesystem = filesystem
        self._session_is_over = False
        self._nobody_waits = asyncio.Event()
        self._connection: object = writer.get_extra_info("connection")

    def end_session(self) -> None:
        """Do no further request, also of those that were received already."""
        self._session_is_over = True
        self.stop_waiting()

    def stop_waiting(self) -> None:
        """Give up what takes long, as nobody is there to be told what came of it."""
        self._nobody_waits.set()

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
            await self._drained()

    async def _drained(self) -> None:
        """Wait until the connection can take more: asyncssh's channels don't ask it."""
        connection = self._connection
        if isinstance(connection, PatientConnection):
            await connection.drained()

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
        self._dir_handles[handle] = _Listing(names)
        return handle

    async def _process_limits(self, packet: SSHPacket) -> SFTPLimits:
        packet.check_end()
        return SFTPLimits(_MAX_PACKET_BYTES, MAX_READ_BYTES, _MAX_WRITE_BYTES, _MAX_OPEN_HANDLES)

    # ── Copying, hashing, paths ──────────────────────────────────────────────────────────────

    async def _process_copy_data(self, packet: SSHPacket) -> None:
        copy = Copy.of(packet)
        source, target = self._open_file(copy.source), self._open_file(copy.target)
        work = self._unless_left(copy.run(source, target))
        await self._filesystem.working("copy", work, source.path.encode(), target.path.encode())

    async def _process_check_file(self, packet: SSHPacket) -> HashReply:
        return await self._hash_open(packet, self._filesystem.hashes.check_file, "check-file")

    async def _process_check_file_handle(self, packet: SSHPacket) -> HashReply:
        return await self._hash_open(packet, self._filesystem.hashes.check_file)

    async def _process_check_file_name(self, packet: SSHPacket) -> HashReply:
        return await self._hash_named(packet, self._filesystem.hashes.check_file)

    async def _process_md5_hash(self, packet: SSHPacket) -> HashReply:
        return await self._hash_named(packet, self._filesystem.hashes.md5_hash)

    async def _process_md5_hash_handle(self, packet: SSHPacket) -> HashReply:
        return await self._hash_open(packet, self._filesystem.hashes.md5_hash)

    async def _hash_named(self, packet: SSHPacket, step: _Hashing) -> HashReply:
        path = packet.get_string()

        async def hashed() -> HashReply:
            return await step(await self._filesystem.hashes.received(path), packet)

        return await self._filesystem.working("hash", self._unless_left(hashed()), path)

    async def _hash_open(self, packet: SSHPacket, step: _Hashing, *prefix: str) -> HashReply:
        opened = self._open_file(packet.get_string())

        async def hashed() -> HashReply:
            return await step(received_by(opened), packet, *prefix)

        path = opened.path.encode()
        return await self._filesystem.working("hash", self._unless_left(hashed()), path)

    async def _process_expand_path(self, packet: SSHPacket) -> _Names:
        path = packet.get_string()
        packet.check_end()
        return self._one_name(self._filesystem.realpath(home_path(path)))

    async def _process_home_directory(self, packet: SSHPacket) -> _Names:
        packet.get_string()  # whose: a session knows one account, and all live in the case
        packet.check_end()
        return self._one_name(self._filesystem.realpath(b"."))

    @staticmethod
    def _one_name(path: bytes) -> _Names:
        return [SFTPName(path, path, SFTPAttrs())], True

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    def _open_file(self, handle: bytes) -> FileHandle:
        file = self._file_handles.get(handle)
        if file is None:
            raise SFTPInvalidHandle("Invalid file handle")
        return cast(FileHandle, file)

    async def _unless_left(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what may take minutes, but not for a client that has gone meanwhile."""
        leaving = asyncio.create_task(self._nobody_waits.wait())
        working = asyncio.create_task(work)
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            is_done = working.done()
            for task in (working, leaving):
                task.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)
        if not is_done:
            raise SFTPConnectionLost("The session is over.")
        return working.result()

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
            b"copy-data": _process_copy_data,
            b"check-file": _process_check_file,
            b"check-file-name": _process_check_file_name,
            b"check-file-handle": _process_check_file_handle,
            b"md5-hash": _process_md5_hash,
            b"md5-hash-handle": _process_md5_hash_handle,
            b"expand-path@openssh.com": _process_expand_path,
            b"home-directory": _process_home_directory,
        }.items()
        if request in _REQUESTS and step is not None
    }


class _Listing:
    """A folder's list, as it was when it was opened."""

    def __init__(self, names: list[SFTPName]) -> None:
        self._names = iter(names)

    def __aiter__(self) -> AsyncIterator[SFTPName]:
        return self

    async def __anext__(self) -> SFTPName:
        for name in self._names:
            return name
        raise StopAsyncIteration
