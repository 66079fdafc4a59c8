"""Alembic's scripts. A new one: edit tables.py, run alembic's revision with autogenerate, and read the result."""
