"""Extraction to record: every rule is asked, and the findings make the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from cira_pipeline.validation.arithmetic import check_arithmetic
from cira_pipeline.validation.currency import check_currency
from cira_pipeline.validation.dates import check_dates
from cira_pipeline.validation.grounding import check_grounding
from cira_pipeline.validation.identifiers import check_identifiers
from cira_pipeline.validation.normalise import normalised
from cira_pipeline.validation.plausibility import check_plausibility
from cira_pipeline.validation.required import check_required
from cira_pipeline.validation.subject import Subject, ValidationContext
from cira_pipeline.validation.supplier_history import check_supplier_history
from cira_pipeline.validation.verdict import verdict_of
from cira_pipeline.values import Extraction, Finding, Record

__all__ = ["ValidationContext", "validate"]

_CHECKS: Final[tuple[Callable[[Subject], Iterator[Finding]], ...]] = (
    check_required,
    check_arithmetic,
    check_identifiers,
    check_dates,
    check_currency,
    check_plausibility,
    check_supplier_history,
    check_grounding,
)


def validate(extraction: Extraction, context: ValidationContext) -> Record:
    """The record of `extraction`, its values in their one spelling, with the engine's own findings first.

    Never raises on what a document says. The rules, and how the verdict follows from them, are in docs/validation.md.
    """
    extraction = extraction.model_copy(update={"invoice": normalised(extraction.invoice)})
    subject = Subject(extraction, context)
    findings = (*extraction.findings, *(finding for check in _CHECKS for finding in check(subject)))
    return Record(
        invoice=extraction.invoice,
        verdict=verdict_of(findings, read_from_page=subject.read_from_page),
        findings=findings,
        evidence=extraction.evidence,
        engine=extraction.engine,
        engines=(extraction.engine,),
    )
