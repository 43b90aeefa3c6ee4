"""Alembic's way into the running product: migrations run on the connection that ``core.migrate`` hands in."""

from alembic import context

from core.database import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
context.run_migrations()
