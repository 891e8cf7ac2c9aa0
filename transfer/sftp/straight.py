"""The requests of a session on the straight path: READ and WRITE at once, all others in turn.

Requests are answered strictly in the order in which they came. As long as nothing has to be waited
for, READs and WRITEs are answered where their bytes were received, and many replies are sent as
one. Any other request, and any that has to wait - for the store, the records, a client that
doesn't read -, is given to the session's task; what comes behind it stays unread, bounded by the
channel's window, until the task is done with it.
"""

import asyncio
from collections.abc import Callable
from struct import Struct
from typing import cast

from asyncssh import Error, SFTPBadMessage, SSHReader, SSHWriter
from asyncssh.constants import FXP_DATA, FXP_READ, FXP_STATUS, FXP_WRITE
from asyncssh.packet import PacketDecodeError, SSHPacket
from asyncssh.sftp import MAX_SFTP_PACKET_LEN

from transfer.ports import Buffer
from transfer.sftp.channels import StraightChannel
from transfer.sftp.filesystem import CaseFileSystem, FileHandle
from transfer.sftp.inbox import Inbox
from transfer.sftp.lag import ReadLag
from transfer.sftp.readahead import MAX_READ_BYTES
from transfer.sftp.requests import RequestHandler

_BEGIN = Struct(">IB")
"""How every request begins: its length, and its type."""

_FILE_REQUEST = Struct(">IB4sI4sQI")
"""READ and WRITE: length, type, id, length of the handle, handle, offset, size of the data."""

_FILE_REQUEST_BYTES = _FILE_REQUEST.size - 4
"""The same, as its length field counts it."""

_HANDLE_BYTES = 4
_DATA = Struct(">IB4sI")
_DATA_BYTES = 9
_DONE = Struct(">IB4sIII")
_DONE_BYTES = 17

_BATCH_BYTES = 256 * 1024
"""How much of replies is collected before it is sent."""


