"""`cira migrate`: migrates the database's tables; needed where `cira up` does not start the services."""

from __future__ import annotations

import typer

from cira_pipeline.cli.services import connected_settings
from cira_pipeline.db.database import Database


def migrate() -> None:
    """Migrate the tables of schema `cira` to this version. Run it before a new version starts; repeating is safe."""
    settings = connected_settings()
    database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
    try:
        was_current = database.is_migrated()
        password = settings.analyst_password
        database.migrate(analyst_password=password.get_secret_value() if password else None)
    finally:
        database.dispose()
    typer.echo("The tables were already up to date." if was_current else "The tables were migrated to this version.")
