"""How far the audit log can be told of: up to where nothing can come in between any more.

Numbers are given before their transactions commit, so 8 may be read while 7 is still to come. What
is missing is looked for again until it is there, or too long away to be anything but rolled back.
"""

from collections.abc import Collection, Sequence

from transfer.core.events import Noted

_MOST_MISSING = 1000


class Settling:
    """What was read of the log, and what of it was missing. Times are the caller's, in seconds."""

    def __init__(self, seen: int, patience_seconds: float) -> None:
        self._seen = seen
        self._patience_seconds = patience_seconds
        self._missing: dict[int, float] = {}

    @property
    def seen(self) -> int:
        """The highest number that was read."""
        return self._seen

    @property
    def missing(self) -> Collection[int]:
        """Numbers below that which may yet be there."""
        return self._missing.keys()

    @property
    def settled(self) -> int:
        """Up to where everything was read: whoever goes on behind this misses nothing."""
        return min(self._missing, default=self._seen + 1) - 1

    def found(self, late: Sequence[Noted]) -> None:
        """Take note that some that were missing are there."""
        for noted in late:
            self._missing.pop(noted.number, None)

    def read(self, page: Sequence[Noted], now_seconds: float) -> None:
        """Take note of a page behind `seen`, in order, and of what is missing in it."""
        for noted in page:
            first = max(self._seen + 1, noted.number - _MOST_MISSING)
            self._missing.update(dict.fromkeys(range(first, noted.number), now_seconds))
            self._seen = noted.number

    def give_up(self, now_seconds: float) -> None:
        """Look no longer for what has been missing for too long."""
        limit = now_seconds - self._patience_seconds
        self._missing = {one: since for one, since in self._missing.items() if since > limit}
