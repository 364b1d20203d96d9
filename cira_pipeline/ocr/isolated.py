"""Docling in killable worker processes: a document that crashes, hangs or exhausts memory ends its own reading only."""

from __future__ import annotations

from pydantic import ValidationError

from cira_pipeline.errors import ReadingCrashed
from cira_pipeline.models import Document, MediaType, Reading
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.ocr.reader import ReadResult
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.sandbox.pool import WorkerPool
from cira_pipeline.sandbox.processors import processors
from cira_pipeline.settings import Settings

# The timeout of this process takes precedence, as it knows whether the worker computed or was kept from it.
_GRACE_S = 3.0


class IsolatedReader:
    """Runs a LocalReader in each worker of `pool`, with the same readings, name and version."""

    def __init__(self, settings: Settings, pool: WorkerPool, *, call: str = "cira_pipeline.ocr.in_worker:read") -> None:
        self._timeout_s = settings.reading_timeout_s
        self._page_timeout_s = settings.reading_page_timeout_s
        self._pool = pool
        self._call = call
        self._here = LocalReader(settings)
        self._settings = {
            "reading_timeout_s": settings.reading_timeout_s + _GRACE_S,
            "ocr_dpi": settings.ocr_dpi,
            "ocr_threads": settings.ocr_threads or max(1, processors() // pool.processes),
            "max_pixels": settings.max_pixels,
        }

    @property
    def name(self) -> str:
        return self._here.name

    @property
    def version(self) -> str:
        return self._here.version

    def read(self, document: Document) -> ReadResult:
        """Reads in a worker. Raises: as LocalReader, and DocumentTooSlow, ReadingCrashed, ReadingOutOfMemory,
        RunInterrupted after `interrupt`; ReadingTimedOut when the worker was kept from its work.
        """
        if document.media_type is MediaType.XML:
            return self._here.read(document)
        facts = {
            "call": self._call,
            "document": document.model_dump(mode="json", exclude={"content"}),
            "settings": self._settings,
        }
        try:
            answer = self._pool.ask(
                Message(facts, document.content), timeout_s=self._timeout_s, step_timeout_s=self._page_timeout_s
            )
            reading = Reading.model_validate_json(answer.facts["reading"])
        except (ValidationError, KeyError, TypeError) as error:
            raise ReadingCrashed(f"the reader's answer is not a valid reading: {type(error).__name__}") from error
        return ReadResult(reading, answer.content)

    def interrupt(self) -> None:
        """Ends all readings under way at once."""
        self._pool.abandon()
