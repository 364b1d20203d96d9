"""Format of a backup on disk: the manifest, and the checksums of all files in the format of `sha256sum -c`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from cira_pipeline.errors import BackupDamaged, BackupTooNew

FORMAT = 1
MANIFEST_FILE = "manifest.json"
CHECKSUMS_FILE = "SHA256SUMS"
PEPPER_FILE = "secrets/key-pepper"
OBJECTS_FOLDER = "objects"


class SavedTable(BaseModel):
    """A table in a backup; `columns` are in the order of the file's fields."""

    model_config = ConfigDict(frozen=True)

    name: str
    columns: tuple[str, ...]
    rows: int

    @property
    def file(self) -> str:
        return f"tables/{self.name}.copy.gz"


class Manifest(BaseModel):
    """Contents and origin of a backup."""

    model_config = ConfigDict(frozen=True)

    format: int
    created_at: datetime
    cira_version: str
    migration: str
    """Alembic's revision of the tables."""
    postgres_version: str
    object_store: str
    pepper_id: str | None
    """Id of the pepper of API keys and webhook secrets; `None`: there was none."""
    pepper_included: bool
    objects_included: bool
    objects: int
    object_bytes: int
    lost_objects: tuple[str, ...]
    """Objects that rows refer to but that were missing from the object store."""
    tables: tuple[SavedTable, ...]
    counters: dict[str, int]
    """The last value of each sequence."""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


class Checksum(NamedTuple):
    """One line of the file of checksums."""

    sha256: str
    file: str
    """Path below the backup's folder."""


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the backup in `folder`. Raises: BackupDamaged; BackupTooNew for a format of a later version."""
    try:
        text = (folder / MANIFEST_FILE).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BackupDamaged(f"{folder} is not a backup: {MANIFEST_FILE} cannot be read") from error
    try:
        found = _Format.model_validate_json(text)
        if found.format > FORMAT:
            raise BackupTooNew(f"the backup has format {found.format}, made by CIRA {found.cira_version}")
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise BackupDamaged(f"{folder / MANIFEST_FILE} is damaged") from error


def checksums(folder: Path) -> Iterator[Checksum]:
    """The files of the backup with their expected checksums. Raises: BackupDamaged."""
    try:
        with (folder / CHECKSUMS_FILE).open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                sha256, separator, file = line.rstrip("\n").partition("  ")
                inside = not Path(file).is_absolute() and ".." not in Path(file).parts
                if len(sha256) != 64 or not separator or not file or not inside:
                    raise BackupDamaged(f"{folder / CHECKSUMS_FILE} is damaged")
                yield Checksum(sha256, file)
    except (OSError, UnicodeDecodeError) as error:
        raise BackupDamaged(f"{folder / CHECKSUMS_FILE} cannot be read") from error


def verify(folder: Path, manifest: Manifest) -> int:
    """Verifies all checksums; returns the total size in bytes. Raises: BackupDamaged, which names the file."""
    size = objects = 0
    listed = set[str]()
    for expected in checksums(folder):
        try:
            sha256, size_bytes = file_sha256(folder / expected.file)
        except OSError as error:
            raise BackupDamaged(f"{expected.file} cannot be read: {error.strerror}") from error
        if sha256 != expected.sha256:
            raise BackupDamaged(f"{expected.file} was changed after the backup: its checksum differs")
        size += size_bytes
        if expected.file.startswith(f"{OBJECTS_FOLDER}/"):
            objects += 1
        else:
            listed.add(expected.file)
    needed = {MANIFEST_FILE, *(table.file for table in manifest.tables)}
    needed |= {PEPPER_FILE} if manifest.pepper_included else set()
    if needed - listed:
        raise BackupDamaged(f"{CHECKSUMS_FILE} does not list {min(needed - listed)}")
    if objects != manifest.objects:
        raise BackupDamaged(f"the backup has {objects:,} objects; expected {manifest.objects:,} by its manifest")
    return size


def file_sha256(path: Path) -> tuple[str, int]:
    """SHA-256 (hexadecimal) and size in bytes of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


class _Format(BaseModel):
    """The fields that every later format will have."""

    format: int
    cira_version: str
