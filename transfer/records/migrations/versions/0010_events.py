"""Events: told to several destinations, as drops, given up; news from another case core."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_UNDELIVERED = sa.text("delivered_at IS NULL")


def upgrade() -> None:
    """Change the outbox, whose events are all for the case core so far; make the inbox."""
    _drop_outbox_indexes()
    with op.batch_alter_table("outbox", table_kwargs={"sqlite_autoincrement": True}) as outbox:
        outbox.alter_column("attempts", new_column_name="failures")
        outbox.add_column(
            sa.Column("destination", sa.Text(), nullable=False, server_default="core")
        )
        outbox.add_column(sa.Column("drop_id", sa.Text()))
        outbox.add_column(sa.Column("refusals", sa.Integer(), nullable=False, server_default="0"))
        outbox.add_column(sa.Column("dead_at", sa.DateTime(timezone=True)))
        outbox.drop_constraint("uq_outbox_id", type_="unique")
        outbox.create_unique_constraint("uq_outbox_id_destination", ["id", "destination"])
    _make_outbox_indexes(["destination", "case_number", "sequence"])
    op.create_index("ix_outbox_case_number", "outbox", ["case_number"])
    op.execute("UPDATE outbox SET failures = 0")  # they were counts of claims
    _make_inbox()
    op.create_table(
        "reading_marks",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.Column("claimed_by", sa.Text()),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("source", name="pk_reading_marks"),
    )


def downgrade() -> None:
    """Drop what came in, and what is for others than the case core; its dead letters live again."""
    op.drop_table("reading_marks")
    op.drop_table("inbox")
    op.execute("DELETE FROM outbox WHERE destination <> 'core'")
    op.drop_index("ix_outbox_case_number", "outbox")
    _drop_outbox_indexes()
    with op.batch_alter_table("outbox", table_kwargs={"sqlite_autoincrement": True}) as outbox:
        outbox.drop_constraint("uq_outbox_id_destination", type_="unique")
        outbox.drop_column("dead_at")
        outbox.drop_column("refusals")
        outbox.drop_column("drop_id")
        outbox.drop_column("destination")
        outbox.alter_column("failures", new_column_name="attempts")
        outbox.create_unique_constraint("uq_outbox_id", ["id"])
    _make_outbox_indexes(["case_number", "sequence"])


def _drop_outbox_indexes() -> None:
    for name in ("ix_outbox_due", "ix_outbox_undelivered"):
        op.drop_index(name, "outbox")


def _make_outbox_indexes(undelivered: list[str]) -> None:
    for name, columns in (("ix_outbox_due", ["run_at"]), ("ix_outbox_undelivered", undelivered)):
        op.create_index(
            name, "outbox", columns, sqlite_where=_UNDELIVERED, postgresql_where=_UNDELIVERED
        )


def _make_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger()),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
    )
    is_due = sa.text("done_at IS NULL")
    op.create_index(
        "ix_inbox_due", "inbox", ["run_at"], sqlite_where=is_due, postgresql_where=is_due
    )
    op.create_index("ix_inbox_done_at", "inbox", ["done_at"])
