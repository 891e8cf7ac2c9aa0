"""Uploads that are pieces of others."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_IN_A_CONCATENATION = sa.text("concat IS NOT NULL")


def upgrade() -> None:
    """Tell pieces and what is made of them from other uploads, and keep which are in what."""
    op.add_column("uploads", sa.Column("concat", sa.Text()))
    op.add_column("uploads", sa.Column("concat_header", sa.Text()))
    op.create_index(
        "ix_uploads_concat",
        "uploads",
        ["concat", "state", "expires_at"],
        sqlite_where=_IN_A_CONCATENATION,
        postgresql_where=_IN_A_CONCATENATION,
    )
    op.create_table(
        "upload_pieces",
        sa.Column("upload_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("piece_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["uploads.id"], name="fk_upload_pieces_upload_id_uploads"
        ),
        sa.ForeignKeyConstraint(
            ["piece_id"], ["uploads.id"], name="fk_upload_pieces_piece_id_uploads"
        ),
        sa.PrimaryKeyConstraint("upload_id", "position", name="pk_upload_pieces"),
    )
    op.create_index("ix_upload_pieces_piece_id", "upload_pieces", ["piece_id"])


def downgrade() -> None:
    """Forget which are which: none of them is a file."""
    op.drop_table("upload_pieces")
    op.drop_index("ix_uploads_concat", "uploads")
    op.drop_column("uploads", "concat_header")
    op.drop_column("uploads", "concat")
