"""Indexes: of what cases hold, and of those who didn't get in."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FAILED = sa.text(
    "action IN ('token.refused', 'session.refused', 'launch.refused', 'password.refused', "
    "'oidc.refused', 'csrf.refused', 'case.refused', 'sftp.refused')"
)


def upgrade() -> None:
    """Make them."""
    op.create_index("ix_files_use", "files", ["case_number", "size"])
    op.create_index(
        "ix_audit_events_refused",
        "audit_events",
        ["at", "sequence"],
        sqlite_where=_FAILED,
        postgresql_where=_FAILED,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_audit_events_refused", "audit_events")
    op.drop_index("ix_files_use", "files")
