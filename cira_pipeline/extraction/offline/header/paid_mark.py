"""Finds the mark that an invoice is paid: `PAID`, `Bezahlt`, `Voldaan` in a line of its own, without an amount."""

from __future__ import annotations

from collections.abc import Collection

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Segment


def paid_mark(facts: Facts, labels: Collection[Segment]) -> Segment | None:
    """The first such line. `labels` are those of printed payments, which are no marks."""
    known = lexicon().words["paid"]
    for segment in facts.canvas.segments:
        if segment in labels or segment.has_digits or compact(segment.text) not in known:
            continue
        if not any(facts.numbers_of(other) for other in segment.row.segments):
            return segment
    return None
