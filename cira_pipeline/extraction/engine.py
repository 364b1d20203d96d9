"""Interface of extraction engines: a document and its reading in, proposed fields with evidence out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from cira_pipeline.models import Document, EngineName, Extraction, Reading, Record

Judge = Callable[[Extraction], Record]
"""Validation as a function, because this package must not import it: extraction in, record with verdict out."""


class Engine(Protocol):
    """An extraction engine. A field without evidence in the document stays `None`; engines never guess."""

    @property
    def name(self) -> EngineName: ...

    @property
    def version(self) -> str:
        """Version of the engine; it changes whenever the same document could give another result."""
        ...

    def extract(self, document: Document, reading: Reading) -> Extraction | None:
        """Fields of `document`, or `None` when it has no input for this engine (no XML, no text).

        Raises: ExtractionError leaves of cira_pipeline.errors.
        """
        ...


@runtime_checkable
class CorrectableEngine(Engine, Protocol):
    """An engine that can answer again, given the findings about its previous answer."""

    def extract_judged(self, document: Document, reading: Reading, judge: Judge) -> Extraction | None:
        """Like `extract`, and again as long as `judge` does not accept the record and the engine has rounds left.

        The findings state how many rounds there were, their causes, and every value that changed.
        """
        ...
