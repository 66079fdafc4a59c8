"""Called by alembic with the connection that lms_server.catalog.migrate opened."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from lms_server.catalog import tables

assert tables.Room.metadata is SQLModel.metadata  # noqa: S101  importing the tables is what fills the metadata
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
