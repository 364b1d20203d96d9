"""Supplier memory: learns lessons from confirmations and labels, and applies them to a supplier's later pages.

Lessons are derived data: all can be deleted and learned again from what people confirmed (`cira memory rebuild`). Each
client has a memory of its own (docs/decisions, number 14).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError

from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.readings import ReadingRepository
from cira_pipeline.db.records.lessons import (
    LAYOUTS_OF_A_SUPPLIER,
    LESSONS_OF_A_LAYOUT,
    LessonRepository,
    LessonSource,
    StoredLesson,
)
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.extraction.engine import Engine
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.extraction.offline.learn.teaching import lesson_of
from cira_pipeline.extraction.offline.memory.layout_marks import likeness
from cira_pipeline.extraction.offline.memory.lesson import Lesson, Recall
from cira_pipeline.invoice import Invoice
from cira_pipeline.jobs import JobId
from cira_pipeline.models import EngineName
from cira_pipeline.settings import Settings

# Lessons of two companies of one page may be known: the supplier, and its customer as a supplier of others.
_MOST_RECALLED = 2 * LESSONS_OF_A_LAYOUT * LAYOUTS_OF_A_SUPPLIER


class SupplierMemory:
    """`scope`: whose lessons apply to a client's documents (settings.supplier_memory_scope). Thread-safe.

    Raises: StoreUnavailable.
    """

    def __init__(
        self, scope: str, lessons: LessonRepository, readings: ReadingRepository, records: RecordRepository
    ) -> None:
        self._scope = scope
        self._lessons = lessons
        self._readings = readings
        self._records = records

    def engines_for(self, client: str, engines: Mapping[EngineName, Engine]) -> Mapping[EngineName, Engine]:
        """`engines` for a document of `client`: the offline one with the lessons about its suppliers."""
        offline = engines.get(EngineName.OFFLINE)
        if self._scope == "off" or not isinstance(offline, OfflineEngine):
            return engines
        return {**engines, EngineName.OFFLINE: offline.remembering(self.recall_for(client))}

    def recall_for(self, client: str) -> Recall:
        """Lookup of lessons for `client`'s documents."""
        asked = None if self._scope == "all" else client

        def recall(document_sha256: str, keys: Sequence[str]) -> Sequence[Lesson]:
            stored = self._lessons.about(keys, client=asked, but_not=document_sha256, limit=_MOST_RECALLED)
            return tuple(lesson for each in stored if (lesson := _read(each)) is not None)

        return recall

    def confirmed(
        self, client: str, job_id: JobId, document_sha256: str, invoice: Invoice, at: datetime | None = None
    ) -> bool:
        """Learns from a record confirmed by a person of `client`. Returns whether there was anything to learn.

        A correction replaces the lesson of the same document; `at` defaults to now.
        """
        return self._learn(client, job_id, document_sha256, invoice, "confirmation", at)

    def labelled(self, document_sha256: str | None = None) -> int:
        """Learns from labels loaded from files, of one document or all. Returns how many gave a lesson."""
        taught = 0
        for each in self._lessons.labelled(document_sha256):
            try:
                invoice = Invoice.model_validate(dict(each.fields))
            except ValidationError:
                # Labels may state more than records can; such a label is used for measuring, not for learning.
                continue
            taught += self._learn(each.client, each.job_id, each.document_sha256, invoice, "label", each.updated_at)
        return taught

    def rebuild(self) -> int:
        """Learns everything again, and deletes lessons without a source. Returns how many lessons there are.

        Safe while people confirm: lessons learned meanwhile are kept.
        """
        started = self._lessons.now()
        taught = self.labelled()
        for each in self._lessons.confirmed():
            stored = self._records.get(each.job_id)
            if stored is not None:
                taught += self.confirmed(
                    each.client, each.job_id, each.document_sha256, stored.record.invoice, each.confirmed_at
                )
        self._lessons.forget_older(started)
        return taught

    def _learn(
        self,
        client: str,
        job_id: JobId,
        document_sha256: str,
        invoice: Invoice,
        source: LessonSource,
        at: datetime | None,
    ) -> bool:
        reading = self._readings.latest(document_sha256)
        complete = source == "confirmation"
        lesson = lesson_of(reading, invoice, complete=complete) if reading is not None else None
        if lesson is None:
            self._lessons.remove(client, document_sha256)
            return False
        self._lessons.put(
            StoredLesson(
                client=client,
                document_sha256=document_sha256,
                job_id=job_id,
                source=source,
                supplier=lesson.supplier,
                supplier_keys=lesson.keys,
                layout=self._layout(client, document_sha256, lesson),
                lesson=lesson.model_dump(mode="json"),
                taught_at=at or self._lessons.now(),
            )
        )
        return True

    def _layout(self, client: str, document_sha256: str, lesson: Lesson) -> str:
        """Name of the layout among this supplier's; a new one if it resembles none of them."""
        for each in self._lessons.about(lesson.keys, client=client, but_not=document_sha256, limit=_MOST_RECALLED):
            other = _read(each)
            own = other is not None and each.supplier_keys[0] == lesson.keys[0]
            if other is not None and own and likeness(lesson.marks, other.marks).same_layout:
                return each.layout
        return document_sha256[:8]


def supplier_memory(settings: Settings, database: Database, objects: ObjectStore) -> SupplierMemory:
    """The supplier memory in `database`, as configured by `settings`."""
    return SupplierMemory(
        settings.supplier_memory_scope,
        LessonRepository(database),
        ReadingRepository(database, objects),
        RecordRepository(database),
    )


def _read(stored: StoredLesson) -> Lesson | None:
    """The lesson; `None` for one of an incompatible version, which rebuilding replaces."""
    try:
        return Lesson.model_validate(dict(stored.lesson))
    except ValidationError:
        return None
