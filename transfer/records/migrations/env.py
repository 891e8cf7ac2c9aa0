"""What Alembic runs: the migrations, on the connection that `transfer.records.migrate` made."""

from alembic import context

from transfer.records.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
    transactional_ddl=True,  # also on SQLite, where the transaction has begun already
)
with context.begin_transaction():
    context.run_migrations()
