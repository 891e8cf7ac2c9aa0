"""`transfer serve`: the whole service as one tree of processes."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from transfer import __version__
from transfer.clock import SystemClock
from transfer.folder import SERVICE, ServiceFolder
from transfer.ports import Clock
from transfer.records import migrate
from transfer.service.crew import Crew
from transfer.service.demo import Demo, demo_of
from transfer.service.failures import ServiceError
from transfer.service.hangup import on_hangup
from transfer.service.loops import Loops
from transfer.service.node import running_node
from transfer.service.sockets import listening_sockets, reached_at
from transfer.settings import Settings
from transfer.storage.s3 import S3ObjectStore
from transfer.wiring.case_keys import check_encryption
from transfer.wiring.doors import Listeners, prepare_keys
from transfer.wiring.entrance import Entrance
from transfer.wiring.objects import Objects, run_objects
from transfer.wiring.parts import database_url, open_parts

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What is served, for whoever waits for it.

    `certificate` is there if clients have to be told to trust it; `demo`, where the records are
    the service's own.
    """

    folder: Path
    entrance: Entrance
    certificate: Path | None
    demo: Demo | None


async def serve(settings: Settings, tell: Callable[[Served], None]) -> None:
    """Serve everything until cancelled; `tell` is called once it is ready.

    Raises:
        ServiceError, EmbeddedStoreError, TransferError: it can't begin, or can't go on.
    """
    clock, folder = SystemClock(), ServiceFolder(settings.data)
    with folder.lock(), _listening(settings) as listeners:
        folder.withdraw(SERVICE)
        async with run_objects(settings, clock) as objects:
            await prepare(settings, objects)
            keys = await asyncio.to_thread(prepare_keys, settings, clock)
            entrance = _entrance(settings, listeners, keys.fingerprints)
            demo = await _demo(settings, entrance) if _has_demo(settings) else None
            post = _Post(settings, objects, listeners, entrance, clock)
            async with post.processes() as loops:
                _log.info("service.started", workers=settings.workers, **asdict(entrance))
                tell(
                    Served(
                        folder=folder.path,
                        entrance=entrance,
                        certificate=keys.own_certificate,
                        demo=demo,
                    )
                )
                await loops.first_end()


async def prepare(settings: Settings, objects: Objects) -> None:
    """Bring tables and bucket to what this version needs.

    Raises:
        RecordsUnavailableError, StoreUnavailableError: they can't be.
        SettingsError: what is stored is to be encrypted, and the store doesn't do that.
    """
    await asyncio.to_thread(migrate.upgrade, database_url(settings))
    if settings.is_embedded and not settings.encrypt_cases:
        return  # it has its bucket since it is healthy
    async with S3ObjectStore(objects.access) as store:
        await store.ensure_bucket()
        if not await store.refuses_damage():
            _log.warning("store.checks-nothing", hint="it ignores the CRC64NVME of what it gets")
        await check_encryption(settings, store)


@dataclass(frozen=True, slots=True)
class _Post:
    """All that the processes of a service need to know, and their announcement."""

    settings: Settings
    objects: Objects
    listeners: Listeners
    entrance: Entrance
    clock: Clock

    @asynccontextmanager
    async def processes(self) -> AsyncIterator[Loops]:
        """Serve meanwhile, in this process or by a crew, and say so in the folder."""
        folder = ServiceFolder(self.settings.data)
        run = self._alone if self.settings.workers == 1 else self._by_crew
        try:
            async with run() as loops:
                if self.objects.ended is not None:
                    loops.start("The object store", _until_over(self.objects.ended))
                yield loops
        finally:
            folder.withdraw(SERVICE)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Loops]:
        node = running_node(self.settings, self.objects.access, self.listeners, self.entrance)
        async with node as loops:
            self._announce([])
            yield loops

    @asynccontextmanager
    async def _by_crew(self) -> AsyncIterator[Loops]:
        loops = Loops()
        crew = Crew(self.settings.workers, self._order(), self.listeners.descriptors(), self.clock)
        crew.on_change = lambda: self._announce(crew.pids)
        async with crew:
            self._announce(crew.pids)
            loops.start("The crew", crew.watch())
            try:
                with on_hangup(crew.hang_up):
                    yield loops
            finally:
                self.listeners.close()  # so that who comes now is refused, instead of kept waiting
                await loops.stop(0)

    def _order(self) -> dict[str, Any]:
        return {
            "settings": self.settings.to_given(),
            "access": asdict(self.objects.access),
            "entrance": asdict(self.entrance),
            "http": [listener.fileno() for listener in self.listeners.http],
            "sftp": [listener.fileno() for listener in self.listeners.sftp],
        }

    def _announce(self, members: Sequence[int]) -> None:
        ServiceFolder(self.settings.data).announce(
            SERVICE,
            {
                **asdict(self.entrance),
                "store_url": self.objects.access.endpoint_url if self.objects.ended else None,
                "pid": os.getpid(),
                "pids": [os.getpid(), *members],
                "started_at": self.clock.now().isoformat(),
                "version": __version__,
            },
        )


@contextmanager
def _listening(settings: Settings) -> Iterator[Listeners]:
    listeners = Listeners(http=listening_sockets(settings.http_listen, "--http"))
    try:
        sftp = listening_sockets(settings.sftp_listen, "--sftp")
        listeners = Listeners(http=listeners.http, sftp=sftp)
        yield listeners
    finally:
        listeners.close()


def reached_url(settings: Settings, listeners: Listeners) -> str:
    """Return the URL of the HTTP door."""
    scheme = "http" if settings.plain_http else "https"
    reached = reached_at(listeners.http, settings.http_listen.host)
    return settings.public_url or f"{scheme}://{reached}"


def _entrance(settings: Settings, listeners: Listeners, fingerprints: tuple[str, ...]) -> Entrance:
    sftp = settings.public_sftp or reached_at(listeners.sftp, settings.sftp_listen.host)
    return Entrance(
        http_url=reached_url(settings, listeners),
        sftp_host=sftp.host,
        sftp_port=sftp.port,
        fingerprints=fingerprints,
    )


async def _until_over(ended: "asyncio.Task[str]") -> None:
    raise ServiceError(f"The object store is gone. {await asyncio.shield(ended)}")


def _has_demo(settings: Settings) -> bool:
    """Whether this is for trying the service: cases and records are its own."""
    return settings.database_url is None and settings.case_core == "embedded"


async def _demo(settings: Settings, entrance: Entrance) -> Demo:
    async with open_parts(settings) as parts:
        return await demo_of(parts, entrance.http_url or "")
