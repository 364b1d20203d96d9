from __future__ import annotations

from cira_pipeline.extraction.engine import Engine
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.values import Document, MediaType, Reading


def test_a_document_without_text_is_left_to_other_engines() -> None:
    engine: Engine = OfflineEngine()
    document = Document(sha256="0" * 64, media_type=MediaType.XML, size_bytes=1, page_count=0, content=b"x")
    reading = Reading(reader="none", reader_version="1", pages=(), lines=(), seconds=0)
    assert engine.extract(document, reading) is None
