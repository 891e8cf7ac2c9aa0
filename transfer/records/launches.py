"""Launch links that were used, in rows."""

from datetime import datetime

from sqlalchemy import Connection, delete

from transfer.records.database import Database
from transfer.records.insertion import insert_unless_there
from transfer.records.tables import used_launches


class SqlLaunchRecords:
    """The launch links that were used; plays the role `transfer.ports.LaunchRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def use(self, launch: str, expires_at: datetime) -> bool:
        """Take note that `launch` is used; False if it was before. One of two at once gets True."""
        values = {"launch": launch, "expires_at": expires_at}
        return await self._database.write(insert_unless_there, used_launches, values)

    async def forget(self, before: datetime) -> int:
        """Delete the rows of links that expired before then; return how many."""
        return await self._database.write(_forget, before)


def _forget(connection: Connection, before: datetime) -> int:
    expired = delete(used_launches).where(used_launches.c.expires_at < before)
    return connection.execute(expired).rowcount
