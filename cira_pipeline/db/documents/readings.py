"""Readings: text lines and the DoclingDocument in the object store, their metadata in PostgreSQL."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from statistics import fmean

from pydantic import ValidationError
from sqlalchemy import Select, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.schema.tables import readings
from cira_pipeline.errors import ObjectMissing
from cira_pipeline.models import Reading

_CONTENT_KEY = ("document_sha256", "reader", "reader_version")
_KEEP = insert(readings)
_KEEP = _KEEP.on_conflict_do_update(
    index_elements=_CONTENT_KEY,
    set_={
        name: _KEEP.excluded[name]
        for name in (
            "reading_key",
            "docling_key",
            "page_count",
            "ocr_page_count",
            "line_count",
            "mean_confidence",
            "seconds",
        )
    },
)
_OF_DOCUMENT = select(readings.c.reading_key).where(readings.c.document_sha256 == bindparam("document"))
_BY_READER = _OF_DOCUMENT.where(
    readings.c.reader == bindparam("reader"), readings.c.reader_version == bindparam("reader_version")
)
_LATEST = _OF_DOCUMENT.order_by(readings.c.created_at.desc(), readings.c.reader_version.desc()).limit(1)

_log = logging.getLogger(__name__)


class ReadingRepository:
    """Readings by document, reader and reader version. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects

    def put(self, sha256: str, reading: Reading, docling_json: bytes) -> None:
        """Stores the reading of a stored document `sha256`, replacing one by the same reader version."""
        folder = _folder(sha256, reading.reader, reading.reader_version)
        keys = {"reading_key": f"{folder}/reading.json", "docling_key": f"{folder}/docling.json"}
        self._objects.put(keys["docling_key"], docling_json)
        self._objects.put(keys["reading_key"], reading.model_dump_json(exclude_defaults=True).encode())
        figures = {
            "page_count": len(reading.pages),
            "ocr_page_count": sum(page.source == "ocr" for page in reading.pages),
            "line_count": len(reading.lines),
            "mean_confidence": fmean(line.confidence for line in reading.lines) if reading.lines else None,
            "seconds": reading.seconds,
        }
        key = {"document_sha256": sha256, "reader": reading.reader, "reader_version": reading.reader_version}
        with self._database.single() as connection:
            connection.execute(_KEEP, key | keys | figures)

    def get(self, sha256: str, reader: str, reader_version: str) -> Reading | None:
        """The stored reading; `None` when there is none, or when the object store lost it and it must be made again."""
        return self._kept(sha256, _BY_READER, {"reader": reader, "reader_version": reader_version})

    def latest(self, sha256: str) -> Reading | None:
        """The newest reading of a document, by any reader; `None` when there is none or it is lost."""
        return self._kept(sha256, _LATEST, {})

    def _kept(self, sha256: str, statement: Select[str], values: Mapping[str, str]) -> Reading | None:
        with self._database.single() as connection:
            key = connection.scalar(statement, {"document": sha256, **values})
        if key is None:
            return None
        try:
            return Reading.model_validate_json(self._objects.get(key))
        except (ObjectMissing, ValidationError) as error:
            _log.warning(
                "the object store lost the reading of document %s, which will be read again: %s", sha256, error
            )
            return None


def _folder(sha256: str, reader: str, reader_version: str) -> str:
    """A folder name that is valid for any characters in a version."""
    by = hashlib.sha256(f"{reader}\n{reader_version}".encode()).hexdigest()[:16]
    return f"readings/{sha256[:2]}/{sha256}/{by}"
