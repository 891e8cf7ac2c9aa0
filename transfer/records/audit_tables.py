"""The table of the audit log's seals, beside those of `transfer.records.tables`."""

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from transfer.records.tables import metadata

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("jws", Text, nullable=False),
    Column("digests", LargeBinary, nullable=False),
)
