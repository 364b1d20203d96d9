"""Online backup of an installation's tables, objects and key pepper into a folder.

Rows are saved first, from one snapshot, then the objects that these rows refer to. Objects are always stored before
their rows, so an object can be missing only if it was erased meanwhile; the rows are then saved again.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import IO, NamedTuple

from sqlalchemy import Connection, text

from cira_pipeline.api.key_secret import PEPPER_FILE as PEPPER_IN_HOME
from cira_pipeline.api.key_secret import load_pepper
from cira_pipeline.backup import manifest as files
from cira_pipeline.backup.manifest import Manifest, SavedTable
from cira_pipeline.clock import utc_now
from cira_pipeline.db import table_copy
from cira_pipeline.db.database import Database, revision_within
from cira_pipeline.db.documents.object_references import ObjectReference, referenced_objects, still_referenced
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.errors import BackupFailed, BackupTargetNotEmpty, ConfigurationError, ObjectMissing, PepperMismatch
from cira_pipeline.settings import Settings

_TRIES = 3
_THREADS = 8
_OBJECTS_AT_ONCE = 256
_COMPRESSION = 6
_KEYS_FILE = "object-keys"


@dataclass(frozen=True)
class Source:
    """What to back up. `with_objects`: false if the object store has its own backups (S3 with versioning)."""

    settings: Settings
    database: Database
    objects: ObjectStore
    with_objects: bool = True


class _Rows(NamedTuple):
    tables: tuple[SavedTable, ...]
    counters: dict[str, int]
    migration: str
    postgres_version: str
    pepper_ids: frozenset[str]


def save(source: Source, folder: Path, *, say: Callable[[str], None] = lambda _line: None) -> Manifest:
    """Writes a backup to `folder`, which appears only when it is complete and is readable by its owner only.

    Raises: BackupTargetNotEmpty; PepperMismatch when the pepper of the API keys is not available; BackupFailed when a
    file cannot be written; ConfigurationError when there are no tables; StoreUnavailable.
    """
    folder = folder.absolute()
    _check_free(folder)
    with _complete_folder(folder) as draft:
        for _ in range(_TRIES):
            say("Saving the tables")
            rows = _save_rows(source.database, draft)
            if source.with_objects:
                say("Saving documents and readings")
            saved = _save_objects(source, draft)
            if not saved.erased:
                break
            say(f"{len(saved.erased)} objects were erased meanwhile; saving the tables again")
        else:
            raise BackupFailed(f"documents were erased during each of {_TRIES} attempts; repeat the backup later")
        _remove_others(draft)
        (draft / _KEYS_FILE).unlink()
        pepper_id, pepper_included = _save_pepper(source.settings, rows.pepper_ids, draft)
        manifest = Manifest(
            format=files.FORMAT,
            created_at=utc_now(),
            cira_version=version("cira-pipeline"),
            migration=rows.migration,
            postgres_version=rows.postgres_version,
            object_store=source.objects.url,
            pepper_id=pepper_id,
            pepper_included=pepper_included,
            objects_included=source.with_objects,
            objects=saved.count,
            object_bytes=saved.size_bytes,
            lost_objects=tuple(saved.lost),
            tables=rows.tables,
            counters=rows.counters,
        )
        (draft / files.MANIFEST_FILE).write_text(manifest.model_dump_json(indent=2), "utf-8")
        _add_checksums(draft, [*(table.file for table in rows.tables), *([files.PEPPER_FILE] * pepper_included)])
        _add_checksums(draft, [files.MANIFEST_FILE])
    return manifest


def _check_free(folder: Path) -> None:
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise BackupFailed(f"{folder} cannot be read: {error.strerror}") from error
    if taken:
        raise BackupTargetNotEmpty(f"{folder} is not empty")


@contextmanager
def _complete_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that is synced and renamed to `folder` at the end, and removed on any failure."""
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        draft.mkdir(mode=0o700, parents=True)
        try:
            yield draft
            os.sync()
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise BackupFailed(f"{folder} cannot be written: {error.strerror or error}") from error


def _save_rows(database: Database, draft: Path) -> _Rows:
    """Saves all rows, and the keys of their objects, from one snapshot."""
    with database.begin() as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        table_copy.prepare(connection)
        migration = revision_within(connection)
        if migration is None:
            raise ConfigurationError("the database has no tables of CIRA: there is nothing to back up")
        tables = tuple(_save_table(connection, name, draft) for name in table_copy.table_names(connection))
        with _private_file(draft / _KEYS_FILE) as keys:
            for reference in referenced_objects(connection):
                keys.write(f"{reference.key}\t{reference.sha256 or ''}\n".encode())
        return _Rows(
            tables,
            table_copy.counters(connection),
            migration,
            str(connection.scalar(text("SHOW server_version"))),
            frozenset(pepper_ids(connection)),
        )


