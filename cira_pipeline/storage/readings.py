"""Readings: text lines and the DoclingDocument in the object store, figures about them in PostgreSQL."""

from __future__ import annotations

import hashlib
import logging
from statistics import fmean

from pydantic import ValidationError
from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert

from cira_pipeline.errors import ObjectMissing
from cira_pipeline.storage.database import Database
from cira_pipeline.storage.objects import ObjectStore
from cira_pipeline.storage.recent_readings import RecentReadings
from cira_pipeline.storage.tables import readings
from cira_pipeline.values import Reading

_log = logging.getLogger(__name__)


class ReadingRepository:
    """Readings by document, reader and the reader's version. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects
        self._recent = RecentReadings()

    def put(self, sha256: str, reading: Reading, docling_json: bytes) -> None:
        """Keeps the reading of document `sha256`, which must be stored, in place of one by the same reader version."""
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
        statement = insert(readings).values(
            document_sha256=sha256,
            reader=reading.reader,
            reader_version=reading.reader_version,
            **keys,
            **figures,
        )
        with self._database.begin() as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["document_sha256", "reader", "reader_version"], set_={**keys, **figures}
                )
            )
        self._recent.keep(keys["reading_key"], reading)

    def get(self, sha256: str, reader: str, reader_version: str) -> Reading | None:
        """The reading kept; `None` when there is none, or the object store lost it and it must be made again."""
        statement = select(readings.c.reading_key).where(
            readings.c.document_sha256 == sha256,
            readings.c.reader == reader,
            readings.c.reader_version == reader_version,
        )
        return self._kept(sha256, statement)

    def latest(self, sha256: str) -> Reading | None:
        """The newest reading of a document, by whatever reader; `None` when there is none or it is lost."""
        statement = (
            select(readings.c.reading_key)
            .where(readings.c.document_sha256 == sha256)
            .order_by(readings.c.created_at.desc(), readings.c.reader_version.desc())
            .limit(1)
        )
        return self._kept(sha256, statement)

    def _kept(self, sha256: str, statement: Select[str]) -> Reading | None:
        with self._database.begin() as connection:
            key = connection.scalar(statement)
        if key is None:
            return None
        recent = self._recent.get(key)
        if recent is not None:
            return recent
        try:
            reading = Reading.model_validate_json(self._objects.get(key))
        except (ObjectMissing, ValidationError) as error:
            _log.warning("the reading of document %s is lost and will be made again: %s", sha256, error)
            return None
        self._recent.keep(key, reading)
        return reading


def _folder(sha256: str, reader: str, reader_version: str) -> str:
    """A folder name whatever characters a version holds."""
    by = hashlib.sha256(f"{reader}\n{reader_version}".encode()).hexdigest()[:16]
    return f"readings/{sha256[:2]}/{sha256}/{by}"
