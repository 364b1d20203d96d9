"""Recognises the number and date of the invoice that a credit note corrects, which are not the document's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cira_pipeline.extraction.offline.header.document_type import NEAR_TITLE, Title
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.parse.labels import phrases

_INVOICE: Final = "380"
_TAKING_BACK: Final = frozenset({"381", "384"})


def of_corrected_invoice(span: Span, titles: Sequence[Title]) -> bool:
    """`Wij crediteren onze factuur 0031 van 09-06-2024`: whether `span` follows another invoice's mention.

    Only in a document whose title takes an invoice back, and only after a word for invoice inside a line: what follows
    such a word at the start of a line is the document's own.
    """
    if not any(title.code in _TAKING_BACK and title.score > titles[0].score - NEAR_TITLE for title in titles):
        return False
    start = _mentioned_from(span.segment)
    return start is not None and span.start >= start


def _mentioned_from(segment: Segment) -> int | None:
    for first, _, _, end, meanings in phrases(segment, lexicon().titles):
        if first > 0 and all(meaning.concept == _INVOICE for meaning in meanings):
            return end
    return None
