"""Answers about parts of one document, put together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from cira_pipeline.extraction.azure_openai.answer import InvoiceSpans, LineSpans

# A sum that is printed on every page is right on the last one; everything else is introduced once, at the front.
LAST_WINS = ("net_total", "tax_total", "gross_total", "amount_due", "tax_breakdown")


def merged(answers: Sequence[InvoiceSpans]) -> InvoiceSpans:
    """One answer out of answers about consecutive parts, in order. Line items follow each other; none is kept twice."""
    return reduce(_joined, answers)


def _joined(front: InvoiceSpans, back: InvoiceSpans) -> InvoiceSpans:
    values: dict[str, Any] = {}
    for name in InvoiceSpans.model_fields:
        first, second = getattr(front, name), getattr(back, name)
        if name == "line_items":
            values[name] = _without_repeats(first + second)
        elif name in LAST_WINS:
            values[name] = second or first
        else:
            values[name] = first or second
    return front.model_copy(update=values)


def _without_repeats(items: tuple[LineSpans, ...]) -> tuple[LineSpans, ...]:
    """The same texts on the same lines are one item; equal items on other lines are not."""
    return tuple(dict.fromkeys(items))