def pepper_ids(connection: Connection) -> Iterator[str]:
    """Ids of the peppers of API keys and webhook secrets; an older schema lacks one or both tables."""
    for table in ("cira.api_keys", "cira.webhook_secrets"):
        if connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is not None:
            yield from connection.scalars(text(f"SELECT DISTINCT pepper_id FROM {table}"))  # noqa: S608


def _save_table(connection: Connection, name: str, draft: Path) -> SavedTable:
    table = SavedTable(name=name, columns=table_copy.columns_of(connection, name), rows=0)
    with (
        _private_file(draft / table.file) as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=_COMPRESSION, mtime=0) as stream,
    ):
        rows = table_copy.copy_out(connection, name, table.columns, stream)
    return table.model_copy(update={"rows": rows})


@dataclass
class _Objects:
    count: int = 0
    size_bytes: int = 0
    lost: list[str] = field(default_factory=list)
    """Missing although rows refer to them."""
    erased: list[str] = field(default_factory=list)
    """Missing because they were erased; no row refers to them."""


def _save_objects(source: Source, draft: Path) -> _Objects:
    """Copies the listed objects and starts the file of checksums with them."""
    saved = _Objects()
    missing: list[str] = []
    keys = draft / _KEYS_FILE
    with (
        _private_file(draft / files.CHECKSUMS_FILE) as sums,
        keys.open(encoding="ascii") as lines,
        ThreadPoolExecutor(_THREADS) as pool,
    ):
        references = (ObjectReference(*line.rstrip("\n").split("\t")) for line in lines if source.with_objects)
        while part := list(itertools.islice(references, _OBJECTS_AT_ONCE)):
            for reference, copied in zip(part, pool.map(partial(_copy, source.objects, draft), part), strict=True):
                if copied is None:
                    missing.append(reference.key)
                    continue
                saved.count += 1
                saved.size_bytes += copied.size_bytes
                sums.write(f"{copied.sha256}  {files.OBJECTS_FOLDER}/{reference.key}\n".encode())
    with source.database.begin() as connection:
        named = still_referenced(connection, missing) if missing else set()
    saved.lost = sorted(named)
    saved.erased = sorted(set(missing) - named)
    return saved


class _Copied(NamedTuple):
    sha256: str
    size_bytes: int


def _copy(objects: ObjectStore, draft: Path, reference: ObjectReference) -> _Copied | None:
    """Copies one object; `None` if it is missing from the store or was changed."""
    try:
        content = objects.get(reference.key)
    except ObjectMissing:
        return None
    sha256 = hashlib.sha256(content).hexdigest()
    if reference.sha256 and sha256 != reference.sha256:
        return None
    with _private_file(draft / files.OBJECTS_FOLDER / reference.key) as file:
        file.write(content)
    return _Copied(sha256, len(content))


def _remove_others(draft: Path) -> None:
    """Removes objects that an earlier attempt copied and that were erased since."""
    listed = {draft / checksum.file for checksum in files.checksums(draft)}
    for path in (draft / files.OBJECTS_FOLDER).rglob("*"):
        if path.is_file() and path not in listed:
            path.unlink()


def _save_pepper(settings: Settings, pepper_ids: frozenset[str], draft: Path) -> tuple[str | None, bool]:
    """Saves the pepper unless it is a setting; returns its id and whether it is in the backup."""
    kept = settings.home / PEPPER_IN_HOME
    is_setting = settings.api_key_pepper is not None
    if not is_setting and not kept.exists():
        if pepper_ids:
            raise PepperMismatch(f"API keys were created with pepper {min(pepper_ids)}, but {kept} is missing")
        return None, False
    pepper_id = load_pepper(settings).pepper_id
    if pepper_ids and pepper_id not in pepper_ids:
        where = "CIRA_API_KEY_PEPPER" if is_setting else str(kept)
        raise PepperMismatch(f"API keys were created with pepper {min(pepper_ids)}, but {where} is pepper {pepper_id}")
    if is_setting:
        return pepper_id, False
    with _private_file(draft / files.PEPPER_FILE) as file:
        file.write(kept.read_bytes())
    return pepper_id, True


def _add_checksums(draft: Path, names: Sequence[str]) -> None:
    with (draft / files.CHECKSUMS_FILE).open("a", encoding="utf-8", newline="\n") as sums:
        sums.writelines(f"{files.file_sha256(draft / name)[0]}  {name}\n" for name in names)


@contextmanager
def _private_file(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file for writing that only its owner may read; a file of an earlier attempt is replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
