"""How long a connection to SQLite waits for another process that writes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

_PAUSE_SECONDS = 0.0003
"""SQLite's own pauses grow to 100 ms: of two busy processes one was idle most of the time."""


class Patience:
    """A busy handler of SQLite: asked again and again, as long as a lock is somebody else's."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = 0.0

    def __call__(self, count: int) -> bool:
        """Wait a little, and have SQLite try again; False if it has been asked for too long."""
        now = time.perf_counter()
        if not count:
            self._until = now + self._seconds
        if now >= self._until:
            return False
        time.sleep(_PAUSE_SECONDS)
        return True

    @contextmanager
    def of(self, seconds: float) -> Iterator[None]:
        """Wait for so long meanwhile; 0 is not at all."""
        usual, self._seconds = self._seconds, seconds
        try:
            yield
        finally:
            self._seconds = usual
