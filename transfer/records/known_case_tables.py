"""The table of what another case core has told of its cases."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Table, Text, text

from transfer.records.columns import UtcDateTime
from transfer.records.tables import metadata

known_cases = Table(
    "known_cases",
    metadata,
    Column("case_number", Text, ForeignKey("cases.number"), primary_key=True),
    Column("core_version", BigInteger, nullable=False),
    Column("told_at", UtcDateTime, nullable=False),
    Column("open_at", UtcDateTime),  # when it was heard last that the case is open
    # All that it told, so that nothing is missing while it is away; none once the data is deleted.
    Column("told", JSON(none_as_null=True)),
    # Of the cases that have data, the one that was asked for longest ago.
    Index(
        "ix_known_cases_told_at",
        "told_at",
        sqlite_where=text("told IS NOT NULL"),
        postgresql_where=text("told IS NOT NULL"),
    ),
)
