"""Pipes of the kernel: bytes go through them from socket to socket, and never come in here."""

import fcntl
import os
import select
import sys
import threading

from transfer.ports import Piped

PIPE_BYTES = 1 << 20
"""As much as Linux lets anybody have; of all of them a user has 64 MiB at most."""
_AT_ONCE = 16


class PipeSupply:
    """Lends pipes, to so many at once; whoever gets none copies.

    Source: splice(2), pipe(7).
    """

    def __init__(self, at_once: int = _AT_ONCE) -> None:
        self._free = threading.BoundedSemaphore(at_once)

    def lay(self) -> "Pipes | None":
        """Return pipes to be closed by whoever has them; None if there are none to be had."""
        if sys.platform != "linux" or not self._free.acquire(blocking=False):
            return None
        try:
            return Pipes(self._free)
        except OSError:  # no more for this user, or no more file descriptors
            self._free.release()
            return None


class Pipes:
    """Two pipes in turns: one is filled while the other is emptied."""

    def __init__(self, free: threading.BoundedSemaphore) -> None:
        """Open them.

        Raises:
            OSError: there are none to be had.
        """
        self._free = free
        self._ends: list[tuple[int, int]] = []
        try:
            for _ in range(2):
                self._ends.append(_open_pipe())
        except OSError:
            self._close_ends()
            raise

    def fill(self, source: int, wanted: int, *, timeout_seconds: float) -> Piped:
        """Move `wanted` bytes, or fewer, from the socket `source` into the pipe whose turn it is.

        Shape: that pipe is empty. None is moved only where the source has ended.

        Raises:
            OSError: nothing was moved, also for so long.
        """
        self._ends.reverse()
        empty, filled = self._ends[0]
        moved = 0
        while moved < wanted:
            try:
                count = os.splice(source, filled, min(wanted - moved, PIPE_BYTES))
            except BlockingIOError:
                # By many fragments a pipe is full before it has all its bytes.
                if moved and not (_has_room(filled) and _has_come(source, timeout_seconds)):
                    break
                if not moved and not _has_come(source, timeout_seconds):
                    raise TimeoutError("nothing came for too long") from None
            except OSError:
                if not moved:
                    raise
                break
            else:
                moved += count
                if not count:
                    break
        return Piped(empty, moved)

    def close(self) -> None:
        """Give them back, with whatever is in them. Repeatable."""
        if self._ends:
            self._close_ends()
            self._free.release()

    def _close_ends(self) -> None:
        while self._ends:
            for end in self._ends.pop():
                os.close(end)


def _open_pipe() -> tuple[int, int]:
    ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        for end in ends:
            os.close(end)
        raise
    return ends


def _has_room(pipe: int) -> bool:
    return _becomes(pipe, select.POLLOUT, 0)


def _has_come(source: int, timeout_seconds: float) -> bool:
    return _becomes(source, select.POLLIN, timeout_seconds)


def _becomes(fd: int, event: int, timeout_seconds: float) -> bool:
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(timeout_seconds * 1000))
