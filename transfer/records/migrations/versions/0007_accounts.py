"""What SFTP accounts have beside a password: keys, networks, a label; and how they are used."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _added() -> list[sa.Column[Any]]:
    return [
        sa.Column("label", sa.Text(), nullable=False, server_default=""),
        sa.Column("public_keys", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("networks", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("attested_version", sa.Text()),
        sa.Column("issue", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("sessions", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("bytes_received", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("last_seen_at", sa.DateTime(timezone=True)),
        sa.Column("last_address", sa.Text()),
    ]


def upgrade() -> None:
    """Add the columns; an account may have no password, and only keys."""
    with op.batch_alter_table("sftp_accounts") as accounts:
        accounts.alter_column("password_hash", existing_type=sa.LargeBinary(), nullable=True)
        for column in _added():
            accounts.add_column(column)


def downgrade() -> None:
    """Drop the columns, and the accounts that nobody could log in to without them.

    Also those of some networks alone: without their limit they would open to all.
    """
    accounts = sa.table(
        "sftp_accounts", sa.column("password_hash", sa.LargeBinary), sa.column("networks", sa.JSON)
    )
    limited = sa.cast(accounts.c.networks, sa.Text) != "[]"
    op.execute(sa.delete(accounts).where(sa.or_(accounts.c.password_hash.is_(None), limited)))
    with op.batch_alter_table("sftp_accounts") as table:
        for column in reversed(_added()):
            table.drop_column(column.name)
        table.alter_column("password_hash", existing_type=sa.LargeBinary(), nullable=False)
