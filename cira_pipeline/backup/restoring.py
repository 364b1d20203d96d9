"""Restores a backup, all or nothing.

All checksums are verified before anything is written. The rows are restored in one transaction, which is committed
last: after a failure the database is as empty as before, and the restore can be repeated.
"""

from __future__ import annotations

import gzip
import itertools
import os
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, text

from cira_pipeline.api.key_secret import PEPPER_FILE as PEPPER_IN_HOME
from cira_pipeline.api.key_secret import Pepper, load_pepper
from cira_pipeline.backup import manifest as files
from cira_pipeline.backup.manifest import Manifest, SavedTable
from cira_pipeline.db import table_copy
from cira_pipeline.db.database import Database, known_revisions, migrate_within, revision_within
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.schema.analysts import admit_analysts
from cira_pipeline.db.schema.tables import SCHEMA
from cira_pipeline.errors import (
    BackupDamaged,
    BackupTooNew,
    PepperMismatch,
    RestoreTargetNotEmpty,
)
from cira_pipeline.settings import Settings

_THREADS = 8
_OBJECTS_AT_ONCE = 256


@dataclass(frozen=True)
class Target:
    """Where a backup is restored to: a home, an empty database and an empty object store."""

    settings: Settings
    database: Database
    objects: ObjectStore


def restore(folder: Path, target: Target, *, say: Callable[[str], None] = lambda _line: None) -> Manifest:
    """Restores the backup in `folder` into `target` and migrates its tables to this version.

    Raises: BackupDamaged, BackupTooNew, PepperMismatch, RestoreTargetNotEmpty (nothing was changed); StoreUnavailable,
    ConfigurationError.
    """
    folder = folder.absolute()
    manifest = files.read_manifest(folder)
    if manifest.migration not in known_revisions():
        raise BackupTooNew(
            f"the backup's tables have migration {manifest.migration}, made by CIRA {manifest.cira_version}"
        )
    _check_pepper(manifest, target.settings)
    _check_objects(folder, manifest, target.objects)
    with target.database.begin() as connection:
        _check_empty(connection)
    say(f"Verifying {files.CHECKSUMS_FILE}")
    files.verify(folder, manifest)
    _check_saved_pepper(folder, manifest)
    with target.database.begin() as connection:
        say("Restoring the tables")
        _make_tables(connection, manifest)
        with table_copy.without_foreign_keys(connection):
            for table in manifest.tables:
                _restore_table(connection, folder, table)
        for sequence, last_value in manifest.counters.items():
            table_copy.set_counter(connection, sequence, last_value)
        migrate_within(connection)
        password = target.settings.analyst_password
        admit_analysts(connection, password.get_secret_value() if password else None)
        if manifest.objects_included:
            say("Restoring documents and readings")
            _restore_objects(folder, target.objects)
        if manifest.pepper_included and target.settings.api_key_pepper is None:
            _restore_pepper(folder, target.settings.home)
    return manifest


def _check_pepper(manifest: Manifest, settings: Settings) -> None:
    if manifest.pepper_id is None:
        return
    kept = settings.home / PEPPER_IN_HOME
    if settings.api_key_pepper is not None:
        given = load_pepper(settings).pepper_id
        if given != manifest.pepper_id:
            raise PepperMismatch(f"the backup's keys need pepper {manifest.pepper_id}; CIRA_API_KEY_PEPPER is {given}")
    elif kept.exists():
        if load_pepper(settings).pepper_id != manifest.pepper_id:
            raise RestoreTargetNotEmpty(f"{kept} contains another pepper than the backup")
    elif not manifest.pepper_included:
        raise PepperMismatch(
            f"the backup's keys need pepper {manifest.pepper_id}, which was a setting and is not in the backup"
        )


def _check_saved_pepper(folder: Path, manifest: Manifest) -> None:
    if manifest.pepper_included:
        saved = Pepper((folder / files.PEPPER_FILE).read_text("utf-8").strip())
        if saved.pepper_id != manifest.pepper_id:
            raise BackupDamaged(f"{files.PEPPER_FILE} is not the pepper that the manifest names")


