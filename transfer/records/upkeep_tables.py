"""The tables of the sweeper and the re-reading, beside those of `transfer.records.tables`."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, UniqueConstraint

from transfer.ports.upkeep import FindingKind
from transfer.records.columns import SerialNumber, UtcDateTime, Word
from transfer.records.tables import metadata

store_findings = Table(
    "store_findings",
    metadata,
    Column("id", SerialNumber, primary_key=True),
    Column("kind", Word(FindingKind), nullable=False),
    Column("object_key", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("case_number", Text),
    Column("file_id", Text),
    Column("problem", Text),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    UniqueConstraint("kind", "object_key", "item_id"),
    Index(None, "kind", "last_seen_at"),
    sqlite_autoincrement=True,
)

store_walks = Table(
    "store_walks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("cursor", Text),
    Column("listed", BigInteger, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("last_ended_at", UtcDateTime),
    Column("claimed_by", Text),
    Column("claimed_until", UtcDateTime),
)

rereads = Table(
    "rereads",
    metadata,
    Column("id", SerialNumber, primary_key=True),
    Column("case_number", Text),
    Column("cursor", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("files", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("problems", BigInteger, nullable=False),
    Column("unfinished_file_id", Text),
    Column("unfinished_offset", BigInteger),
    Column("unfinished_state", LargeBinary),
    Index(None, "case_number", "ended_at"),
    sqlite_autoincrement=True,
)
