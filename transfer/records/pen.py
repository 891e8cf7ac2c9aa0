"""Brief writes on SQLite, run in the loop's own thread; only their commit is a thread's.

A thread that runs a transaction fights the loop for the interpreter at every step of it. That and
being woken cost as much as a transaction of a few statements does.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from transfer.records.groups import Group, Line
from transfer.records.lanes import Chore, Errand, Lane

T = TypeVar("T")

_MOST_AT_ONCE = 8
"""Writes that are run in a row: so long everybody else waits."""


class Pen:
    """Runs transactions on the connection of the `lane` that writes, while that is at rest.

    What has to wait for the lane, or for another process, is the lane's after all. What comes while
    the last ones are being committed is run as soon as they are, and committed together. All that
    is the lane's is given to it by this: while there is a commit, the connection isn't its own.
    """

    def __init__(self, lane: Lane, line: Line) -> None:
        self._lane = lane
        self._line = line
        self._waiting: deque[Errand[Any]] = deque()
        self._behind: deque[Errand[Any]] = deque()
        self._will_run = False
        self._commit: Chore | None = None

    def submit(self, transaction: Callable[[Connection], T]) -> Errand[T]:
        """Have a transaction run soon: with what else comes in this turn of the loop."""
        errand = self._lane.errand(transaction)
        self._waiting.append(errand)
        if not self._will_run and self._commit is None:
            self._run_soon()
        return errand

    def submit_to_lane(self, transaction: Callable[[Connection], T]) -> Errand[T]:
        """Have the lane run a transaction, which may take long."""
        errand = self._lane.errand(transaction)
        if self._commit is not None:
            self._behind.append(errand)
        else:
            self._lane.put(errand)
        return errand

    async def stop(self) -> None:
        """Leave all that waits to the lane."""
        while self._commit is not None:
            await asyncio.wait([self._commit.future])
            await asyncio.sleep(0)  # noqa: TID251 - for what is called back; waits for no time
        self._hand_over()

    def _hand_over(self) -> None:
        for errands in (self._behind, self._waiting):
            while errands:
                self._lane.put(errands.popleft())

    def _run_soon(self) -> None:
        self._will_run = True
        asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._will_run = False
        if not self._lane.is_at_rest:
            self._hand_over()
            return
        transaction = ExitStack()
        try:
            with self._line.impatiently():
                connection = transaction.enter_context(self._line.writing())
        except OperationalError:  # of another process, most often: the lane waits for that
            self._hand_over()
            return
        except BaseException as exc:  # noqa: BLE001 -- whatever it is, the callers get it
            self._fail_all(exc)
            return
        self._write(transaction, connection)

    def _write(self, transaction: ExitStack, connection: Connection) -> None:
        first = self._next()
        if first is None:
            transaction.close()
            return
        group = Group(first, self._next, _MOST_AT_ONCE)
        try:
            with transaction:
                group.run(connection)
                written = transaction.pop_all()
        except BaseException as exc:  # noqa: BLE001 -- whatever it is, the callers get it
            group.fail(exc)
            if self._waiting:
                self._run_soon()
            return
        self._commit = self._lane.submit_chore(lambda: self._line.commit(connection))
        self._commit.future.add_done_callback(lambda future: self._end(group, written, future))

    def _end(self, group: Group, written: ExitStack, committed: "asyncio.Future[None]") -> None:
        try:
            with written:
                committed.result()
        except BaseException as exc:  # noqa: BLE001 -- whatever it is, the callers get it
            group.fail(exc)
        else:
            group.tell()
        self._commit = None
        if self._behind:
            self._hand_over()
        elif self._waiting:
            self._run()

    def _next(self) -> Errand[Any] | None:
        while self._waiting:
            errand = self._waiting.popleft()
            if errand.begin():
                return errand
        return None

    def _fail_all(self, error: BaseException) -> None:
        while (errand := self._next()) is not None:
            errand.tell(None, error)