def _check_objects(folder: Path, manifest: Manifest, objects: ObjectStore) -> None:
    """Requires an empty object store, apart from objects of an interrupted restore of the same backup."""
    if not manifest.objects_included:
        return
    strange = next((key for key in objects.keys() if not (folder / files.OBJECTS_FOLDER / key).is_file()), None)  # noqa: SIM118
    if strange is not None:
        raise RestoreTargetNotEmpty(f"the object store {objects.url} is not empty: it contains {strange}")


def _check_empty(connection: Connection) -> None:
    taken = next((name for name in table_copy.table_names(connection) if table_copy.has_rows(connection, name)), None)
    if taken is not None:
        raise RestoreTargetNotEmpty(f"the database is not empty: table {SCHEMA}.{taken} has rows")


def _make_tables(connection: Connection, manifest: Manifest) -> None:
    """Creates empty tables in the backup's version; empty tables of another version are dropped."""
    migrated = connection.scalar(text("SELECT to_regclass(:table)"), {"table": f"{SCHEMA}.alembic_version"})
    if migrated is not None and revision_within(connection) != manifest.migration:
        # Locked first, so that nothing can be written after the check.
        for name in table_copy.table_names(connection):
            connection.execute(text(f'LOCK TABLE {SCHEMA}."{name}" IN ACCESS EXCLUSIVE MODE'))
        _check_empty(connection)
        connection.execute(text(f"DROP SCHEMA {SCHEMA} CASCADE"))
    migrate_within(connection, to=manifest.migration)
    table_copy.prepare(connection)
    for name in table_copy.table_names(connection):
        connection.execute(text(f'LOCK TABLE {SCHEMA}."{name}" IN ACCESS EXCLUSIVE MODE'))
    _check_empty(connection)


def _restore_table(connection: Connection, folder: Path, table: SavedTable) -> None:
    if not set(table.columns) <= set(table_copy.columns_of(connection, table.name)):
        raise BackupDamaged(f"table {table.name} of the backup has columns that its version does not have")
    try:
        with gzip.GzipFile(folder / table.file) as stream:
            rows = table_copy.copy_in(connection, table.name, table.columns, stream)
    except (OSError, EOFError, zlib.error) as error:
        raise BackupDamaged(f"{table.file} cannot be unpacked: {error}") from error
    if rows != table.rows:
        raise BackupDamaged(f"{table.file} has {rows:,} rows; expected {table.rows:,} by the manifest")


def _restore_objects(folder: Path, objects: ObjectStore) -> None:
    prefix = f"{files.OBJECTS_FOLDER}/"
    keys = (each.file.removeprefix(prefix) for each in files.checksums(folder) if each.file.startswith(prefix))
    with ThreadPoolExecutor(_THREADS) as pool:
        while part := list(itertools.islice(keys, _OBJECTS_AT_ONCE)):
            list(pool.map(partial(_put, folder, objects), part))


def _put(folder: Path, objects: ObjectStore, key: str) -> None:
    try:
        content = (folder / files.OBJECTS_FOLDER / key).read_bytes()
    except OSError as error:
        raise BackupDamaged(f"{files.OBJECTS_FOLDER}/{key} cannot be read: {error.strerror}") from error
    objects.put(key, content)


def _restore_pepper(folder: Path, home: Path) -> None:
    path = home / PEPPER_IN_HOME
    if path.exists():
        return
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.restored")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write((folder / files.PEPPER_FILE).read_bytes())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def missing_objects(database: Database, objects: ObjectStore, *, newest: int = 100) -> Sequence[str]:
    """Keys of the newest documents' objects that are missing from the store, for a restore without objects."""
    with database.begin() as connection:
        keys = connection.scalars(
            text("SELECT object_key FROM cira.documents ORDER BY created_at DESC LIMIT :newest"), {"newest": newest}
        ).all()
    return [key for key in keys if not objects.exists(key)]
