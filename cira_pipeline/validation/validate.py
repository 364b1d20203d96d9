"""Extraction to record: every rule is asked, and the findings make the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from cira_pipeline.invoice import Bounded, bounded
from cira_pipeline.validation import rules
from cira_pipeline.validation.arithmetic import check_arithmetic
from cira_pipeline.validation.confidence import Calibration, shipped_calibration
from cira_pipeline.validation.credit_notes import as_credited, prints_minus_signs
from cira_pipeline.validation.currency import check_currency
from cira_pipeline.validation.dates import check_dates
from cira_pipeline.validation.grounding import check_grounding
from cira_pipeline.validation.identifiers import check_identifiers
from cira_pipeline.validation.normalise import normalised
from cira_pipeline.validation.plausibility import check_plausibility
from cira_pipeline.validation.required import check_required
from cira_pipeline.validation.severities import overridden
from cira_pipeline.validation.signs import signs_of
from cira_pipeline.validation.subject import Subject, ValidationContext
from cira_pipeline.validation.supplier_history import check_supplier_history
from cira_pipeline.validation.trust import calibrated, low_confidence
from cira_pipeline.validation.verdict import verdict_of
from cira_pipeline.values import EngineName, Extraction, Finding, Record

__all__ = ["ValidationContext", "findings_of", "subject_of", "validate"]

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


def validate(extraction: Extraction, context: ValidationContext, calibration: Calibration | None = None) -> Record:
    """The record of `extraction`, its values in their one spelling, with the engine's own findings first.

    The evidence of header fields carries calibrated confidences (confidence.py), by `calibration` or the one shipped.
    Never raises on what a document says. The rules, and how the verdict follows from them, are in docs/validation.md.
    """
    calibration = calibration or shipped_calibration()
    subject = subject_of(extraction, context)
    findings = findings_of(subject)
    confidences: dict[str, float] = {
        name: calibration.confidence(name, signs) for name, signs in signs_of(subject, findings).items()
    }
    least = calibration.accept_confidence if context.accept_confidence is None else context.accept_confidence
    findings = tuple(overridden((*findings, *low_confidence(subject, confidences, least)), context.severities))
    return Record(
        invoice=subject.invoice,
        verdict=verdict_of(findings, read_from_page=subject.read_from_page),
        findings=findings,
        evidence=tuple(calibrated(each, confidences) for each in subject.extraction.evidence),
        engine=extraction.engine,
        engines=(extraction.engine,),
    )


def subject_of(extraction: Extraction, context: ValidationContext) -> Subject:
    """What the rules look at: `extraction` with its values in their one spelling, and credits stated as credits."""
    found = bounded(extraction.invoice)
    if found.too_long or found.reordered:
        extraction = extraction.model_copy(
            update={
                "findings": (*extraction.findings, *_unreadable(found)),
                "evidence": tuple(
                    each
                    for each in extraction.evidence
                    if not {each.field, each.field.partition("[")[0]} & set(found.too_long)
                ),
            }
        )
    invoice = normalised(found.invoice)
    turned = extraction.engine is not EngineName.EINVOICE and prints_minus_signs(invoice)
    stated = as_credited(invoice) if turned else invoice
    return Subject(extraction.model_copy(update={"invoice": stated}), context, sign_turned=turned)


def _unreadable(found: Bounded) -> Iterator[Finding]:
    for name in found.too_long:
        yield rules.TEXT_TOO_LONG.finding(f"{name} is longer than any invoice's and was left out", name)
    for name in found.reordered:
        yield rules.TEXT_REORDERED.finding(f"{name} held characters that change the order in which it is shown", name)


def findings_of(subject: Subject) -> tuple[Finding, ...]:
    """The engine's own doubts, then every rule's complaints."""
    return (*subject.extraction.findings, *(finding for check in _CHECKS for finding in check(subject)))
