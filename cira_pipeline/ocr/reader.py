"""What every reader is: a document in, its text lines and Docling's own JSON out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cira_pipeline.models import Document, Reading


@dataclass(frozen=True)
class ReadResult:
    """`docling_json` is a DoclingDocument (docling-core's schema) in UTF-8; for XML an empty but valid one."""

    reading: Reading
    docling_json: bytes


class Reader(Protocol):
    """Readers are safe to call from many threads."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str:
        """Changes whenever the same bytes could read differently; readings are kept by it."""
        ...

    def read(self, document: Document) -> ReadResult:
        """Lines of `document` in reading order, each page turned upright; XML has neither pages nor lines.

        A page that cannot be read fails the whole document: an invoice with a page missing is a wrong invoice.

        Raises: ReadingError leaves of cira_pipeline.errors, CircuitOpen, RunInterrupted after `interrupt`.
        """
        ...

    def interrupt(self) -> None:
        """Ends readings that are under way, as far as they can be ended; later ones are not touched."""
        ...
