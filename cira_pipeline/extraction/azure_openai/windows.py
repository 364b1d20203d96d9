"""How much of a document goes into one question, known before anything is paid.

Tokens are estimated from above: three UTF-8 bytes a token. Words of European languages take four to five, numbers two
to three, so an estimate is rarely too low, and a server that still finds the question too long is asked in halves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import groupby
from typing import Any

from cira_pipeline.extraction.azure_openai.answer import InvoiceSpans, LineSpans
from cira_pipeline.models import Line

BYTES_PER_TOKEN = 3
# What one line of print can cost in the answer: a short text, its line number and the JSON around them.
ANSWER_TOKENS_PER_LINE = 24
FEWEST_LINES = 8
"""A window of so few lines is not halved again."""

Window = tuple[Line, ...]


def estimate_tokens(text: str) -> int:
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN)


def numbered(line: Line) -> str:
    """`12| Rechnungsnr. 30064443`, on one line whatever the text holds: no text can pass for a line of its own."""
    return f"{line.number}| {one_line(line.text)}"


def one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def windows(lines: Sequence[Line], *, max_question_tokens: int, max_answer_tokens: int) -> tuple[Window, ...]:
    """Runs of whole pages, each as long as both budgets allow; a page that is too long alone is cut between lines."""
    most_lines = max(FEWEST_LINES, max_answer_tokens // ANSWER_TOKENS_PER_LINE)
    found: list[Window] = []
    current: list[Line] = []
    for page in _pages(lines, max_question_tokens, most_lines):
        if current and not _fits([*current, *page], max_question_tokens, most_lines):
            found.append(tuple(current))
            current = []
        current.extend(page)
    if current:
        found.append(tuple(current))
    return tuple(found)


def halves(window: Window) -> tuple[Window, ...]:
    """Two windows in place of one, cut between pages where there are several; `()` when it is too small to cut."""
    if len(window) < 2 * FEWEST_LINES:
        return ()
    middle = len(window) // 2
    cuts = [index for index in range(1, len(window)) if window[index].page != window[index - 1].page]
    cut = min(cuts, key=lambda index: abs(index - middle), default=middle)
    return window[:cut], window[cut:]


def _pages(lines: Sequence[Line], max_tokens: int, most_lines: int) -> Iterator[list[Line]]:
    for _, page in groupby(lines, key=lambda line: line.page):
        piece: list[Line] = []
        for line in page:
            if piece and not _fits([*piece, line], max_tokens, most_lines):
                yield piece
                piece = []
            piece.append(line)
        yield piece


def _fits(lines: Sequence[Line], max_tokens: int, most_lines: int) -> bool:
    return len(lines) <= most_lines and sum(estimate_tokens(numbered(line)) + 1 for line in lines) <= max_tokens


# Answers about parts of one document, put together.

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
