"""The tables of retention: deletions, what they delete, what proves it, and accounts' terms."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from transfer.ports import StoredKind
from transfer.records.columns import SerialNumber, UtcDateTime, Word
from transfer.records.tables import cases, metadata

account_terms = Table(
    "account_terms",
    metadata,
    Column("account", Text, primary_key=True),
    Column("period_seconds", BigInteger),
    Column("hold_reason", Text),
    Column("hold_placed_by", Text),
    Column("hold_placed_at", UtcDateTime),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

deletions = Table(
    "deletions",
    metadata,
    Column("case_number", Text, ForeignKey("cases.number"), primary_key=True),
    Column("noticed_for", UtcDateTime),  # the closure whose deletion was announced
    Column("worker", Text),
    Column("claimed_until", UtcDateTime),
    Column("retry_at", UtcDateTime),  # it failed, and others go before it until then
    Column("retries", Integer),
    Column("rows", JSON(none_as_null=True)),
    Column("stuck_since", UtcDateTime),
    Column("stuck_left", Integer),
    Column("stuck_problem", Text),
    Column("scrub_at", UtcDateTime),  # when names are looked for again, once the data is gone
    Index(
        "ix_deletions_stuck",
        "stuck_since",
        "case_number",
        sqlite_where=text("stuck_since IS NOT NULL"),
        postgresql_where=text("stuck_since IS NOT NULL"),
    ),
    Index(
        "ix_deletions_scrub",
        "scrub_at",
        sqlite_where=text("scrub_at IS NOT NULL"),
        postgresql_where=text("scrub_at IS NOT NULL"),
    ),
)

doomed_items = Table(
    "doomed_items",
    metadata,
    # What it is, and its key: as digests, for the rows of a case may be many.
    Column("case_number", Text, ForeignKey("cases.number"), primary_key=True),
    Column("item_sha256", LargeBinary, primary_key=True),
    Column("key_sha256", LargeBinary, nullable=False),
    Column("kind", Word(StoredKind), nullable=False),
    Column("size", BigInteger, nullable=False),
)

deletion_receipts = Table(
    "deletion_receipts",
    metadata,
    Column("id", SerialNumber, primary_key=True),
    Column("case_number", Text, ForeignKey("cases.number"), nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
    Column("statement", Text, nullable=False),
    Column("jws", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("keys", LargeBinary, nullable=False),
    Index(None, "case_number", "id"),
    sqlite_autoincrement=True,
)

clock_marks = Table(
    "clock_marks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("believed_at", UtcDateTime, nullable=False),
)

Index(
    "ix_cases_called_off",
    cases.c.number,
    sqlite_where=text("closed_at IS NULL AND purge_started_at IS NOT NULL"),
    postgresql_where=text("closed_at IS NULL AND purge_started_at IS NOT NULL"),
)

# What the workers look for each time, among all that were ever deleted.
Index(
    "ix_cases_not_purged",
    cases.c.closed_at,
    cases.c.number,
    sqlite_where=text("closed_at IS NOT NULL AND purged_at IS NULL"),
    postgresql_where=text("closed_at IS NOT NULL AND purged_at IS NULL"),
)
