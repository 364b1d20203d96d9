"""Explains an extraction to reviewers: differences between engines, correction rounds and escalation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cira_pipeline.extraction.agreement import FILLED
from cira_pipeline.invoice import HEADER_FIELDS
from cira_pipeline.models import Extraction

ROUND: Final = "correction_round"
"""Rule: a correction round took place; the message names the rules that caused it."""
ESCALATED: Final = "escalated"
"""Rule: a stronger deployment was asked; the message names the rules that caused it."""
CORRECTED: Final = "corrected"
"""Rule: two answers differ in a value, and validation or completeness decided."""
DIFFERENT: Final = "answers_differ"
"""Rule: two answers contradict each other, and validation could not decide between them."""


_HISTORY = (ROUND, ESCALATED, CORRECTED, DIFFERENT, FILLED)


def differences(extractions: Sequence[Extraction]) -> Mapping[str, Mapping[str, str]]:
    """Header field -> engine -> its value, for fields in which engines differ, without engines that have no value."""
    found: dict[str, Mapping[str, str]] = {}
    for name in HEADER_FIELDS:
        by_engine = {
            each.engine.value: str(value) for each in extractions if (value := getattr(each.invoice, name)) is not None
        }
        if len(set(by_engine.values())) > 1:
            found[name] = by_engine
    return found


def history(extraction: Extraction) -> tuple[str, ...]:
    """Messages about correction rounds, escalation, their changes, and values from another engine, in order."""
    return tuple(finding.message for finding in extraction.findings if finding.rule in _HISTORY)
