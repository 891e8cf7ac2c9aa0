"""Deletions with their claims, notices and receipts; the terms of customers' accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STUCK = sa.text("stuck_since IS NOT NULL")
_SCRUB = sa.text("scrub_at IS NOT NULL")
_NOT_PURGED = sa.text("closed_at IS NOT NULL AND purged_at IS NULL")
_CALLED_OFF = sa.text("closed_at IS NULL AND purge_started_at IS NOT NULL")


def upgrade() -> None:
    """Make the tables."""
    _make_account_terms()
    _make_deletions()
    _make_receipts()
    op.create_index(
        "ix_cases_not_purged",
        "cases",
        ["closed_at", "number"],
        sqlite_where=_NOT_PURGED,
        postgresql_where=_NOT_PURGED,
    )
    op.create_index(
        "ix_cases_called_off",
        "cases",
        ["number"],
        sqlite_where=_CALLED_OFF,
        postgresql_where=_CALLED_OFF,
    )


def _make_account_terms() -> None:
    op.create_table(
        "account_terms",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("period_seconds", sa.BigInteger()),
        sa.Column("hold_reason", sa.Text()),
        sa.Column("hold_placed_by", sa.Text()),
        sa.Column("hold_placed_at", sa.DateTime(timezone=True)),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_account_terms"),
    )


def _make_deletions() -> None:
    op.create_table(
        "deletions",
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("noticed_for", sa.DateTime(timezone=True)),
        sa.Column("worker", sa.Text()),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.Column("retry_at", sa.DateTime(timezone=True)),
        sa.Column("retries", sa.Integer()),
        sa.Column("rows", sa.JSON()),
        sa.Column("stuck_since", sa.DateTime(timezone=True)),
        sa.Column("stuck_left", sa.Integer()),
        sa.Column("stuck_problem", sa.Text()),
        sa.Column("scrub_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["case_number"], ["cases.number"], name="fk_deletions_case_number_cases"
        ),
        sa.PrimaryKeyConstraint("case_number", name="pk_deletions"),
    )
    op.create_index(
        "ix_deletions_stuck",
        "deletions",
        ["stuck_since", "case_number"],
        sqlite_where=_STUCK,
        postgresql_where=_STUCK,
    )
    op.create_index(
        "ix_deletions_scrub",
        "deletions",
        ["scrub_at"],
        sqlite_where=_SCRUB,
        postgresql_where=_SCRUB,
    )
    op.create_table(
        "doomed_items",
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("item_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("key_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_number"], ["cases.number"], name="fk_doomed_items_case_number_cases"
        ),
        sa.PrimaryKeyConstraint("case_number", "item_sha256", name="pk_doomed_items"),
    )


def _make_receipts() -> None:
    op.create_table(
        "deletion_receipts",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_number"], ["cases.number"], name="fk_deletion_receipts_case_number_cases"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_deletion_receipts"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_deletion_receipts_case_number_id", "deletion_receipts", ["case_number", "id"]
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_cases_called_off", "cases")
    op.drop_index("ix_cases_not_purged", "cases")
    for table in ("deletion_receipts", "doomed_items", "deletions", "account_terms"):
        op.drop_table(table)
