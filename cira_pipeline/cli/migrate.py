"""`cira migrate`: the database's tables, where something else than `cira up` starts the services."""

from __future__ import annotations

import typer

from cira_pipeline.cli.services import connected_settings
from cira_pipeline.db.database import Database


def migrate() -> None:
    """Bring the tables of schema `cira` up to date: before a new version starts, and as often as you like."""
    settings = connected_settings()
    database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
    try:
        was_current = database.is_migrated()
        password = settings.analyst_password
        database.migrate(analyst_password=password.get_secret_value() if password else None)
    finally:
        database.dispose()
    typer.echo("The tables were up to date." if was_current else "The tables are up to date now.")
