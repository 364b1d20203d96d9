"""Alembic migrations of schema `cira`, applied by `Database.migrate`, never by hand."""
