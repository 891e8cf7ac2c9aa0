"""What another case core has told of its cases."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "known_cases",
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("core_version", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("open_at", sa.DateTime(timezone=True)),
        sa.Column("told", sa.JSON()),
        sa.PrimaryKeyConstraint("case_number", name="pk_known_cases"),
        sa.ForeignKeyConstraint(
            ["case_number"], ["cases.number"], name="fk_known_cases_case_number_cases"
        ),
    )
    is_kept = sa.text("told IS NOT NULL")
    op.create_index(
        "ix_known_cases_told_at",
        "known_cases",
        ["told_at"],
        sqlite_where=is_kept,
        postgresql_where=is_kept,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("known_cases")
