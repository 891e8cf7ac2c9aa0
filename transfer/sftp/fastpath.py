"""The straight path: packets of files in transfer, past most of asyncssh.

asyncssh copies every byte some ten times on its way and awaits a dozen coroutines for each packet.
Here AES-GCM packets are parsed where the socket's bytes are, and only two kinds are dealt with:
data of channels that a `StraightHandler` listens to, and windows that widen. Every other packet is
given to asyncssh as it came, before the next one is looked at: asyncssh stays the authority on all
states of a connection, rekeying among them.

This rests on asyncssh's inner life, so it is taken only where its tests have run: with the
versions named here, on asyncio's own loop. Elsewhere connections are plain ones, and slower.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from struct import Struct

import asyncssh
from asyncssh import SSHServerConnectionOptions
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import SSHPacketLogger

from transfer.ports import Buffer
from transfer.sftp.acceptance import Acceptor
from transfer.sftp.backpressure import PatientConnection
from transfer.sftp.channels import StraightChannel
from transfer.sftp.gcm import HEADER_BYTES, TAG_BYTES, KeptGcm, kept
from transfer.sftp.offering import OfferingConnection
from transfer.sftp.sealing import DATA, DATA_HEADER, Sealer, padding_of

TESTED_VERSIONS = frozenset({"2.24.1"})
"""The versions of asyncssh whose inner life this was tested with."""

_RECEIVED_BYTES = 1 << 20
"""How much is read from a socket at once."""

_LONGEST_PACKET = 512 * 1024
"""Room for the part of a packet that came with the read before; asyncssh takes none that long."""

_BACKLOG = 1024
_LENGTH = Struct(">I")


class Arena:
    """Memory into which all connections of a loop receive, and decrypt, one after the other.

    What they send is put together by one `sealer`.
    """

    def __init__(self) -> None:
        self.sealer = Sealer()
        self.view = memoryview(bytearray(_LONGEST_PACKET + _RECEIVED_BYTES))
        self.plain = memoryview(bytearray(_LONGEST_PACKET + _RECEIVED_BYTES))


class StraightConnection(OfferingConnection, asyncio.BufferedProtocol):
    """A connection that takes the straight path where it can, and asyncssh's where it must.

    `_opener` is there while this parses what comes; without one asyncssh does, and this takes over
    again between two packets.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, options: SSHServerConnectionOptions, arena: Arena
    ) -> None:
        super().__init__(loop, options)
        self._arena = arena.view
        self._plain = arena.plain
        self._sealer = arena.sealer
        self._begun = b""  # the part of a packet that came so far
        self._opener: KeptGcm | None = None
        self._served: list[StraightChannel] = []
        self._keys_agreed = asyncio.Event()
        self._heard_at = 0.0

    # ── Receiving ────────────────────────────────────────────────────────────────────────────

    @property
    def is_straight(self) -> bool:
        """Whether what comes is parsed here."""
        return self._opener is not None

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Return where to receive: behind what was received of a packet before."""
        size = len(self._begun)
        self._arena[:size] = self._begun
        return self._arena[size:]

    def buffer_updated(self, nbytes: int) -> None:
        """Do what the packets say that were received."""
        received = self._arena[: len(self._begun) + nbytes]
        self._begun = b""
        taken = 0
        if self._opener is not None:
            self._reset_keepalive_timer()
            taken = self._process(received)
        if self.is_straight:
            self._begun = bytes(received[taken:])
        elif self._transport is not None and taken < len(received):
            self.data_received(bytes(received[taken:]))
            self._take_over()

    def _process(self, received: memoryview) -> int:
        """Do what the packets in `received` say; return how many bytes were done with."""
        try:
            return self._process_all(received)
        finally:
            self._serve()

    def _process_all(self, received: memoryview) -> int:
        at, end = 0, len(received)
        plain = self._plain
        while (opener := self._opener) is not None and end - at > HEADER_BYTES:
            begin = at + HEADER_BYTES
            (size,) = _LENGTH.unpack_from(received, at)
            after = begin + size + TAG_BYTES
            if after > end and size <= self._max_recv_pktlen:
                break
            packet = plain[at : at + size]  # it is shorter than what it came in: there is room
            if (
                after <= end
                and opener.open_into(received[at:begin], received[begin:after], packet)
                and self._take(packet)
            ):
                opener.advance()
                self._recv_seq = (self._recv_seq + 1) & 0xFFFFFFFF
            else:
                self._give_back(bytes(received[at:after]))
            at = after
        return min(at, end)

    def _take(self, packet: memoryview) -> bool:
        """Take a packet of the two kinds; False if it is another, or not in order."""
        size = len(packet)
        if size <= DATA_HEADER:
            return False
        padding, kind, number, count = DATA.unpack_from(packet)
        if kind == MSG_CHANNEL_DATA:
            channel = self._channels.get(number)
            end = DATA_HEADER + count
            if not isinstance(channel, StraightChannel) or end + padding != size:
                return False
            if not channel.take(packet[DATA_HEADER:end]):
                return False
        elif kind == MSG_CHANNEL_WINDOW_ADJUST:
            channel = self._channels.get(number)
            if not isinstance(channel, StraightChannel) or DATA_HEADER + padding != size:
                return False
            if not channel.widen(count):
                return False
        else:
            return False
        if channel not in self._served:
            self._served.append(channel)
        return True

    def _serve(self) -> None:
        """Have what was taken be dealt with; where it lies others will be decrypted to."""
        served, self._served = self._served, []
        receivers = [channel.receiver for channel in served if channel.receiver is not None]
        try:
            for receiver in receivers:
                receiver.go_on()
        finally:
            for receiver in receivers:
                receiver.keep()

    def _give_back(self, packet: bytes) -> None:
        """Have asyncssh process one packet, or find out what is wrong with it."""
        self._serve()
        self._opener = None
        self.data_received(packet)
        self._take_over()

    def _take_over(self) -> None:
        """Parse what comes from now on, if asyncssh is between two packets and can be spared."""
        opener = self._recv_encryption
        if (
            not isinstance(opener, KeptGcm)
            or not self._auth_complete
            or self._decompressor
            or self._transport is None
        ):
            return
        if self._recv_handler == self._recv_packet:
            self._begun = self._packet + self._inpbuf  # AES-GCM leaves the header as it came
        elif self._recv_handler == self._recv_pkthdr:
            self._begun = self._inpbuf
        else:
            return  # a packet is being processed in a task
        self._recv_handler = self._recv_pkthdr
        self._packet = self._inpbuf = b""
        self._opener = opener

    def _finish_recv_packet(
        self,
        pkttype: int,
        seq: int,
        _task: "asyncio.Task[None] | None" = None,
        is_async: bool = False,
    ) -> None:
        super()._finish_recv_packet(pkttype, seq, _task, is_async)
        if is_async:
            self._take_over()

    # ── Sending ──────────────────────────────────────────────────────────────────────────────

    @property
    def seals(self) -> bool:
        """Whether data can be encrypted here; if not, asyncssh does."""
        return isinstance(self._send_encryption, KeptGcm) and not self._compressor

    @property
    def is_ready_to_send(self) -> bool:
        """Whether a packet that is sent now goes out soon, and needs no new keys first."""
        return (
            self._transport is not None
            and self._kex_complete
            and self.may_send
            and self._rekey_bytes_sent < self._rekey_bytes
            and not (self._rekey_seconds and self._loop.time() >= self._rekey_time)
        )

    async def drained(self) -> None:
        """Wait until what is sent goes out soon, or never will."""
        await self._keys_agreed.wait()
        await super().drained()

    def send_data(
        self, channel: int, pieces: Sequence[Buffer], size: int, packet_bytes: int
    ) -> None:
        """Encrypt and send `pieces`, `size` bytes together, in packets of `packet_bytes` of data.

        Only while it `seals` and is ready to send.
        """
        encryption = self._send_encryption
        if not isinstance(encryption, KeptGcm) or self._transport is None:
            raise AssertionError
        data, packets, plain_bytes = self._sealer.seal(
            encryption, channel, pieces, size, packet_bytes
        )
        self._send_seq = (self._send_seq + packets) & 0xFFFFFFFF
        self._rekey_bytes_sent += plain_bytes
        self._transport.write(data)

    def send_packet(
        self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None
    ) -> None:
        """Send a packet; under AES-GCM without the empty one that asyncssh sends before each.

        That is there against guesses at the next packet's beginning, which CBC allowed.
        """
        encryption = self._send_encryption
        if not (self._auth_complete and self.is_ready_to_send and self.seals):
            super().send_packet(pkttype, *args, handler=handler)
        elif isinstance(encryption, KeptGcm):
            payload = b"".join((bytes((pkttype,)), *args))
            padding = padding_of(1 + len(payload))
            packet = b"".join((bytes((padding,)), payload, os.urandom(padding)))
            header = len(packet).to_bytes(HEADER_BYTES, "big")
            self._send(encryption.encrypt_packet(self._send_seq, header, packet)[0])
            self._send_seq = (self._send_seq + 1) & 0xFFFFFFFF
            self._rekey_bytes_sent += len(packet)

    # ── Keeping alive ────────────────────────────────────────────────────────────────────────

    def _reset_keepalive_timer(self) -> None:
        """Note that the client is heard of: a new timer for each packet would cost more than it."""
        self._heard_at = self._loop.time()
        if self._keepalive_timer is None:
            super()._reset_keepalive_timer()

    def _keepalive_timer_callback(self) -> None:
        """Ask whether the client is there, or first wait for the rest of the time if it was."""
        rest = self._heard_at + self._keepalive_interval - self._loop.time()
        if rest > 0:
            self._keepalive_timer = self._loop.call_later(rest, self._keepalive_timer_callback)
        else:
            super()._keepalive_timer_callback()

    # ── Keys and channels ────────────────────────────────────────────────────────────────────

    def _send_kexinit(self) -> None:
        self._keys_agreed.clear()
        super()._send_kexinit()

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Use the new keys, in objects that keep them."""
        super().send_newkeys(k, h)
        self._send_encryption = kept(self._send_encryption)
        self._next_recv_encryption = kept(self._next_recv_encryption)
        self._keys_agreed.set()

    def connection_lost(self, exc: Exception | None = None) -> None:
        """Let go of who waits for a client that is gone."""
        self._keys_agreed.set()
        super().connection_lost(exc)

    def create_server_channel(
        self,
        encoding: str | None = "",  # noqa: ARG002 - asyncssh's signature; files are bytes
        errors: str = "",
        window: int = 0,
        max_pktsize: int = 0,
    ) -> StraightChannel:
        """Return a channel that can be used straight."""
        size = max_pktsize or self._max_pktsize
        self._update_recv_pktlen(size)
        return StraightChannel(
            self,
            self._loop,
            allow_pty=False,
            line_editor=False,
            line_echo=False,
            line_history=0,
            max_line_length=0,
            encoding=None,
            errors=errors,
            window=window or self._window,
            max_pktsize=size,
        )


