"""Bans: networks from which nobody is let in."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "bans",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("banned_by", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_bans"),
        sa.UniqueConstraint("network", name="uq_bans_network"),
    )
    op.create_index("ix_bans_since_id", "bans", ["since", "id"])
    op.create_index("ix_bans_until", "bans", ["until"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("bans")
