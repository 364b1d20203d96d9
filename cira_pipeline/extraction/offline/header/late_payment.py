"""Finds the terms of late payment: what the supplier charges after the due date."""

from __future__ import annotations

from dataclasses import dataclass

from cira_pipeline.extraction.offline.facts.details import Found
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.page.canvas import Span
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    fewest_words: int
    confidence: float


_TUNED = thresholds(_Tuned)


def late_payment_terms(facts: Facts) -> Found | None:
    """The only line of text that speaks of late payment; a label such as `Late fee` with its amount is none."""
    lines = {
        " ".join(segment.text.split()): segment
        for segment in facts.canvas.segments
        if len(segment.words) >= _TUNED.fewest_words and facts.phrase_in(segment, "late_payment")
    }
    if len(lines) != 1:
        return None
    text, segment = lines.popitem()
    return Found(text, (Span(segment, 0, len(segment.text)),), _TUNED.confidence)
