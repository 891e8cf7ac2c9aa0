"""`transfer http`, `sftp` and `worker`: one part of a deployment, in a process of its own."""

import asyncio
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace

import structlog

from transfer.clock import SystemClock
from transfer.folder import ServiceFolder
from transfer.service.node import Part, running_node
from transfer.service.serving import prepare, reached_url
from transfer.service.sockets import listening_sockets, reached_at
from transfer.settings import Settings
from transfer.wiring.doors import Listeners, prepare_keys
from transfer.wiring.entrance import Entrance, entrance_of
from transfer.wiring.objects import Objects, needed_store

_log = structlog.get_logger(__name__)


async def serve_part(settings: Settings, part: Part, tell: Callable[[Entrance], None]) -> None:
    """Serve `part` until cancelled; `tell` is called once it is ready.

    Raises:
        ServiceError, HostKeyError, TransferError: it can't begin, or can't go on.
    """
    clock, folder = SystemClock(), ServiceFolder(settings.data)
    with closing(_listen(settings, part)) as listeners:
        folder.withdraw(part.value)
        objects = Objects(needed_store(settings))
        await prepare(settings, objects)
        keys = await asyncio.to_thread(prepare_keys, settings, clock)
        entrance = _entrance(settings, listeners, keys.fingerprints)
        works = part is Part.WORKER
        node = running_node(settings, objects.access, listeners, entrance, works=works)
        async with node as loops:
            folder.announce(part.value, {**asdict(entrance), "pid": os.getpid()})
            try:
                _log.info("part.started", part=part.value)
                tell(entrance)
                await loops.first_end()
            finally:
                folder.withdraw(part.value)


def _listen(settings: Settings, part: Part) -> Listeners:
    if part is Part.HTTP:
        return Listeners(http=listening_sockets(settings.http_listen, "--http"))
    if part is Part.SFTP:
        return Listeners(sftp=listening_sockets(settings.sftp_listen, "--sftp"))
    return Listeners()


def _entrance(settings: Settings, listeners: Listeners, fingerprints: tuple[str, ...]) -> Entrance:
    """Return where people get in: here, or by what the settings say of the other part."""
    entrance = replace(entrance_of(settings), fingerprints=fingerprints)
    if listeners.http:
        entrance = replace(entrance, http_url=reached_url(settings, listeners))
    if listeners.sftp and settings.public_sftp is None:
        sftp = reached_at(listeners.sftp, settings.sftp_listen.host)
        entrance = replace(entrance, sftp_host=sftp.host, sftp_port=sftp.port)
    return entrance
