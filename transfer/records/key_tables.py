"""The table of cases' keys, beside those of `transfer.records.tables`."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text

from transfer.records.columns import UtcDateTime
from transfer.records.tables import metadata

case_keys = Table(
    "case_keys",
    metadata,
    Column("case_id", Text, ForeignKey("cases.id"), primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("master", Text),  # with the next one: none once the key is destroyed
    Column("sealed", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False),
    Column("destroyed_at", UtcDateTime),
    Index(None, "master", "case_id"),
)