class StraightHandler(RequestHandler):
    """Answers the requests of one session, of which its channel tells it directly."""

    def __init__(
        self,
        filesystem: CaseFileSystem,
        reader: "SSHReader[bytes]",
        writer: "SSHWriter[bytes]",
        *,
        channel: StraightChannel,
        divert: "Callable[[StraightHandler], None]",
    ) -> None:
        """Take the session's collaborators; `divert` has what comes be told to this."""
        super().__init__(filesystem, reader, writer)
        self._channel = channel
        self._divert = divert
        self._inbox = Inbox()
        self._replies: list[Buffer] = []
        self._replies_bytes = 0
        self._write: _Write | None = None
        self._parcel: bytearray | None = None
        self._parcel_missing = 0
        self._in_turn: bytes | None = None
        self._is_busy = True
        self._is_ended = False
        self._reason: Exception | None = None
        self._woken = asyncio.Event()
        self._lag = ReadLag(str(writer.get_extra_info("client_version")), self.go_on)

    # ── What the channel tells ───────────────────────────────────────────────────────────────

    def take(self, data: memoryview) -> None:
        """Take note of what came; it stays as it is until `keep` was called."""
        if self._lag.applies:
            self._lag.came()
        self._inbox.add(data)

    def keep(self) -> None:
        """Copy what came and is left."""
        self._inbox.keep()

    def end(self, reason: Exception | None) -> None:
        """Take note that nothing more comes."""
        self._lag.stop()
        self._is_ended = True
        self._reason = self._reason or reason
        self.go_on()
        self._woken.set()

    def go_on(self) -> None:
        """Answer what has come, as far as that needs no waiting."""
        try:
            while not self._is_busy and self._step():
                pass
        except Exception as exc:  # noqa: BLE001 - raised in the session's task, as its end
            self._is_busy = True
            self.end(exc)
        self._send_replies()
        self._channel.pace(self._inbox.size)

    # ── In turn ──────────────────────────────────────────────────────────────────────────────

    async def recv_packets(self) -> None:
        """Answer until nothing more comes: here what has to wait, the rest in `go_on`."""
        self._divert(self)
        try:
            while (request := await self._next_in_turn()) is not None:
                packet = SSHPacket(request)
                kind, number = packet.get_byte(), packet.get_uint32()
                await self._process_packet(kind, number, packet)
        except PacketDecodeError as exc:
            await self._cleanup(SFTPBadMessage(str(exc)))
        except (OSError, Error) as exc:
            await self._cleanup(exc)
        else:
            await self._cleanup(None)

    async def _next_in_turn(self) -> bytes | None:
        self._is_busy = False
        self._woken.clear()
        self.go_on()
        while self._in_turn is None:
            if self._is_ended:
                self._is_busy = True
                if self._reason is not None:
                    raise self._reason
                return None
            await self._woken.wait()
            self._woken.clear()
        request, self._in_turn = self._in_turn, None
        return request

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        await self._drained()
        await super()._process_packet(pkttype, pktid, packet)

    def send_packet(self, pkttype: int, pktid: int | None, *args: bytes) -> None:
        """Send a reply of the task's as those are sent that need no waiting, if it fits."""
        payload = b"".join(args)
        size = _BEGIN.size + len(payload)
        if self._writer is not None and self._channel.fits(size):
            self._channel.send_now([_BEGIN.pack(1 + len(payload), pkttype), payload], size)
        else:
            super().send_packet(pkttype, pktid, *args)

    # ── At once ──────────────────────────────────────────────────────────────────────────────

    def _step(self) -> bool:
        """Do the next thing that can be done; False if there is none."""
        if self._parcel is not None:
            return self._collect(self._parcel)
        if self._write is not None:
            return self._pour(self._write)
        begin = self._begin()
        if begin is None:
            return False
        length, kind = begin
        if kind not in (FXP_READ, FXP_WRITE) or length < _FILE_REQUEST_BYTES:
            return self._begin_parcel(length)
        request = self._inbox.unpack(_FILE_REQUEST)
        if request is None:
            return False
        _, _, number, handle_bytes, handle, offset, size = request
        file = cast(FileHandle | None, self._file_handles.get(handle))
        if file is None or handle_bytes != _HANDLE_BYTES or not size or self._session_is_over:
            return self._begin_parcel(length)
        if kind == FXP_READ:
            if self._is_held(file, offset, size):
                return False
            is_read = length == _FILE_REQUEST_BYTES and self._read(file, number, offset, size)
            return is_read or self._begin_parcel(length)
        if length != _FILE_REQUEST_BYTES + size or not self._has_room(_DONE.size):
            return self._begin_parcel(length)
        self._inbox.skip(_FILE_REQUEST.size)
        self._write = _Write(number, handle, file, offset, size)
        return True

    def _begin(self) -> tuple[int, int] | None:
        """Return the next request's length and type, if they have come."""
        begin: tuple[int, int] | None = self._inbox.unpack(_BEGIN)
        if begin is not None and begin[0] > MAX_SFTP_PACKET_LEN:
            raise SFTPBadMessage("Max packet size exceeded")
        return begin

    def _is_held(self, file: FileHandle, offset: int, size: int) -> bool:
        """Whether a READ is answered later, for the client's own good."""
        if not self._lag.applies or self._is_ended:
            return False
        behind = self._inbox.size // _FILE_REQUEST.size - 1
        ends = offset + (behind + 1) * size >= (file.attributes().size or 0)
        return self._lag.holds(behind, ends=ends)

    def _read(self, file: FileHandle, number: bytes, offset: int, size: int) -> bool:
        """Answer a READ from memory; False if that can't be done now."""
        size = min(size, MAX_READ_BYTES)
        if not self._has_room(_DATA.size + size):
            return False
        data = self._filesystem.read_now(file, offset, size)
        if not data:
            return False
        self._inbox.skip(_FILE_REQUEST.size)
        self._reply(_DATA.pack(_DATA_BYTES + len(data), FXP_DATA, number, len(data)), data)
        return True

    def _pour(self, write: "_Write") -> bool:
        """Have a WRITE's bytes taken as they come: each piece is a smaller WRITE."""
        piece = self._inbox.piece(write.missing)
        if not len(piece):
            return False
        over = self._session_is_over
        if over or not self._filesystem.write_now(write.file, write.offset, piece):
            self._write = None
            self._parcel = bytearray(write.rest())
            self._parcel_missing = write.missing
            return True
        self._inbox.skip(len(piece))
        write.offset += len(piece)
        write.missing -= len(piece)
        if not write.missing:
            self._write = None
            self._reply(_DONE.pack(_DONE_BYTES, FXP_STATUS, write.number, 0, 0, 0))
        return True

    def _begin_parcel(self, length: int) -> bool:
        """Collect the next request, for the session's task."""
        self._inbox.skip(4)
        self._parcel = bytearray()
        self._parcel_missing = length
        return True

    def _collect(self, parcel: bytearray) -> bool:
        piece = self._inbox.piece(self._parcel_missing)
        parcel += piece
        self._inbox.skip(len(piece))
        self._parcel_missing -= len(piece)
        if not self._parcel_missing:
            self._parcel = None
            self._in_turn = bytes(parcel)
            self._is_busy = True
            self._woken.set()
        return bool(len(piece))

    # ── Replies ──────────────────────────────────────────────────────────────────────────────

    def _has_room(self, size: int) -> bool:
        """Whether a reply of `size` can go out at once, behind those that are collected."""
        if self._channel.fits(self._replies_bytes + size):
            return True
        self._send_replies()
        return self._channel.fits(size)

    def _reply(self, *pieces: Buffer) -> None:
        for piece in pieces:
            self._replies.append(piece)
            self._replies_bytes += len(piece)
        if self._replies_bytes >= _BATCH_BYTES:
            self._send_replies()

    def _send_replies(self) -> None:
        if self._replies:
            replies, self._replies = self._replies, []
            size, self._replies_bytes = self._replies_bytes, 0
            self._channel.send_now(replies, size)


class _Write:
    """A WRITE whose bytes are coming in: those from `offset` on are missing."""

    __slots__ = ("file", "handle", "missing", "number", "offset")

    def __init__(
        self, number: bytes, handle: bytes, file: FileHandle, offset: int, missing: int
    ) -> None:
        self.number = number
        self.handle = handle
        self.file = file
        self.offset = offset
        self.missing = missing

    def rest(self) -> bytes:
        """Return how a WRITE of the missing bytes begins, after its length."""
        length = _FILE_REQUEST_BYTES + self.missing
        size = _HANDLE_BYTES
        packed = _FILE_REQUEST.pack(
            length, FXP_WRITE, self.number, size, self.handle, self.offset, self.missing
        )
        return packed[4:]
