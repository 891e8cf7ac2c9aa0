"""Work that goes on as long as the service: one that ends by itself ends the service."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import structlog

from transfer.service.failures import ServiceError

_log = structlog.get_logger(__name__)


class Loops:
    """Tasks of one process that should never end before they are told to."""

    def __init__(self) -> None:
        self._endless: list[asyncio.Task[None]] = []
        self._stoppable: list[asyncio.Task[None]] = []
        self._stops: list[Callable[[], None]] = []

    def start(
        self, name: str, work: Coroutine[Any, Any, None], stop: Callable[[], None] | None = None
    ) -> None:
        """Begin `work`, called `name` in errors; `stop` has it end by itself, if it can."""
        task = asyncio.create_task(work, name=name)
        if stop is None:
            self._endless.append(task)
        else:
            self._stoppable.append(task)
            self._stops.append(stop)

    async def first_end(self) -> NoReturn:
        """Wait until one of them ends, and raise.

        Raises:
            ServiceError: says which, and why.
        """
        tasks = [*self._endless, *self._stoppable]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        task = done.pop()
        if task.cancelled() or (failure := task.exception()) is None:
            raise ServiceError(f"{task.get_name()} ended by itself.")
        if isinstance(failure, ServiceError):
            raise failure
        _log.error("loop.died", loop=task.get_name(), exc_info=failure)
        raise ServiceError(
            f"{task.get_name()} failed with {type(failure).__name__}: {failure}"
        ) from failure

    def wind_down(self) -> None:
        """Have those that can end by themselves begin nothing new."""
        for stop in self._stops:
            stop()

    async def stop(self, grace_seconds: float) -> None:
        """End them all: those that can by themselves, within the grace, the others at once."""
        self.wind_down()
        for task in self._endless:
            task.cancel()
        if self._stoppable:
            _, late = await asyncio.wait(self._stoppable, timeout=grace_seconds)
            for task in late:
                task.cancel()
        await asyncio.gather(*self._endless, *self._stoppable, return_exceptions=True)
