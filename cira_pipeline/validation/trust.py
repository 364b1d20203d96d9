"""Whether the values that people pay by are likely enough right to be taken without a person looking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cira_pipeline.invoice import PAYMENT_FIELDS
from cira_pipeline.validation import rules
from cira_pipeline.validation.subject import Subject
from cira_pipeline.values import Evidence, Finding


def low_confidence(subject: Subject, confidences: Mapping[str, float], least: float) -> Iterator[Finding]:
    """One finding that names every field below `least`, if there are any."""
    low = [name for name in PAYMENT_FIELDS if confidences.get(name, 1.0) < least]
    if low and subject.read_from_page:
        said = ", ".join(f"{name} {confidences[name]:.1%}" for name in low)
        yield rules.LOW_CONFIDENCE.finding(f"less likely right than {least:.1%}: {said}", *low)


def calibrated(evidence: Evidence, confidences: Mapping[str, float]) -> Evidence:
    """`evidence` with the confidence in its value, and the engine's own figure beside it."""
    confidence = confidences.get(evidence.field)
    if confidence is None:
        return evidence
    return evidence.model_copy(update={"confidence": round(confidence, 4), "engine_confidence": evidence.confidence})
