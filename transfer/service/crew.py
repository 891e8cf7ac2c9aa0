"""The processes of a service that has more than one: begun, watched, replaced, ended.

They share the listening sockets. Each is on a leash: if this process dies, however that happens,
the kernel ends them too.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import structlog

from transfer.ports import Clock
from transfer.service.failures import ServiceError
from transfer.storage import leash

_log = structlog.get_logger(__name__)

READY = b"ready\n"
"""What a member writes to its standard output once it serves."""

_STEADY_SECONDS = 60.0
"""A member that has lived as long may die without being one that keeps dying."""
_MOST_DEATHS = 5
_FIRST_DELAY_SECONDS = 0.5
_STOP_GRACE_SECONDS = 6.5
_MEMBER = (sys.executable, "-P", "-m", "transfer.service.member")


@dataclass(slots=True)
class _Place:
    """A member's place in the crew: who holds it, and how often one died young there."""

    index: int
    process: asyncio.subprocess.Process
    began: float
    young_deaths: int = 0


class Crew:
    """`size` member processes, as an async context manager. `order` tells them what to serve.

    `on_change` is called when one was replaced.
    """

    def __init__(
        self,
        size: int,
        order: Mapping[str, Any],
        sockets: Sequence[int],
        clock: Clock,
        *,
        command: Sequence[str] = _MEMBER,
        stop_grace_seconds: float = _STOP_GRACE_SECONDS,
    ) -> None:
        self._size = size
        self._order = order
        self._sockets = sockets
        self._clock = clock
        self._command = command
        self._stop_grace_seconds = stop_grace_seconds
        self.on_change: Callable[[], None] = lambda: None
        self._places: list[_Place] = []

    @property
    def pids(self) -> list[int]:
        """The process ids of the members."""
        return [place.process.pid for place in self._places]

    async def __aenter__(self) -> Self:
        """Start the members and wait until all of them serve.

        Raises:
            ServiceError: one of them doesn't.
        """
        try:
            for index in range(self._size):
                process = await self._spawn(index)
                self._places.append(_Place(index, process, self._clock.monotonic()))
            for place in self._places:
                await _wait_until_ready(place.process)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Ask the members to leave, and kill those that take too long."""
        await self._stop()

    async def watch(self) -> None:
        """Replace members that die, until one place has seen too many of them.

        Raises:
            ServiceError: they keep dying.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for place in self._places:
                    group.create_task(self._hold(place))
        except ExceptionGroup as failures:
            # Not `except*`: the first releases of Python 3.11 wrap what is raised there again.
            raise failures.exceptions[0] from None

    def hang_up(self) -> None:
        """Pass a SIGHUP on: each member reads its certificate again."""
        for place in self._places:
            if place.process.returncode is None:
                with suppress(ProcessLookupError):
                    place.process.send_signal(signal.SIGHUP)

    async def _hold(self, place: _Place) -> None:
        while True:
            status = await place.process.wait()
            lived = self._clock.monotonic() - place.began
            place.young_deaths = 1 if lived >= _STEADY_SECONDS else place.young_deaths + 1
            _log.error("member.died", member=place.index, status=status, lived_seconds=round(lived))
            if place.young_deaths >= _MOST_DEATHS:
                raise ServiceError(f"A process of the service keeps dying; last status: {status}.")
            await self._clock.sleep(_FIRST_DELAY_SECONDS * 2 ** (place.young_deaths - 1))
            place.process = await self._spawn(place.index)
            place.began = self._clock.monotonic()
            with suppress(ServiceError):  # the next turn sees that it died
                await _wait_until_ready(place.process)
            self.on_change()

    async def _spawn(self, index: int) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-IS",
            leash.__file__,
            str(os.getpid()),
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=tuple(self._sockets),
            start_new_session=True,  # Ctrl-C is for the parent, which then asks its members
        )
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        # By the pipe, not as an argument: it has secrets, and every user can read arguments.
        process.stdin.write(json.dumps({**self._order, "index": index}).encode())
        with suppress(ConnectionError):
            await process.stdin.drain()
        process.stdin.close()
        return process

    async def _stop(self) -> None:
        processes = [place.process for place in self._places if place.process.returncode is None]
        for process in processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        ends = [asyncio.ensure_future(process.wait()) for process in processes]
        if ends:
            await asyncio.wait(ends, timeout=self._stop_grace_seconds)
        for process in processes:
            if process.returncode is None:
                _log.error("member.killed", pid=process.pid)
                with suppress(ProcessLookupError):
                    process.kill()
        await asyncio.gather(*ends)


async def _wait_until_ready(process: asyncio.subprocess.Process) -> None:
    """Wait until a member serves.

    Raises:
        ServiceError: it ends first.
    """
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    if await process.stdout.readline() != READY:
        status = await process.wait()
        raise ServiceError(f"A process of the service ended at its start, with status {status}.")
