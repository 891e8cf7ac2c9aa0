"""Processes that open a new SQLite file at the same moment."""

import asyncio
from pathlib import Path

from pysqlite3 import dbapi2

from transfer.records.database import Database


async def test_a_new_file_that_somebody_writes_to_is_waited_for(tmp_path: Path) -> None:
    """Nobody can switch it to WAL meanwhile, and SQLite refuses that without waiting."""
    path = tmp_path / "new.db"
    other = dbapi2.connect(path, isolation_level=None)
    other.execute("CREATE TABLE anything (number)")
    other.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(0.5, other.execute, "COMMIT")
    database = await Database.open(f"sqlite:///{path}")
    await database.close()
    other.close()
    seen = dbapi2.connect(path)
    assert seen.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    seen.close()
