"""What every extraction engine is: a document and its reading in, proposed fields with evidence out."""

from __future__ import annotations

from typing import Protocol

from cira_pipeline.values import Document, EngineName, Extraction, Reading


class Engine(Protocol):
    """An engine never guesses: a field it cannot point to in the document stays `None`."""

    @property
    def name(self) -> EngineName: ...

    @property
    def version(self) -> str:
        """Changes whenever the same document could give another answer; results are kept by it."""
        ...

    def extract(self, document: Document, reading: Reading) -> Extraction | None:
        """Fields of `document`, or `None` when this engine has nothing to work on (no XML inside, no text).

        Raises: ExtractionError leaves of cira_pipeline.errors.
        """
        ...
