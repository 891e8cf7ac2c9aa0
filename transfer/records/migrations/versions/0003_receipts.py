"""Receipts of uploads, and acknowledgements of the warning."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_HAS_FILE = sa.text("file_id IS NOT NULL")


def upgrade() -> None:
    """Keep what receipts say, claims that don't match, the keys that sign, and who has agreed."""
    op.add_column("uploads", sa.Column("receipt", sa.Text()))
    op.create_index(
        "ix_uploads_file_id",
        "uploads",
        ["file_id"],
        sqlite_where=_HAS_FILE,
        postgresql_where=_HAS_FILE,
    )
    op.add_column("files", sa.Column("claimed_sha256", sa.Text()))
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.JSON(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )
    _make_acknowledgements()


def downgrade() -> None:
    """Forget them."""
    op.drop_table("acknowledgements")
    op.drop_table("notices")
    op.drop_table("signing_keys")
    op.drop_column("files", "claimed_sha256")
    op.drop_index("ix_uploads_file_id", "uploads")
    op.drop_column("uploads", "receipt")


def _make_acknowledgements() -> None:
    op.create_table(
        "notices",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_notices"),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_number"], ["cases.number"], name="fk_acknowledgements_case_number_cases"
        ),
        sa.ForeignKeyConstraint(
            ["version"], ["notices.version"], name="fk_acknowledgements_version_notices"
        ),
        sa.PrimaryKeyConstraint("case_number", "person", "version", name="pk_acknowledgements"),
    )
