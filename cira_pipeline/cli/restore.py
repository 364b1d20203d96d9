"""`cira restore`: restores a backup into an empty database and home."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from cira_pipeline.backup.restoring import Target, missing_objects
from cira_pipeline.backup.restoring import restore as restore_backup
from cira_pipeline.cli.backup import summary
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.errors import AlreadyRunning
from cira_pipeline.local_stack.database_alone import embedded_database
from cira_pipeline.local_stack.running import running_services
from cira_pipeline.settings import Settings, load_settings


def restore(folder: Annotated[Path, typer.Argument(help="Folder created by `cira backup`.")]) -> None:
    """Restore the backup in FOLDER into an empty database and home, while CIRA is stopped.

    All files are verified before anything is written, and the restore is all or nothing. Unfinished jobs resume when
    CIRA is started.
    """
    began = time.monotonic()
    with _database_to_fill() as settings:
        database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
        store = ObjectStore(settings.object_store_url, s3_endpoint_url=settings.s3_endpoint_url)
        try:
            database.ping()
            restored = restore_backup(folder, Target(settings, database, store), say=_say)
            missing = () if restored.objects_included else missing_objects(database, store)
        finally:
            database.dispose()
    made = f"{restored.created_at:%Y-%m-%d %H:%M} UTC by CIRA {restored.cira_version}"
    typer.echo(f"Restored the backup of {made}: {summary(restored)}; {time.monotonic() - began:.1f} s.")
    if missing:
        typer.echo(
            f"The backup contains no documents and readings, and {len(missing)} of the newest 100 documents are "
            f"missing from {store.url}: restore that store too.",
            err=True,
        )
    typer.echo("Start CIRA with `cira up`, or start your services, then check them with `cira doctor`.", err=True)


@contextmanager
def _database_to_fill() -> Iterator[Settings]:
    settings = load_settings()
    running = running_services(settings.home)
    if running is not None:
        raise AlreadyRunning(f"`cira up` is running on {settings.home} (process {running.supervisor_pid})")
    if settings.postgres_url is not None:
        yield settings
        return
    with embedded_database(settings) as url:
        yield settings.model_copy(update={"postgres_url": SecretStr(url)})


def _say(line: str) -> None:
    typer.echo(line, err=True)
