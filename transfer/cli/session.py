"""One command's work on the records, whether the service is running or not."""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from transfer.core.access import Door, Principal, Role
from transfer.core.errors import RecordsUnavailableError
from transfer.folder import ServiceFolder
from transfer.settings import Settings, load
from transfer.telemetry import configure_logs

if TYPE_CHECKING:
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
