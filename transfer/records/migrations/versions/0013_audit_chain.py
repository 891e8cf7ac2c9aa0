"""The seals of the audit log, what of its entries can be erased, and triggers that keep both."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLES = ("audit_events", "audit_seals")

_SAME = ("sequence", "at", "action", "case_number", "door", "format")
"""What an erasure leaves as it is."""

_REFUSAL = "the audit log is append-only"


def upgrade() -> None:
    """Add the columns and the table, and then the triggers."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    # The default gives each row of a PostgreSQL table another one; SQLite has no such thing.
    salt = None if is_sqlite else sa.text("uuid_send(gen_random_uuid())")
    op.add_column(
        "audit_events", sa.Column("format", sa.Integer(), nullable=False, server_default="1")
    )
    op.add_column("audit_events", sa.Column("salt", sa.LargeBinary(), server_default=salt))
    op.add_column("audit_events", sa.Column("commitment", sa.LargeBinary()))
    if is_sqlite:
        op.execute("UPDATE audit_events SET salt = randomblob(16)")
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_seals"),
    )
    if is_sqlite:
        _guard_on_sqlite()
    else:
        _guard_on_postgresql()


def downgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            for way in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{way}")
    else:
        op.execute("DROP FUNCTION refuse_to_change_audit() CASCADE")
    op.drop_table("audit_seals")
    for column in ("commitment", "salt", "format"):
        op.drop_column("audit_events", column)


def _guard_on_sqlite() -> None:
    erases = _erases("IS")
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for table in _TABLES:
        unless = f"WHEN NOT ({erases}) " if table == "audit_events" else ""
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {unless}{refuse}")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}")


def _guard_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_to_change_audit() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    erases = _erases("IS NOT DISTINCT FROM")
    refuse = "EXECUTE FUNCTION refuse_to_change_audit()"
    for table in _TABLES:
        unless = f"WHEN (NOT ({erases})) " if table == "audit_events" else ""
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW "
            f"{unless}{refuse}"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW {refuse}"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT {refuse}"
        )


def _erases(equals: str) -> str:
    """Return the condition that an update takes away what is personal, and nothing else."""
    return " AND ".join(
        (
            *(f"NEW.{name} {equals} OLD.{name}" for name in _SAME),
            "OLD.salt IS NOT NULL AND NEW.salt IS NULL",
            "OLD.commitment IS NULL AND NEW.commitment IS NOT NULL",
            "(NEW.actor = OLD.actor OR NEW.actor = '(erased)')",
            f"(NEW.subject IS NULL OR NEW.subject {equals} OLD.subject)",
            "NEW.address IS NULL",
        )
    )
