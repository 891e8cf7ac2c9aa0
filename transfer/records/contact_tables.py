"""The table of contacts: the people of customers' accounts."""

from sqlalchemy import Column, Table, Text

from transfer.core.contacts import ContactKind
from transfer.records.columns import Word
from transfer.records.tables import metadata

contacts = Table(
    "contacts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("kind", Word(ContactKind), nullable=False),
    Column("email", Text),
    Column("language", Text),
)
