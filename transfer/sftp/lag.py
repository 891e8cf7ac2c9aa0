"""READs of paramiko are answered a little late, or it would give up sending them ahead.

Its `get` sends all READs from one thread and takes replies in another. When it finds, at any
moment, that every READ it has noted is answered, it believes that it has the whole file, and asks
for the rest of it one block at a time: at 4 MB/s instead of 40. A server that is faster than
paramiko sends makes that happen early on. As it notes a READ before it sends the next one, a reply
that waits for two more READs never finds none noted.
"""

import asyncio
from collections.abc import Callable

_LAG = 2
"""How many READs have to come behind one before it is answered."""

_PATIENCE_SECONDS = 0.05
"""How long to wait for them: longer than Python's threads may keep each other waiting."""

_MOST_LOSSES = 3
"""A client that was waited for in vain so often sends one at a time."""


class ReadLag:
    """Tells which READs of a session have to wait; `go_on` is called when they need no more.

    `applies` is whether it is a client for whom any do.
    """

    def __init__(self, client_version: str, go_on: Callable[[], None]) -> None:
        self.applies = "paramiko" in client_version
        self._go_on = go_on
        self._timer: asyncio.TimerHandle | None = None
        self._is_impatient = False
        self._losses = 0

    def holds(self, requests_behind: int, *, ends: bool) -> bool:
        """Whether a READ has to wait, behind which so many came; `ends`: they reach the end."""
        if requests_behind >= _LAG:
            self._losses = 0
            return False
        if not self.applies or ends or self._is_impatient:
            return False
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_PATIENCE_SECONDS, self._lose_patience)
        return True

    def came(self) -> None:
        """Take note that requests came."""
        self.stop()
        self._is_impatient = False

    def stop(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _lose_patience(self) -> None:
        self._timer = None
        self._losses += 1
        self.applies = self._losses < _MOST_LOSSES
        self._is_impatient = True
        self._go_on()
