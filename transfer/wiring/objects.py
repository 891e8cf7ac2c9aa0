"""Which object store there is: the operator's own, or one that runs on the service's folder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from transfer.core.errors import StoreUnavailableError
from transfer.folder import SERVICE, ServiceFolder
from transfer.ports import Clock
from transfer.settings import Settings, variable
from transfer.storage.data_folder import DataFolder
from transfer.storage.embedded import EmbeddedStore
from transfer.storage.s3_client import S3Settings

_STOP_GRACE_SECONDS = 2.5
"""For SeaweedFS to end; nothing is lost if it is killed then."""


@dataclass(frozen=True, slots=True)
class Objects:
    """How to reach the store; `ended` is done, with a text that says how, if its server ends."""

    access: S3Settings
    ended: "asyncio.Task[str] | None" = None


@asynccontextmanager
async def run_objects(settings: Settings, clock: Clock) -> AsyncIterator[Objects]:
    """Have a store, running SeaweedFS on the folder unless settings name another one.

    Raises:
        EmbeddedStoreError: it can't be started.
    """
    if not settings.is_embedded:
        yield Objects(_own_store(settings))
        return
    store = EmbeddedStore(
        ServiceFolder(settings.data).store_path,
        clock,
        bucket=settings.s3_bucket,
        stop_grace_seconds=_STOP_GRACE_SECONDS,
    )
    async with store as access:
        yield Objects(access, store.exited)


@asynccontextmanager
async def join_objects(settings: Settings, clock: Clock) -> AsyncIterator[Objects]:
    """Have a store: the one that a service on this folder runs, if it does; see `run_objects`."""
    running = None if not settings.is_embedded else running_store(settings)
    if running is not None:
        yield Objects(running)
        return
    async with run_objects(settings, clock) as objects:
        yield objects


def running_store(settings: Settings) -> S3Settings | None:
    """Return how to reach the store that a service on this folder runs, None if none does.

    Raises:
        StoreUnavailableError: one does, and isn't ready yet.
    """
    folder = ServiceFolder(settings.data)
    if not folder.is_served():
        return None
    url = (folder.announced(SERVICE) or {}).get("store_url")
    if url is None:
        raise StoreUnavailableError("The service on this folder is starting: try again.")
    access_key, secret_key = DataFolder(folder.store_path).credentials()
    return S3Settings(
        bucket=settings.s3_bucket, endpoint_url=url, access_key=access_key, secret_key=secret_key
    )


def _own_store(settings: Settings) -> S3Settings:
    secret = settings.s3_secret_key
    return S3Settings(
        bucket=settings.s3_bucket,
        endpoint_url=settings.s3_endpoint_url,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=secret.get_secret_value() if secret else None,
        ca_file=str(settings.s3_ca_file) if settings.s3_ca_file else None,
    )


def own_or_running_store(settings: Settings) -> S3Settings | None:
    """Return how to reach a store that runs already, None if it would have to be started.

    Raises:
        StoreUnavailableError: a service is starting it just now.
    """
    return running_store(settings) if settings.is_embedded else _own_store(settings)


def needed_store(settings: Settings) -> S3Settings:
    """Return how to reach a store that runs already, for a part of a deployment.

    Raises:
        StoreUnavailableError: there is none.
    """
    running = own_or_running_store(settings)
    if running is None:
        raise StoreUnavailableError(
            f"A part of a deployment needs a store: set {variable('s3_endpoint_url')}."
        )
    return running
