"""Sessions, launches, attempts to sign in."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TOKENS = sa.table(
    "tokens",
    sa.column("id", sa.Text),
    sa.column("case_number", sa.Text),
    sa.column("cases", sa.JSON(none_as_null=True)),
    sa.column("actions", sa.JSON(none_as_null=True)),
)


def upgrade() -> None:
    """Make the tables of sign-in, and give tokens their scope."""
    _widen_tokens()
    _make_sign_ins()
    _make_sessions()
    _make_used_launches()
    _make_sign_in_failures()


def downgrade() -> None:
    """Drop the tables, and the tokens whose scope can't be told without them."""
    op.drop_table("sign_in_failures")
    op.drop_table("used_launches")
    op.drop_table("sessions")
    op.drop_table("sign_ins")
    _narrow_tokens()


def _widen_tokens() -> None:
    op.add_column("tokens", sa.Column("cases", sa.JSON(none_as_null=True)))
    op.add_column("tokens", sa.Column("actions", sa.JSON(none_as_null=True)))
    op.add_column(
        "tokens", sa.Column("issued_by", sa.Text(), nullable=False, server_default="unknown")
    )
    op.add_column("tokens", sa.Column("last_used_at", sa.DateTime(timezone=True)))
    op.create_index("ix_tokens_issued_at_id", "tokens", ["issued_at", "id"])
    connection = op.get_bind()
    limited = sa.select(_TOKENS.c.id, _TOKENS.c.case_number).where(
        _TOKENS.c.case_number.is_not(None)
    )
    for token_id, number in connection.execute(limited).all():
        connection.execute(
            sa.update(_TOKENS).where(_TOKENS.c.id == token_id).values(cases=[number])
        )
    op.drop_column("tokens", "case_number")


def _narrow_tokens() -> None:
    op.add_column("tokens", sa.Column("case_number", sa.Text()))
    connection = op.get_bind()
    for row in connection.execute(sa.select(_TOKENS)).all():
        this = _TOKENS.c.id == row.id
        if row.actions is not None or (row.cases is not None and len(row.cases) != 1):
            # Without its limits it would open more than its holder was given.
            connection.execute(sa.delete(_TOKENS).where(this))
        elif row.cases is not None:
            connection.execute(sa.update(_TOKENS).where(this).values(case_number=row.cases[0]))
    op.drop_index("ix_tokens_issued_at_id", "tokens")
    for name in ("last_used_at", "issued_by", "actions", "cases"):
        op.drop_column("tokens", name)


def _make_sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("state_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("browser_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("return_to", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_sha256", name="pk_sign_ins"),
    )
    op.create_index("ix_sign_ins_expires_at", "sign_ins", ["expires_at"])


def _make_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text()),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("address", sa.Text()),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("secret_sha256", name="uq_sessions_secret_sha256"),
    )
    op.create_index("ix_sessions_family", "sessions", ["family"])
    op.create_index("ix_sessions_case_number", "sessions", ["case_number"])
    op.create_index("ix_sessions_subject", "sessions", ["subject"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])


def _make_used_launches() -> None:
    op.create_table(
        "used_launches",
        sa.Column("launch", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("launch", name="pk_used_launches"),
    )
    op.create_index("ix_used_launches_expires_at", "used_launches", ["expires_at"])


def _make_sign_in_failures() -> None:
    op.create_table(
        "sign_in_failures",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wait_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("kind", "source", name="pk_sign_in_failures"),
    )
    op.create_index("ix_sign_in_failures_last_at", "sign_in_failures", ["last_at"])
