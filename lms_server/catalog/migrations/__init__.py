"""Alembic's scripts. A new one: edit tables.py, then `alembic.command.revision(autogenerate=True)` and read the result."""
