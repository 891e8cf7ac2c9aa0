"""The CRC-32 of files, which an archive tells of each before its bytes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what was sent before has none, and gets it when it is first needed."""
    op.add_column("files", sa.Column("digest_crc32", sa.BigInteger()))
    op.add_column("uploads", sa.Column("digest_crc32", sa.BigInteger()))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("uploads", "digest_crc32")
    op.drop_column("files", "digest_crc32")
