"""What the sweeper finds, how far it and re-reading have come, and when clocks were believed."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "store_findings",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("case_number", sa.Text()),
        sa.Column("file_id", sa.Text()),
        sa.Column("problem", sa.Text()),
        sa.Column("first_seen_at", _MOMENT, nullable=False),
        sa.Column("last_seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_store_findings"),
        sa.UniqueConstraint(
            "kind", "object_key", "item_id", name="uq_store_findings_kind_object_key_item_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_store_findings_kind_last_seen_at", "store_findings", ["kind", "last_seen_at"]
    )
    op.create_table(
        "store_walks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("listed", sa.BigInteger(), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.Column("last_ended_at", _MOMENT),
        sa.Column("claimed_by", sa.Text()),
        sa.Column("claimed_until", _MOMENT),
        sa.PrimaryKeyConstraint("name", name="pk_store_walks"),
    )
    op.create_table(
        "rereads",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_number", sa.Text()),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("problems", sa.BigInteger(), nullable=False),
        sa.Column("unfinished_file_id", sa.Text()),
        sa.Column("unfinished_offset", sa.BigInteger()),
        sa.Column("unfinished_state", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_rereads"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rereads_case_number_ended_at", "rereads", ["case_number", "ended_at"])
    op.create_table(
        "clock_marks",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("believed_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clock_marks"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("clock_marks")
    op.drop_table("rereads")
    op.drop_table("store_walks")
    op.drop_table("store_findings")
