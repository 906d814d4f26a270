"""Runs the history on the connection that `core.store.migrate` hands over, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from alembic import context

from core.store.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
