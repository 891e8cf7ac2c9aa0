"""Sessions whose data may go past asyncssh's stream to whoever takes it straight."""

from typing import Protocol

from asyncssh.stream import SSHServerStreamSession

from transfer.sftp.channels import Receiver, StraightChannel


class Listener(Receiver, Protocol):
    """Who takes all that comes on a channel, and its end."""

    def end(self, reason: Exception | None) -> None:
        """Take note that nothing more comes."""


class DivertibleSession(SSHServerStreamSession[bytes]):
    """A session with a stream, until `divert` is called.

    Under AES-GCM the channel then knows the listener itself; under other ciphers asyncssh goes on
    delivering here.
    """

    _listener: Listener | None = None

    def divert(self, listener: Listener) -> None:
        """Have all that comes from now on, and what has come already, be told to `listener`."""
        waiting = [piece for piece in self._recv_buf[None] if isinstance(piece, bytes)]
        self._recv_buf[None].clear()
        self._recv_buf_len = 0
        self._listener = listener
        for piece in waiting:
            listener.take(memoryview(piece))
        if self._eof_received:
            listener.end(self._exception)
        if isinstance(self._chan, StraightChannel):
            self._chan.receiver = listener
        self._maybe_resume_reading()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Pass on what came."""
        if self._listener is None:
            super().data_received(data, datatype)
        else:
            self._listener.take(memoryview(data))
            self._listener.go_on()

    def eof_received(self) -> bool:
        """Pass on that nothing more comes; also asyncssh's own word that the connection is lost."""
        keeps_open = super().eof_received()
        if self._listener is not None:
            self._listener.end(self._exception)
        return keeps_open

    def exception_received(self, exc: Exception) -> None:
        """Pass on what ends the stream, such as a signal."""
        if self._listener is None:
            super().exception_received(exc)
        else:
            self._listener.end(exc)
