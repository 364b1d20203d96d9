"""Recognises the customer's account of a direct debit (BT-91), which is not a payment account (BT-84)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    most_lines: int


_TUNED = thresholds(_Tuned)

# The dots of `Nr.` and `15.03. von` do not end a sentence.
_SENTENCE_ENDS = re.compile(r"(?:(?<=[^\W\d_]{3})[.!;]\s+(?=[^\W\d_])|(?<=\d\d)[.!;]\s+(?=[A-ZÀ-Þ]))")


def is_debited(facts: Facts, account: Span) -> bool:
    """Whether the sentence with `account` states that it is the customer's: `von Ihrem Konto ... abgebucht`."""
    above, below = _neighbours(facts, account.segment, -1), _neighbours(facts, account.segment, 1)
    before = " ".join([*(segment.text for segment in reversed(above)), account.segment.text[: account.end]])
    text = " ".join([before + account.segment.text[account.end :], *(segment.text for segment in below)])
    ends = [match.span() for match in _SENTENCE_ENDS.finditer(text)]
    begins = max((end for _, end in ends if end <= len(before)), default=0)
    stops = min((start for start, _ in ends if start >= len(before)), default=len(text))
    said = compact(text[begins:stops])
    return any(phrase in said for phrase in lexicon().words["debited"])


def _neighbours(facts: Facts, segment: Segment, step: int) -> list[Segment]:
    """Lines above (-1) or below (1) in which the sentence may continue: close, with the same left edge."""
    found: list[Segment] = []
    last = segment
    for _ in range(_TUNED.most_lines):
        index = last.row.index + step
        rows = facts.canvas.rows[index : index + 1] if index >= 0 else []
        near = [
            other
            for row in rows
            if row.page == last.page
            for other in row.segments
            if abs(other.left - last.left) < last.height
            and max(other.top - last.bottom, last.top - other.bottom) < last.height
        ]
        if not near:
            break
        last = near[0]
        found.append(last)
    return found
