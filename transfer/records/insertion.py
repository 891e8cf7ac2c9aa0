"""Inserting a row that may be there already, on either database."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, literal
from sqlalchemy.dialects import postgresql, sqlite


def insert_unless_there(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row; False, with nothing written, if there is one of its keys.

    One statement, so that of many at once one does it and none fails.
    """
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    inserting = dialect.insert(table).values(values).on_conflict_do_nothing()
    # Not by the count of rows, which isn't told of an INSERT on every database.
    return connection.execute(inserting.returning(literal(1))).first() is not None
