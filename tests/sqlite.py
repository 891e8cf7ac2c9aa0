"""Real records in a SQLite file, for tests of what stands on them."""

import asyncio
import functools
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from transfer.ports import Records
from transfer.records.assembly import open_records
from transfer.records.database import Database
from transfer.records.migrate import upgrade


@asynccontextmanager
async def sqlite_records(folder: Path) -> AsyncIterator[Records]:
    """Make and open records below `folder`, and close them at the end."""
    file = folder / "records.db"
    file.write_bytes(await asyncio.to_thread(_empty_database))
    database = await Database.open(f"sqlite:///{file}")
    try:
        yield open_records(database)
    finally:
        await database.close()


@functools.cache
def _empty_database() -> bytes:
    """Return a database with all its tables: the migrations run once a test session."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        upgrade(f"sqlite:///{file}")
        return file.read_bytes()
