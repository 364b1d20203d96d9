"""The reader this installation is set to use."""

from __future__ import annotations

from cira_pipeline.reading.local import LocalReader
from cira_pipeline.reading.reader import Reader
from cira_pipeline.settings import Settings


def reader_from_settings(settings: Settings) -> Reader:
    """Docling in this process, or docling-serve. Opens nothing yet: the first document does."""
    return LocalReader(settings)
