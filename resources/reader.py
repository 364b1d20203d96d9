"""Resource for reading documents with Docling, in processes of the run or through docling-serve."""

from typing import Literal

import dagster as dg
from pydantic import Field

from cira_pipeline.ocr.open_reader import reader_from_settings
from cira_pipeline.ocr.reader import Reader
from cira_pipeline.settings import Settings


class ReaderResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Reader that turns documents into text lines."""

    reader: Literal["local", "docling_serve"] = Field("local", description="Docling on this machine, or docling-serve")
    docling_serve_url: str = Field("", description="http://host:5001")
    reading_timeout_s: float = Field(300, gt=0, description="seconds for reading one document")
    ocr_dpi: int = Field(200, description="resolution, in dpi, at which pages without text are rendered")

    def overrides(self) -> dict[str, object]:
        return {
            "reader": self.reader,
            "docling_serve_url": self.docling_serve_url or None,
            "reading_timeout_s": self.reading_timeout_s,
            "ocr_dpi": self.ocr_dpi,
        }

    def open_reader(self, settings: Settings) -> Reader:
        """The reader, kept for the life of the process: loading Docling and its models takes seconds."""
        wanted = tuple(self.overrides().items())
        if wanted not in _open_readers:
            _open_readers[wanted] = reader_from_settings(settings)
        return _open_readers[wanted]


_open_readers: dict[tuple[tuple[str, object], ...], Reader] = {}
