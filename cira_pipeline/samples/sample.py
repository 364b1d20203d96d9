"""Sample: a file with its ground truth and the expected outcome of its job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cira_pipeline.invoice import Invoice
from cira_pipeline.jobs import JobStatus
from cira_pipeline.models import Verdict

Kind = Literal["pdf-text", "pdf-scan", "hybrid-pdf", "xml", "image", "broken"]


@dataclass(frozen=True)
class Ending:
    """Expected end of a job. A page read by OCR may be accepted or need review: both are correct."""

    status: JobStatus = JobStatus.SUCCEEDED
    verdicts: frozenset[Verdict] = frozenset({Verdict.ACCEPTED})
    error_code: str | None = None


ACCEPTED = Ending()
REVIEWED = Ending(verdicts=frozenset({Verdict.NEEDS_REVIEW}))
READ_BY_OCR = Ending(verdicts=frozenset({Verdict.ACCEPTED, Verdict.NEEDS_REVIEW}))
DAMAGED = Ending(JobStatus.REJECTED, frozenset(), "document_damaged")


@dataclass(frozen=True)
class Sample:
    """`truth` is what the page shows or the XML says; none for a file that cannot be opened."""

    name: str
    kind: Kind
    content: bytes
    truth: Invoice | None
    ending: Ending
    about: str = ""

    @property
    def label(self) -> Mapping[str, Any] | None:
        """`truth` as the fields of a label; tables that the page does not have are not judged."""
        return None if self.truth is None else label_of(self.truth)


def label_of(truth: Invoice) -> dict[str, Any]:
    """`truth` as the fields of a label, without what it does not have."""
    return _stated(truth.model_dump(mode="json", exclude_none=True))


def _stated(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`fields`, and those of their rows, without empty tables and maps."""
    kept = {name: value for name, value in fields.items() if value not in ([], {})}
    return {
        name: [_stated(row) if isinstance(row, dict) else row for row in value] if isinstance(value, list) else value
        for name, value in kept.items()
    }
