"""Reads that many ask for at the same moment: one answer for all who asked before it began.

A client that sends many small files asks for the same token and the same case with each of them.
Nothing is remembered: whoever asks while a read is under way is answered by the next one, so nobody
sees the records as they were before they asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SharedReads(Generic[K, T]):
    """Has `read` run once for all that wait for the same key; what it returns never changes."""

    def __init__(self, read: Callable[[K], Awaitable[T]]) -> None:
        self._read = read
        self._running: dict[K, asyncio.Task[T]] = {}
        self._next: dict[K, asyncio.Task[T]] = {}

    async def get(self, key: K) -> T:
        """Return what `read` finds from now on."""
        task = self._next.get(key)
        if task is None:
            # It begins in the loop's next round: who asks in this one is answered by it, too.
            task = asyncio.create_task(self._run(key, self._running.get(key)))
            self._next[key] = task
            task.add_done_callback(lambda over: self._forget(key, over))
        return await asyncio.shield(task)

    async def _run(self, key: K, before: "asyncio.Task[T] | None") -> T:
        if before is not None:
            await asyncio.wait([before])
        self._running[key] = self._next.pop(key)
        return await self._read(key)

    def _forget(self, key: K, over: "asyncio.Task[T]") -> None:
        for tasks in (self._running, self._next):
            if tasks.get(key) is over:
                del tasks[key]
        if not over.cancelled():
            over.exception()  # looked at, as all who asked may have left
