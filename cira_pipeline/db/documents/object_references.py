"""References from rows to objects: what a backup must contain, and what an erasure has removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

_REFERENCES = """
    SELECT object_key AS key, sha256 FROM cira.documents
    UNION ALL SELECT reading_key, NULL FROM cira.readings
    UNION ALL SELECT docling_key, NULL FROM cira.readings
"""
_REFERENCES_OF_FILES = " UNION ALL SELECT object_key, sha256 FROM cira.attached_files"
_ROWS_AT_ONCE = 5_000


class ObjectReference(NamedTuple):
    """Reference to an object. `sha256`: hash that its content must have, hexadecimal; `None` where no row states it."""

    key: str
    sha256: str | None


def referenced_objects(connection: Connection) -> Iterator[ObjectReference]:
    """Every object that a row refers to, streamed."""
    references = _REFERENCES + (_REFERENCES_OF_FILES if _has_attached_files(connection) else "")
    streamed = connection.execute(text(references), execution_options={"yield_per": _ROWS_AT_ONCE})
    for rows in streamed.partitions():
        yield from (ObjectReference(row.key, row.sha256) for row in rows)


def still_referenced(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that a row refers to now. Waits for an erasure under way, which deletes objects before rows."""
    of_documents = text("SELECT object_key FROM cira.documents WHERE object_key = ANY(:keys) FOR SHARE")
    of_readings = text("""
        SELECT reading_key, docling_key FROM cira.readings
        WHERE reading_key = ANY(:keys) OR docling_key = ANY(:keys) FOR SHARE
    """)
    wanted = {"keys": list(keys)}
    named = set(connection.scalars(of_documents, wanted))
    if _has_attached_files(connection):
        of_files = text("SELECT object_key FROM cira.attached_files WHERE object_key = ANY(:keys) FOR SHARE")
        named.update(connection.scalars(of_files, wanted))
    for row in connection.execute(of_readings, wanted):
        named.update((row.reading_key, row.docling_key))
    return named & set(keys)


def _has_attached_files(connection: Connection) -> bool:
    """An older schema, of which a backup can be made before it is migrated, has no such table."""
    return connection.scalar(text("SELECT to_regclass('cira.attached_files') IS NOT NULL")) is True
