"""`cira backup`: saves tables, documents, readings and the key pepper into a folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from cira_pipeline.backup.manifest import Manifest
from cira_pipeline.backup.saving import Source, save
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.errors import ServiceUnreachable
from cira_pipeline.local_stack.database_alone import embedded_database
from cira_pipeline.local_stack.running import running_services
from cira_pipeline.settings import Settings, load_settings


def backup(
    folder: Annotated[Path, typer.Argument(help="Folder for the backup; must be new or empty.")],
    objects: Annotated[
        bool,
        typer.Option("--objects/--no-objects", help="Include documents and readings; omit them for large S3 stores."),
    ] = True,
) -> None:
    """Back up the database, documents, readings and the key pepper to FOLDER; CIRA may be running.

    Starts the embedded PostgreSQL if `cira up` is not running. Settings (.env) and Dagster's history are not included;
    docs/backup.md lists what else to keep.
    """
    began = time.monotonic()
    with _database_at_hand() as settings:
        database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
        store = ObjectStore(settings.object_store_url, s3_endpoint_url=settings.s3_endpoint_url)
        try:
            database.ping()
            saved = save(Source(settings, database, store, objects), folder, say=_say)
        finally:
            database.dispose()
    typer.echo(f"{folder}: {summary(saved)}; {time.monotonic() - began:.1f} s.")
    _warn(saved)


@contextmanager
def _database_at_hand() -> Iterator[Settings]:
    """Settings with the database's address: the configured, the running, or one started for the block."""
    settings = load_settings()
    running = running_services(settings.home)
    if running is not None:
        settings = running.fill_in(settings)
    if settings.postgres_url is not None:
        yield settings
        return
    if not (settings.home / "postgres" / "data").exists():
        raise ServiceUnreachable(f"no database: CIRA_POSTGRES_URL is not set and {settings.home} contains none")
    with embedded_database(settings) as url:
        yield settings.model_copy(update={"postgres_url": SecretStr(url)})


def summary(manifest: Manifest) -> str:
    """The contents of a backup in one line."""
    objects = (
        f"{manifest.objects:,} objects ({size_text(manifest.object_bytes)})"
        if manifest.objects_included
        else "no objects"
    )
    pepper = "the key pepper" if manifest.pepper_included else "no key pepper"
    return f"{manifest.rows:,} rows of {len(manifest.tables)} tables, {objects}, {pepper}"


def size_text(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:,.1f} MB"


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _warn(saved: Manifest) -> None:
    if saved.pepper_id is not None and not saved.pepper_included:
        typer.echo(
            "The key pepper is a setting (CIRA_API_KEY_PEPPER) and not in the backup: back it up separately.", err=True
        )
    if not saved.objects_included:
        typer.echo(f"Documents and readings are not in the backup: back up {saved.object_store} separately.", err=True)
    for key in saved.lost_objects[:10]:
        typer.echo(f"{key} is missing from the object store, or was changed: it is not in the backup.", err=True)
    if len(saved.lost_objects) > 10:
        typer.echo(f"... and {len(saved.lost_objects) - 10:,} more; manifest.json lists all.", err=True)
