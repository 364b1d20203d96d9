"""Splits a document into windows that fit into one question, and merges the answers.

Tokens are estimated high, at three UTF-8 bytes for each: words of European languages have four to five, numbers two to
three. A question that the server still rejects as too long is split in halves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from cira_pipeline.extraction.azure_openai.answer import FieldSpan, InvoiceSpans, Row
from cira_pipeline.extraction.azure_openai.vocabulary import LINES, Vocabulary
from cira_pipeline.fields import FieldGroup, FieldKind, Term
from cira_pipeline.models import Line

BYTES_PER_TOKEN = 3
# Tokens of one printed line in the answer: a short text, its line number and the JSON around them.
ANSWER_TOKENS_PER_LINE = 24
FEWEST_LINES = 8
"""A window of at most so many lines is not halved."""

Window = tuple[Line, ...]


def estimate_tokens(text: str) -> int:
    """Upper estimate of the tokens of `text`."""
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN)


def numbered(line: Line) -> str:
    """`12| Rechnungsnr. 30064443`, always on one line, so that no text can imitate another numbered line."""
    return f"{line.number}| {one_line(line.text)}"


def one_line(text: str) -> str:
    """`text` without line breaks and unprintable characters, with single spaces."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def windows(lines: Sequence[Line], *, max_question_tokens: int, max_answer_tokens: int) -> tuple[Window, ...]:
    """Windows of whole pages, as long as both token limits allow; a page that is too long is cut between lines."""
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
    """`window` cut in two, between pages where it has several; `()` when it is too small."""
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


def merged(answers: Sequence[InvoiceSpans], vocabulary: Vocabulary) -> InvoiceSpans:
    """Merges answers about consecutive windows, in order.

    Sums printed on every page are final on the last one: the last window that has one counts. Any other field is taken
    from the first window with it. Rows that belong to billed positions are concatenated; a row of the same texts on the
    same lines is the same row. Of other tables, those with numbers are sums again; ids and accounts, which stand on
    every page, are listed once.
    """
    if len(answers) == 1:
        return answers[0]
    fields: list[FieldSpan] = []
    for name in vocabulary.fields:
        found = [spans for answer in answers if (spans := answer.fields_of(name))]
        if found:
            fields += found[-1 if _is_sum(vocabulary.header.get(name)) else 0]
    rows: list[Row] = []
    for asked in vocabulary.tables.values():
        parts = [part for answer in answers if (part := answer.rows_of(asked.name))]
        kinds = {term.kind for term in asked.columns.values()}
        if asked.name == LINES or FieldKind.POSITION in kinds:
            rows += dict.fromkeys(row for part in parts for row in part)
        elif any(kind.is_number for kind in kinds):
            rows += parts[-1] if parts else ()
        else:
            known: dict[tuple[tuple[str, str], ...], Row] = {}
            for row in (row for part in parts for row in part):
                known.setdefault(row.texts, row)
            rows += known.values()
    return InvoiceSpans(fields=tuple(fields), rows=tuple(rows))


def _is_sum(term: Term | None) -> bool:
    return term is not None and term.group is FieldGroup.AMOUNTS and term.kind.is_number
