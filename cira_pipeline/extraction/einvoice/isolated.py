"""Extracts the invoice XML of a hybrid PDF in an isolated worker process."""

from __future__ import annotations

import io
import logging

from cira_pipeline.errors import DocumentTooSlow, ReadingCrashed, ReadingOutOfMemory, ReadingTimedOut
from cira_pipeline.extraction.einvoice.attachment import EmbeddedXml
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.sandbox.pool import WorkerPool
from cira_pipeline.syntaxes.attachments import EmbeddedFile

_log = logging.getLogger(__name__)


class IsolatedAttachments:
    """Calls `embedded_xml` in the workers of `pool`, which already run for recognising and reading documents."""

    def __init__(
        self, pool: WorkerPool, *, timeout_s: float, call: str = "cira_pipeline.extraction.einvoice.in_worker:attached"
    ) -> None:
        self._pool = pool
        self._timeout_s = timeout_s
        self._call = call

    def __call__(self, pdf: bytes) -> EmbeddedXml | None:
        """The invoice XML of `pdf`; `None` also when the PDF crashes or exhausts its worker, as its pages may be read.

        Raises: RunInterrupted when the run is stopped.
        """
        try:
            answer = self._pool.ask(Message({"call": self._call}, pdf), timeout_s=self._timeout_s)
        except (DocumentTooSlow, ReadingCrashed, ReadingOutOfMemory, ReadingTimedOut):
            _log.warning("the attachments of this PDF cannot be read", exc_info=True)
            return None
        if not answer.facts:
            return None
        content = io.BytesIO(answer.content)
        return EmbeddedXml(
            name=str(answer.facts["name"]),
            content=content.read(int(answer.facts["size_bytes"])),
            usual=bool(answer.facts["usual"]),
            others=tuple(str(other) for other in answer.facts["others"]),
            files=tuple(
                EmbeddedFile(
                    name=str(each["name"]),
                    content=None if each["size_bytes"] is None else content.read(int(each["size_bytes"])),
                    description=str(each["description"]),
                    media_type=str(each["media_type"]),
                )
                for each in answer.facts["files"]
            ),
        )
