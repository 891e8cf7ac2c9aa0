"""Rows that are quickly written and read: tokens, of which only the id matters."""

from sqlalchemy import Connection, insert, select

from tests.contract.records.scenario import NOW
from transfer.core.access import Role
from transfer.records.tables import tokens


def add_token(connection: Connection, token_id: str) -> str:
    connection.execute(
        insert(tokens).values(
            id=token_id,
            name="n",
            role=Role.ADMIN,
            secret_sha256=token_id.encode(),
            issued_at=NOW,
            expires_at=NOW,
        )
    )
    return token_id


def token_ids(connection: Connection) -> set[str]:
    return set(connection.scalars(select(tokens.c.id)))
