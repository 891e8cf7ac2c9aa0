"""Who watches a case, and what waits to be told to them."""

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from transfer.core.access import Principal, may
from transfer.core.cases import Case
from transfer.core.events import Happening


class Ending(StrEnum):
    """Why somebody is told no more."""

    CREDENTIAL = "credential-over"
    CASE = "case-gone"
    TOO_SLOW = "too-slow"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that is told, and from which number on to go on after it, if that has moved.

    None instead of a happening: all that was known of the case before has to be read anew.
    """

    happening: Happening | None
    cursor: int | None


class Watch:
    """One watcher of one case. What they don't take in time ends the watch, not the service."""

    def __init__(self, principal: Principal, case: Case, token_id: str | None, room: int) -> None:
        self.principal = principal
        self.case = case
        self.token_id = token_id
        self.ending: Ending | None = None
        self._room = room
        self._waiting: deque[Told] = deque()
        self._known: set[int] = set()
        self._news = asyncio.Event()

    def tell(self, told: Told) -> None:
        """Have something told, if it is for them; the end comes first when too much waits."""
        if self.ending is not None or not self._is_news(told.happening):
            return
        if len(self._waiting) >= self._room:
            self.end(Ending.TOO_SLOW)
            return
        self._waiting.append(told)
        self._news.set()

    def precede(self, first: Collection[Told]) -> None:
        """Tell `first` before what waits; what comes again of it, now or later, isn't told."""
        waiting = [told for told in first if self._is_news(told.happening)]
        self._known = {
            told.happening.number
            for told in first
            if told.happening is not None and told.happening.number is not None
        }
        waiting += [told for told in self._waiting if self._is_news(told.happening)]
        self._waiting = deque(waiting)
        self._news.set()

    def end(self, ending: Ending) -> None:
        """Tell no more, and say why; the first reason stays."""
        if self.ending is None:
            self.ending = ending
            self._news.set()

    async def next(self) -> list[Told]:
        """Wait for what is to be told next, and return it; nothing when the watch has ended."""
        await self._news.wait()
        self._news.clear()
        if self.ending is not None:
            self._news.set()
            return []
        told = list(self._waiting)
        self._waiting.clear()
        return told

    def _is_news(self, happening: Happening | None) -> bool:
        if happening is None:
            return True
        return happening.number not in self._known and may(
            self.principal, happening.needs, self.case
        )
