"""Alembic environment: runs the migrations on the connection, and in the transaction, of `Database.migrate`."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from cira_pipeline.db.schema.tables import SCHEMA, metadata


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
        include_name=lambda name, kind, _: name == SCHEMA if kind == "schema" else True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


_migrate(context.config.attributes["connection"])
