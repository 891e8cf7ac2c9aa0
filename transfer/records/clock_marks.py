"""What retention's workers tell the next ones of the clock: one row."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from transfer.records.insertion import insert_unless_there
from transfer.records.retention_tables import clock_marks

_ROW = 1


def believed_at(connection: Connection) -> datetime | None:
    """Return from when on the clock was, or will be, believed; None if nobody ever looked."""
    moment: datetime | None = connection.scalar(select(clock_marks.c.believed_at))
    return moment


def believe(connection: Connection, at: datetime) -> None:
    """Keep from when on it is."""
    if not insert_unless_there(connection, clock_marks, {"id": _ROW, "believed_at": at}):
        connection.execute(update(clock_marks).values(believed_at=at))
