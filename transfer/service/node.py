"""One process that serves: its doors and its workers, from their start to their orderly end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from enum import StrEnum

import structlog

from transfer.core.errors import TransferError
from transfer.service.hangup import on_hangup
from transfer.service.loops import Loops
from transfer.service.metrics import served_metrics
from transfer.settings import Settings
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings
from transfer.wiring.doors import Doors, Listeners
from transfer.wiring.entrance import Entrance
from transfer.wiring.parts import Parts, open_parts

_log = structlog.get_logger(__name__)

_MAKE_DURABLE_SECONDS = 3.5
_CLOSE_DOORS_SECONDS = 3.5
_END_LOOPS_SECONDS = 1.0


class Part(StrEnum):
    """A part of the service that can run in a process of its own."""

    HTTP = "http"
    SFTP = "sftp"
    WORKER = "worker"


@asynccontextmanager
async def running_node(
    settings: Settings,
    access: S3Settings,
    listeners: Listeners,
    entrance: Entrance,
    *,
    works: bool = True,
    member: int = 0,
) -> AsyncIterator[Loops]:
    """Serve on `listeners`, and do the background work if it `works`; then end in order.

    `member` counts the processes of one service, from 0. What was received when it ends is
    durable, and continued elsewhere.

    Raises:
        SettingsError, RecordsUnavailableError, StoreUnavailableError: it can't begin.
    """
    loops = Loops()
    async with S3ObjectStore(access) as store, open_parts(settings, store=store) as parts:
        doors = Doors(parts, store, entrance)
        try:
            await doors.open(listeners)
            _start_loops(loops, parts, works=works)
            with on_hangup(doors.reload):
                if doors.certificate is not None:
                    loops.start("The watch over the certificate", doors.certificate.watch())
                async with served_metrics(settings, parts.meter, member):
                    yield loops
        finally:
            await _leave(parts, doors, loops)


def _start_loops(loops: Loops, parts: Parts, *, works: bool) -> None:
    loops.start("The watch over leases", parts.leases.watch())
    loops.start("The watch over accounts", parts.accounts.watch())
    loops.start("The watch over sessions", parts.sessions.watch())
    loops.start("The watch over bans", parts.bans.watch())
    loops.start("The watch over case events", parts.events.watch())
    if works:
        for name, worker in parts.traffic.loops():
            loops.start(name, worker.run(), worker.stop)
        loops.start("The retention worker", parts.worker.run(), parts.worker.stop)
        loops.start("The sweeper", parts.sweeper.run(), parts.sweeper.stop)
        if parts.follow_ups is not None:
            follow_ups = parts.follow_ups
            loops.start("The worker of follow-ups", follow_ups.run(), follow_ups.stop)
        loops.start("The sealing of the audit log", parts.audit_sealer.run())
        loops.start("The tidying of sign-ins", parts.tidying.run())
        loops.start("The comparing with side files", parts.side_files.run())


async def _leave(parts: Parts, doors: Doors, loops: Loops) -> None:
    loops.wind_down()
    await doors.refuse_new()
    await _within(_MAKE_DURABLE_SECONDS, parts.leases.close(), "what was received is durable")
    await _within(_CLOSE_DOORS_SECONDS, doors.close(), "connections are closed")
    await loops.stop(_END_LOOPS_SECONDS)


async def _within(seconds: float, step: Awaitable[None], aim: str) -> None:
    """Take a step of the way out; one that fails or takes too long doesn't keep the others."""
    try:
        async with asyncio.timeout(seconds):
            await step
    except (TransferError, TimeoutError) as exc:
        _log.error("service.step-failed", aim=aim, problem=type(exc).__name__)
