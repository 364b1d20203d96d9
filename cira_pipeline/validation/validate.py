"""Validates an extraction: applies every rule, and builds the record with its verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from cira_pipeline.invoice import PAYMENT_FIELDS
from cira_pipeline.invoice_bounds import Bounded, bounded
from cira_pipeline.models import Evidence, Extraction, Finding, Record
from cira_pipeline.validation import rules
from cira_pipeline.validation.checks.arithmetic import check_arithmetic
from cira_pipeline.validation.checks.completeness import check_grounding, check_required
from cira_pipeline.validation.checks.credit_notes import as_credited, prints_minus_signs
from cira_pipeline.validation.checks.currency import check_currency
from cira_pipeline.validation.checks.dates import check_dates
from cira_pipeline.validation.checks.identifiers import check_identifiers
from cira_pipeline.validation.checks.plausibility import check_plausibility
from cira_pipeline.validation.checks.supplier_history import check_supplier_history
from cira_pipeline.validation.confidence.calibration import Calibration, shipped_calibration
from cira_pipeline.validation.confidence.features import confidence_features
from cira_pipeline.validation.normalise import normalised
from cira_pipeline.validation.severities import overridden
from cira_pipeline.validation.validation_input import ValidationContext, ValidationInput
from cira_pipeline.validation.verdict import verdict_of

__all__ = ["ValidationContext", "findings_of", "validate", "validation_input_of"]

_CHECKS: Final[tuple[Callable[[ValidationInput], Iterator[Finding]], ...]] = (
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
    """The record of `extraction`: normalised values, findings (the engine's own first), verdict and evidence.

    The evidence of header fields gets calibrated confidences, by `calibration` or the shipped one. No content of a
    document makes it raise. docs/validation.md describes the rules and how the verdict follows from them.
    """
    calibration = calibration or shipped_calibration()
    subject = validation_input_of(extraction, context)
    findings = findings_of(subject)
    confidences: dict[str, float] = {
        name: calibration.confidence(name, features)
        for name, features in confidence_features(subject, findings).items()
    }
    least = calibration.accept_confidence if context.accept_confidence is None else context.accept_confidence
    # Own rules judge the invoice and not how it was read, so they say nothing about confidences.
    own = (finding for rule in context.own_rules for finding in rule.findings(subject.invoice, context.today))
    findings = tuple(overridden((*findings, *own, *low_confidence(subject, confidences, least)), context.severities))
    return Record(
        invoice=subject.invoice,
        verdict=verdict_of(findings, read_from_page=subject.read_from_page),
        findings=findings,
        evidence=tuple(calibrated(each, confidences) for each in subject.extraction.evidence),
        engine=extraction.engine,
        engines=(extraction.engine,),
    )


def validation_input_of(extraction: Extraction, context: ValidationContext) -> ValidationInput:
    """The input of the rules: `extraction` with bounded, normalised values; credit notes state credited amounts."""
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
    reverse = extraction.engine.reads_page and prints_minus_signs(invoice)
    stated = as_credited(invoice) if reverse else invoice
    return ValidationInput(extraction.model_copy(update={"invoice": stated}), context, sign_reversed=reverse)


def _unreadable(found: Bounded) -> Iterator[Finding]:
    for name in found.too_long:
        yield rules.TEXT_TOO_LONG.finding(
            f"{name} exceeds the permitted length and was left out: read it from the document", name
        )
    for name in found.reordered:
        yield rules.TEXT_REORDERED.finding(
            f"{name} contained characters that change its display order; they were removed: "
            "compare it with the document",
            name,
        )


def findings_of(subject: ValidationInput) -> tuple[Finding, ...]:
    """The engine's own findings, then those of every rule."""
    return (*subject.extraction.findings, *(finding for check in _CHECKS for finding in check(subject)))


def low_confidence(subject: ValidationInput, confidences: Mapping[str, float], least: float) -> Iterator[Finding]:
    """One finding naming every payment-critical field whose confidence is below `least` (0 to 1), if there are any."""
    low = [name for name in PAYMENT_FIELDS if confidences.get(name, 1.0) < least]
    if low and subject.read_from_page:
        shown = ", ".join(f"{name} {confidences[name]:.1%}" for name in low)
        yield rules.LOW_CONFIDENCE.finding(
            f"less likely to be correct than the required {least:.1%}: {shown}; compare with the document", *low
        )


def calibrated(evidence: Evidence, confidences: Mapping[str, float]) -> Evidence:
    """`evidence` with the calibrated confidence of its field, and the engine's own as `engine_confidence`."""
    confidence = confidences.get(evidence.field)
    if confidence is None:
        return evidence
    return evidence.model_copy(update={"confidence": round(confidence, 4), "engine_confidence": evidence.confidence})
