"""Reader interface: a document in, its text lines and Docling's own JSON out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cira_pipeline.models import Document, Reading


@dataclass(frozen=True)
class ReadResult:
    """Result of a reader. `docling_json` is a DoclingDocument (docling-core's schema) in UTF-8; empty for XML."""

    reading: Reading
    docling_json: bytes


class Reader(Protocol):
    """Reads documents. Implementations are thread-safe."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str:
        """Changes whenever the same bytes could be read differently; readings are stored by it."""
        ...

    def read(self, document: Document) -> ReadResult:
        """Lines of `document` in reading order, each page turned upright; XML has neither pages nor lines.

        A page that cannot be read fails the whole document: an invoice with a page missing is a wrong invoice.

        Raises: ReadingError leaves of cira_pipeline.errors, CircuitOpen, RunInterrupted after `interrupt`.
        """
        ...

    def interrupt(self) -> None:
        """Ends readings under way, as far as they can be ended; later ones are not affected."""
        ...
