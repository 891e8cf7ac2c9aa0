"""What Alembic runs: the migrations, on the connection that `transfer.records.migrate` made."""

from alembic import context

from transfer.records import (
    audit_tables,
    contact_tables,
    event_tables,
    key_tables,
    known_case_tables,
    upkeep_tables,
)
from transfer.records.tables import metadata

OTHER_TABLES = (
    audit_tables.audit_seals,
    contact_tables.contacts,
    event_tables.inbox,
    key_tables.case_keys,
    known_case_tables.known_cases,
    upkeep_tables.store_findings,
)
"""Those that aren't in `transfer.records.tables`, named so that `metadata` has them."""

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
    transactional_ddl=True,  # also on SQLite, where the transaction has begun already
)
with context.begin_transaction():
    context.run_migrations()
