"""One command's work on the records, whether the service is running or not."""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from transfer.core.access import Door, Principal, Role
from transfer.core.errors import RecordsUnavailableError
from transfer.folder import ServiceFolder
from transfer.settings import Settings, load
from transfer.telemetry import configure_logs

if TYPE_CHECKING:
    from transfer.storage.s3_client import S3Settings
    from transfer.wiring.parts import Parts

T = TypeVar("T")


def prepared(data: Path | None) -> Settings:
    """Return the settings of a command, with logs set up and the folder made.

    Raises:
        SettingsError: they can't be used.
    """
    settings = load(data=data)
    # A command's result is what it prints; of what happens on the way, only trouble matters.
    level = "warning" if settings.log_level == "info" else settings.log_level
    configure_logs(level, settings.log_format)
    ServiceFolder(settings.data).prepare()
    return settings


def with_parts(data: Path | None, work: Callable[["Parts"], Awaitable[T]]) -> T:
    """Do `work` with the records open; tables that are missing in the folder are made first.

    Raises:
        RecordsUnavailableError: no database, or one that isn't migrated.
    """
    from transfer.wiring.parts import open_parts

    settings = prepared(data)
    check_tables(settings)

    async def run() -> T:
        async with open_parts(settings) as parts:
            return await work(parts)

    return asyncio.run(run())


def with_store(
    data: Path | None, work: Callable[["Parts"], Awaitable[T]], *, attempts: int | None = None
) -> T:
    """Do `work` with records and store: the one that runs, or the folder's own for that long.

    `attempts` is how often a request to the store is tried, where that isn't left to the store's
    client.

    Raises:
        RecordsUnavailableError, StoreUnavailableError: they can't be had.
    """
    from transfer.clock import SystemClock
    from transfer.storage.s3 import S3ObjectStore
    from transfer.wiring.objects import join_objects
    from transfer.wiring.parts import open_parts

    settings, clock = prepared(data), SystemClock()
    check_tables(settings)

    async def run() -> T:
        async with (
            join_objects(settings, clock) as objects,
            S3ObjectStore(_patient(objects.access, attempts)) as store,
            open_parts(settings, store=store, clock=clock) as parts,
        ):
            await store.ensure_bucket()
            return await work(parts)

    return asyncio.run(run())


def check_tables(settings: Settings) -> None:
    """Have the tables of this version: made here in the folder, expected in a shared database.

    Raises:
        RecordsUnavailableError: a shared database is behind.
    """
    from transfer.records import migrate
    from transfer.wiring.parts import database_url

    url = database_url(settings)
    if settings.database_url is None:
        migrate.upgrade(url)
    elif migrate.pending(url):
        raise RecordsUnavailableError("The database is behind: run `transfer migrate` first.")


def operator() -> Principal:
    """Return who uses the command line, by the name that the system knows them by."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"user {os.getuid()}"
    return Principal(name=name, role=Role.ADMIN, door=Door.CLI)


def _patient(access: "S3Settings", attempts: int | None) -> "S3Settings":
    return access if attempts is None else replace(access, attempts=attempts)
