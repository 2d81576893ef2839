"""Runs migrations on the connection that `storage.migrate` hands over, in its transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=False,
    transactional_ddl=True,
)
context.run_migrations()
