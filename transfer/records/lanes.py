"""Threads that run transactions one after the other, and what it costs to hand them over.

A future of `concurrent.futures`, and a wake-up of the loop for each outcome, cost more than a
short transaction itself. Here a thread that is busy anyway takes what has come in meanwhile, and
the loop is woken once for all outcomes that lie ready.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Outcomes:
    """What threads have found out, on its way to one loop: many by one wake-up.

    It is made in that loop's thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._thread = threading.get_ident()
        self._ready: deque[tuple[asyncio.Future[Any], object, BaseException | None]] = deque()
        self._is_told = False

    def put(
        self, future: "asyncio.Future[Any]", result: object, error: BaseException | None
    ) -> None:
        """Have `future` done: now, if this is the loop's thread, else soon."""
        if threading.get_ident() == self._thread:
            _settle(future, result, error)
            return
        self._ready.append((future, result, error))
        if not self._is_told:
            self._is_told = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        # In this order: what is put from now on calls again, what was put before is seen below.
        self._is_told = False
        while self._ready:
            _settle(*self._ready.popleft())


class Errand(Generic[T]):
    """A transaction that waits for its turn; `future` gives what it returns, or raises."""

    def __init__(self, transaction: Callable[[Connection], T], outcomes: Outcomes) -> None:
        self.transaction = transaction
        self.future: asyncio.Future[T] = outcomes.loop.create_future()
        self._outcomes = outcomes
        self._right = [True]

    def begin(self) -> bool:
        """Take the right to run it; False if it was given up."""
        try:
            return self._right.pop()  # atomic: only one of two threads gets it
        except IndexError:
            return False

    def give_up(self) -> bool:
        """Keep it from ever beginning; False if it has begun. In the loop's thread."""
        if not self.begin():
            return False
        self.future.cancel()
        return True

    def tell(self, result: T | None, error: BaseException | None = None) -> None:
        """Tell who waits for it what came of it; from any thread."""
        self._outcomes.put(self.future, result, error)


class Chore(Errand[None]):
    """Something that a thread does by itself: no transaction is begun for it."""

    def __init__(self, work: Callable[[], None], outcomes: Outcomes) -> None:
        super().__init__(lambda _: None, outcomes)
        self._work = work

    def do(self) -> None:
        """Do it, and tell what came of it."""
        try:
            self._work()
        except BaseException as exc:  # noqa: BLE001 -- whatever it is, its caller gets it
            self.tell(None, exc)
        else:
            self.tell(None)


class Lane:
    """A few threads with one queue. `work` is a thread's whole life: errands, until there is None.

    The threads begin with the first errand.
    """

    def __init__(self, name: str, threads: int, work: "Callable[[Lane], None]") -> None:
        self._queue: SimpleQueue[Errand[Any] | None] = SimpleQueue()
        self._outcomes: Outcomes | None = None
        self._waiting = [
            threading.Thread(target=work, args=(self,), name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]
        self._threads: list[threading.Thread] = []
        self._under_way = 0

    @property
    def is_at_rest(self) -> bool:
        """Whether all that was queued is done, and known to be; asked in the loop's thread."""
        return not self._under_way

    def errand(self, transaction: Callable[[Connection], T]) -> Errand[T]:
        """Return an errand that isn't queued."""
        return Errand(transaction, self._outcomes_here())

    def submit(self, transaction: Callable[[Connection], T]) -> Errand[T]:
        """Queue a transaction."""
        errand = self.errand(transaction)
        self.put(errand)
        return errand

    def submit_chore(self, work: Callable[[], None]) -> Chore:
        """Queue something else to be done."""
        chore = Chore(work, self._outcomes_here())
        self.put(chore)
        return chore

    def put(self, errand: Errand[Any]) -> None:
        """Queue an errand."""
        self._under_way += 1
        errand.future.add_done_callback(self._over)
        self._queue.put(errand)
        while self._waiting:
            thread = self._waiting.pop()
            self._threads.append(thread)
            thread.start()

    def take(self) -> Errand[Any] | None:
        """Wait for the next errand that isn't given up, with the right to run it; None ends."""
        while (errand := self._queue.get()) is not None:
            if errand.begin():
                return errand
        self._queue.put(None)  # for the next thread
        return None

    def take_ready(self) -> Errand[Any] | None:
        """Return the next errand if there is one by now."""
        try:
            while (errand := self._queue.get_nowait()) is not None:
                if errand.begin():
                    return errand
        except Empty:
            return None
        self._queue.put(None)
        return None

    def join(self) -> None:
        """Let the threads finish what is queued, and end."""
        self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _over(self, _: "asyncio.Future[Any]") -> None:
        self._under_way -= 1

    def _outcomes_here(self) -> Outcomes:
        loop = asyncio.get_running_loop()
        if self._outcomes is None or self._outcomes.loop is not loop:
            self._outcomes = Outcomes(loop)
        return self._outcomes


def _settle(future: "asyncio.Future[Any]", result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
