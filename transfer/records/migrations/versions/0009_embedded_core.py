"""What the embedded case core knows of a case: priority, waits, who bought; and the contacts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _added() -> list[sa.Column[Any]]:
    return [
        sa.Column("priority", sa.Text(), nullable=False, server_default="Medium"),
        sa.Column("sold_to", sa.Text()),
        sa.Column("close_reason", sa.Text()),
        sa.Column("waiting_since", sa.DateTime(timezone=True)),
        sa.Column("notices", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("noticed_at", sa.DateTime(timezone=True)),
        sa.Column("asked_at", sa.DateTime(timezone=True)),
    ]


def upgrade() -> None:
    """Add the columns and the table; a case that waits now has waited from now on."""
    with op.batch_alter_table("cases") as cases:
        for column in _added():
            cases.add_column(column)
    with op.batch_alter_table("case_updates") as updates:
        updates.add_column(sa.Column("kind", sa.Text(), nullable=False, server_default="entry"))
    is_waiting = sa.text("waiting_since IS NOT NULL")
    op.create_index(
        "ix_cases_waiting_since",
        "cases",
        ["waiting_since", "number"],
        sqlite_where=is_waiting,
        postgresql_where=is_waiting,
    )
    op.create_table(
        "contacts",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("language", sa.Text()),
        sa.PrimaryKeyConstraint("account", "person", name="pk_contacts"),
    )
    _begin_waits()


def downgrade() -> None:
    """Drop them."""
    op.drop_table("contacts")
    op.drop_index("ix_cases_waiting_since", "cases")
    with op.batch_alter_table("case_updates") as updates:
        updates.drop_column("kind")
    with op.batch_alter_table("cases") as cases:
        for column in reversed(_added()):
            cases.drop_column(column.name)


def _begin_waits() -> None:
    """Count the time from now on where Customer Care has asked or proposed something.

    Since when it really waits isn't known; from now, nobody is closed out without a reminder.
    """
    cases = sa.table(
        "cases",
        sa.column("status", sa.Text),
        sa.column("substatus", sa.Text),
        sa.column("waiting_since", sa.DateTime(timezone=True)),
    )
    asked = sa.and_(
        cases.c.status == "Awaiting Information",
        cases.c.substatus == "Information Required From Customer",
    )
    waits = sa.or_(asked, cases.c.status == "Solution Proposed")
    op.execute(sa.update(cases).where(waits).values(waiting_since=sa.func.now()))
