"""What every extraction engine is: a document and its reading in, proposed fields with evidence out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from cira_pipeline.models import Document, EngineName, Extraction, Reading, Record

Judge = Callable[[Extraction], Record]
"""Validation, as a stage that must not import it sees it: fields in, record with findings and verdict out."""


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


@runtime_checkable
class CorrectableEngine(Engine, Protocol):
    """An engine that can be told what is wrong with its answer, and answer again."""

    def extract_judged(self, document: Document, reading: Reading, judge: Judge) -> Extraction | None:
        """Like `extract`, and again as long as `judge` does not accept the record and the engine has rounds left.

        The findings tell how many rounds there were, why, and every value that changed.
        """
        ...
