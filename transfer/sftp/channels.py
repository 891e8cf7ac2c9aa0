"""A channel whose data can be taken and sent straight, past asyncssh's buffers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from asyncssh import SSHServerChannel
from asyncssh.constants import MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import UInt32

from transfer.ports import Buffer

if TYPE_CHECKING:
    from transfer.sftp.fastpath import StraightConnection


class Receiver(Protocol):
    """Who takes a channel's data."""

    def take(self, data: memoryview) -> None:
        """Take note of `data`, which stays as it is until `keep` was called."""

    def go_on(self) -> None:
        """Do what can be done with what was taken."""

    def keep(self) -> None:
        """Copy what was taken and is needed still."""


class StraightChannel(SSHServerChannel[bytes]):
    """A channel of a `StraightConnection`.

    Whatever is out of the ordinary - data that asyncssh still holds back, a window overrun, a
    channel that closes - is refused here and then done by asyncssh, which knows how.
    """

    receiver: Receiver | None = None
    _conn: "StraightConnection"

    def take(self, data: memoryview) -> bool:
        """Pass `data` on as the next that came; False if asyncssh has to."""
        size, receiver = len(data), self.receiver
        if (
            receiver is None
            or size > self._recv_window
            or self._recv_state != "open"
            or self._send_state != "open"
            or self._recv_paused
            or self._recv_buf
        ):
            return False
        self._recv_window -= size
        receiver.take(data)
        return True

    def pace(self, waiting_bytes: int) -> None:
        """Let the client send as fast as it is served: `waiting_bytes` wait to be."""
        if self._send_state != "open":
            return
        window = self._init_recv_window
        done = window - self._recv_window - waiting_bytes
        if done >= window // 2:
            self.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(done))
            self._recv_window += done
        # asyncssh, where it receives, opens the window without asking: so it is held up.
        if waiting_bytes >= window:
            self.pause_reading()
        elif self._recv_paused is True:
            self.resume_reading()

    def widen(self, size: int) -> bool:
        """Take note that the client has room for more; False if asyncssh has to."""
        if self._recv_state not in ("open", "eof_pending", "eof"):
            return False
        self._send_window += size
        if self._send_buf:
            self._flush_send_buf()
        return True

    def fits(self, size: int) -> bool:
        """Whether so many bytes can be sent at once, with nothing waiting before them."""
        return (
            size <= self._send_window
            and not self._send_buf
            and self._send_state == "open"
            and self._conn.is_ready_to_send
        )

    def send_now(self, pieces: Sequence[Buffer], size: int) -> None:
        """Send `size` bytes, which fit; under other ciphers than AES-GCM asyncssh does."""
        if self._send_chan is None or self._send_state != "open":
            return
        if not self.fits(size) or not self._conn.seals:
            self.write(b"".join(pieces))
            return
        self._send_window -= size
        self._conn.send_data(self._send_chan, pieces, size, self._send_pktsize)
