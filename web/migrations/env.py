"""Alembic's entry point: runs the revisions on the connection ``upgrade`` hands over."""

from alembic import context

from web.migrations import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
)
context.run_migrations()
