"""The embedded store: SeaweedFS as a child process, for a service that brings its own S3.

It listens on 127.0.0.1 only. Its S3 port asks for the generated credentials; its other ports do
not, so any local user of the machine can reach the data through them: on a machine that is shared,
use a store of its own.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from awscrt.checksums import crc64nvme

from transfer.core.errors import StoreUnavailableError
from transfer.ports import Clock
from transfer.storage.data_folder import DataFolder, EmbeddedStoreError
from transfer.storage.s3 import S3ObjectStore
from transfer.storage.s3_client import S3Settings
from transfer.storage.weed import WeedProcess, weed_program

_LOCK_PATIENCE_SECONDS = 5.0
_START_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.05
_PORT_ATTEMPTS = 3
_PORT_CLASH = ("not available", "address already in use")
_HEALTH_KEY = "health"
_HEALTH_BODY = b"ok"


class EmbeddedStore:
    """Runs SeaweedFS on a folder, as an async context manager that gives its S3Settings.

    The server dies with this process, and with the thread that entered the context manager; it
    doesn't get the terminal's Ctrl-C. `exited` is done when it has ended, with a text that says
    how: watch it, and let the service end if its store ends unasked.
    """

    exited: asyncio.Task[str]

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        bucket: str = "transfer",
        stop_grace_seconds: float = 3.0,
    ) -> None:
        self._folder = DataFolder(path.absolute())
        self._clock = clock
        self._bucket = bucket
        self._stop_grace_seconds = stop_grace_seconds
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> S3Settings:
        """Start the server and wait until it stores bytes.

        Raises:
            EmbeddedStoreError: it can't be started; the message says why and what to do.
        """
        program = weed_program()
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(self._folder.prepare)
            lock = await self._lock()
            stack.callback(os.close, lock)
            settings = await self._start(program, lock, stack)
            self._stack = stack.pop_all()
        return settings

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop the server: asked first, killed after the grace. Nothing stored is lost."""
        await self._stack.aclose()
        await self.exited

    async def _lock(self) -> int:
        deadline = self._clock.monotonic() + _LOCK_PATIENCE_SECONDS
        # A service that was killed a moment ago may have left a server that is about to die.
        while (lock := self._folder.lock()) is None:
            if self._clock.monotonic() >= deadline:
                raise EmbeddedStoreError(
                    f"Process {self._folder.holder()} runs a service on {self._folder.path}. "
                    "Stop it, or choose another data folder."
                )
            await self._clock.sleep(_POLL_SECONDS)
        return lock

    async def _start(self, program: Path, lock: int, stack: AsyncExitStack) -> S3Settings:
        access_key, secret_key = await asyncio.to_thread(self._folder.credentials)
        ports = await asyncio.to_thread(self._folder.ports)
        for _ in range(_PORT_ATTEMPTS):
            server = await WeedProcess.spawn(program, self._folder, ports, lock)
            stack.push_async_callback(asyncio.to_thread, self._folder.tidy, ports)
            stack.push_async_callback(server.stop, self._stop_grace_seconds)
            settings = S3Settings(
                bucket=self._bucket,
                endpoint_url=f"http://127.0.0.1:{ports['s3']}",
                access_key=access_key,
                secret_key=secret_key,
            )
            if await self._becomes_healthy(server, settings):
                self.exited = asyncio.create_task(_end(server))
                return settings
            if not any(sign in server.last_words() for sign in _PORT_CLASH):
                break
            # Somebody took a port between our look and its start.
            ports = await asyncio.to_thread(self._folder.fresh_ports)
        raise EmbeddedStoreError(f"The embedded store did not start. {server.last_words()}")

    async def _becomes_healthy(self, server: WeedProcess, settings: S3Settings) -> bool:
        """Whether the server stores bytes before it ends.

        Raises:
            EmbeddedStoreError: it does neither.
        """
        deadline = self._clock.monotonic() + _START_PATIENCE_SECONDS
        impatient = replace(
            settings, attempts=1, connect_timeout_seconds=1.0, read_timeout_seconds=10.0
        )
        async with S3ObjectStore(impatient) as store:
            while not server.ended.done():
                try:
                    await _prove_health(store)
                except StoreUnavailableError as exc:
                    if self._clock.monotonic() >= deadline:
                        raise EmbeddedStoreError(
                            f"The embedded store runs, and stores nothing. {exc.message} "
                            f"{self._folder.last_log_lines()}"
                        ) from exc
                    await self._clock.sleep(_POLL_SECONDS)
                else:
                    return True
        return False


async def _prove_health(store: S3ObjectStore) -> None:
    await store.ensure_bucket()
    await store.put(_HEALTH_KEY, _HEALTH_BODY, crc64nvme=crc64nvme(_HEALTH_BODY))
    await store.delete([_HEALTH_KEY])


async def _end(server: WeedProcess) -> str:
    await asyncio.shield(server.ended)
    return server.last_words()