def is_tested(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the straight path was tested with this asyncssh and such a loop."""
    is_stock = isinstance(loop, asyncio.SelectorEventLoop)
    return asyncssh.__version__ in TESTED_VERSIONS and is_stock


async def listen(
    options: SSHServerConnectionOptions,
    *,
    host: str | None = None,
    port: int = 0,
    sock: socket.socket | None = None,
    load: Callable[[], int] = lambda: 0,
) -> Acceptor:
    """Listen at `host` and `port`, or on `sock`, which is bound already.

    `load` is how many connections there are: other processes that listen on the same socket take
    the next one if they have fewer.

    Raises:
        OSError: the address can't be listened at.
    """
    loop = asyncio.get_running_loop()
    arena = Arena()
    options.proxy_command = None  # a client's option, which asyncssh's own `listen` unsets too

    def connection() -> PatientConnection:
        if is_tested(loop):
            return StraightConnection(loop, options, arena)
        return PatientConnection(loop, options)

    sockets = [sock] if sock is not None else await _bound(loop, host, port)
    return Acceptor(sockets, connection, load)


async def _bound(
    loop: asyncio.AbstractEventLoop, host: str | None, port: int
) -> list[socket.socket]:
    """Return sockets that listen, one for each address that `host` stands for."""
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    for family, place in dict.fromkeys((family, place[:2]) for family, _, _, _, place in found):
        try:
            sockets.append(socket.create_server(place, family=family, backlog=_BACKLOG))
        except OSError:
            for one in sockets:
                one.close()
            raise
    return sockets
