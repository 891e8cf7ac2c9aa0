"""The tables of news from another case core: what came in, and how far it was asked."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from transfer.records.columns import UtcDateTime
from transfer.records.tables import metadata

inbox = Table(
    "inbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("case_number", Text, nullable=False),
    Column("version", BigInteger),
    Column("received_at", UtcDateTime, nullable=False),
    Column("run_at", UtcDateTime, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error", Text),
    Column("done_at", UtcDateTime),
    Index(
        "ix_inbox_due",
        "run_at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    Index(None, "done_at"),
)

reading_marks = Table(
    "reading_marks",
    metadata,
    Column("source", Text, primary_key=True),
    Column("cursor", Text),
    Column("read_at", UtcDateTime),
    Column("claimed_by", Text),
    Column("claimed_until", UtcDateTime),
)
