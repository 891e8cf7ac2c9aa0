"""What many ask for at the same moment, done by one transaction for all of them.

Those who need the same row's lock wait for each other anyway. Here they do so before they take a
connection: what comes while one transaction is under way goes with the next, all of it together.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from transfer.records.outcomes import known

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")
T = TypeVar("T")

_MOST_AT_ONCE = 32
"""The first one waits for the last."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked(Generic[A, T]):
    item: A
    outcome: "asyncio.Future[T]"


class Gathering(Generic[K, A, T]):
    """Has `act` do all of one key that waits, one call at a time; it returns an outcome an item.

    What it raises is told to all of them.
    """

    def __init__(self, act: Callable[[K, Sequence[A]], Awaitable[Sequence[T]]]) -> None:
        self._act = act
        self._waiting: dict[K, deque[_Asked[A, T]]] = {}
        self._working: set[asyncio.Task[None]] = set()

    async def join(self, key: K, item: A) -> T:
        """Return what came of `item`.

        Cancelled while it waits, it never happens; cancelled later, it comes to its end first.
        """
        loop = asyncio.get_running_loop()
        asked: _Asked[A, T] = _Asked(item, loop.create_future())
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = deque()
            # It begins in the loop's next round: who asks in this one goes with the first.
            task = loop.create_task(self._work(key, waiting))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        waiting.append(asked)
        return await known(asked.outcome, lambda: _took_out(waiting, asked))

    async def _work(self, key: K, waiting: deque[_Asked[A, T]]) -> None:
        together: list[_Asked[A, T]] = []
        try:
            while waiting:
                together = [waiting.popleft() for _ in range(min(len(waiting), _MOST_AT_ONCE))]
                await self._do(key, together)
        finally:
            del self._waiting[key]
            for asked in (*together, *waiting):  # any that are left: the process is ending
                asked.outcome.cancel()

    async def _do(self, key: K, together: Sequence[_Asked[A, T]]) -> None:
        try:
            outcomes = await self._act(key, [asked.item for asked in together])
        except Exception as exc:  # noqa: BLE001 -- whatever it is, the callers get it
            for asked in together:
                asked.outcome.set_exception(exc)
        else:
            for asked, outcome in zip(together, outcomes, strict=True):
                asked.outcome.set_result(outcome)


def _took_out(waiting: deque[_Asked[A, T]], asked: _Asked[A, T]) -> bool:
    """Keep it from ever beginning; False if it has begun."""
    try:
        waiting.remove(asked)
    except ValueError:
        return False
    return True
