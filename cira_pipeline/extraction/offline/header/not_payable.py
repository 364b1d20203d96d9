"""Finds what says that a page must not be paid as an invoice: another paper's title, a stamp, a credit mark.

A reminder, a statement, a quotation or a delivery note prints the same labels and totals as an invoice. The title tells
them apart, and what is stamped on the page: void, draft, paid. A word in running text, in a label or in a table says
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.header.document_type import PLAIN_TITLE, Title, prominence
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Row, Segment, Span
from cira_pipeline.extraction.offline.parse.labels import phrases
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.invoice import CREDIT_NOTE_TYPES


@dataclass(frozen=True, slots=True)
class _Tuned:
    larger: float
    lowest: float
    longest: int
    words_after: int


_TUNED = thresholds(_Tuned)

_ORDINAL: Final = re.compile(r"\d{1,2}(?:\.|st|nd|rd|th|e|er|ère|a|o|º|ª)?", re.IGNORECASE)
_SENTENCE_ENDS: Final = re.compile(r"\s*(?:$|[.!,;:()–—-])")
_LAST_FIGURE: Final = re.compile(r"\d(?=\D*$)")
_STATES_AN_INVOICE: Final = frozenset({"reminder", "credit"})
"""Kinds of papers whose title may name the invoice that they are about."""
PAPERS: Final = {
    "reminder": "a reminder of an invoice",
    "statement": "a statement of account",
    "quote": "a quotation",
    "order": "an order",
    "delivery": "a delivery note",
    "payment": "a confirmation of a payment",
    "credit": "a refund",
    "proforma": "a pro forma invoice",
}
_PROFORMA: Final = "325"


@dataclass(frozen=True)
class OtherPaper:
    """The title of a paper that is no invoice. `kind`: a key of `PAPERS`."""

    kind: str
    span: Span


def other_paper(facts: Facts, titles: Collection[Title], type_code: str | None) -> OtherPaper | None:
    """The page's title, where it names another paper than an invoice or a credit note."""
    if type_code == _PROFORMA:
        title = next((title for title in titles if title.code == _PROFORMA), None)
        return OtherPaper("proforma", title.span) if title is not None else None
    plain = [title for title in titles if title.score > PLAIN_TITLE]
    found = [(score, paper) for score, paper in _papers(facts, titles) if not _outdone(facts, score, paper, plain)]
    return max(found, key=lambda each: each[0])[1] if found else None


def _outdone(facts: Facts, score: float, paper: OtherPaper, titles: Collection[Title]) -> bool:
    """Whether an invoice's title is as prominent. `Invoice number` is a label, and no title."""
    best = max(
        (
            title.score
            for title in titles
            if title.span.segment is not paper.span.segment
            and (_like_a_title(facts, title.span.segment) or _states_a_number(title, paper.kind))
        ),
        default=0.0,
    )
    return best >= score


def _states_a_number(title: Title, kind: str) -> bool:
    """`Invoice 4711`, which a reminder prints as the invoice that it is about; or the word alone."""
    segment = title.span.segment
    return kind not in _STATES_AN_INVOICE and (segment.has_digits or compact(title.span.text) == compact(segment.text))


def _papers(facts: Facts, titles: Collection[Title]) -> Iterator[tuple[float, OtherPaper]]:
    known = lexicon().papers
    for segment in facts.canvas.segments:
        # Below, slips to tear off have titles of their own: `Remittance advice`.
        upper = segment.page == 1 and facts.canvas.relative_top(segment) < _TUNED.lowest
        if not upper or len(segment.tokens) > _TUNED.longest or not _like_a_title(facts, segment):
            continue
        for first, last, start, end, meanings in phrases(segment, known):
            meant = facts.meant(meanings, end - start)
            if not meant or (first and not (first == 1 and _ORDINAL.fullmatch(segment.words[0][0]))):
                continue
            if any(title.span.segment is segment and _begins_with(title, start, end) for title in titles):
                continue
            kind = meant[0].concept
            if not _ends_like_a_title(segment, last, kind):
                continue
            paper = OtherPaper(kind, Span(segment, start, end))
            yield prominence(facts, segment, 0, end - start), paper


def _begins_with(title: Title, start: int, end: int) -> bool:
    """Whether an invoice's title comes before the paper's name at `start`: `Rechnung/Lieferschein`."""
    return title.span.start < start or (title.span.start == start and title.span.end >= end)


def _like_a_title(facts: Facts, segment: Segment) -> bool:
    """Larger than the text, or in capitals in a row of its own; no key with a colon."""
    text = segment.text.strip()
    if not text or text.endswith(":") or (not text[0].isupper() and not text[0].isdigit()):
        return False
    return segment.height >= _TUNED.larger * facts.text_height or (text.isupper() and len(segment.row.segments) == 1)


def _ends_like_a_title(segment: Segment, last: int, kind: str) -> bool:
    """After the paper's name there is nothing, its number or date, or the invoice that it is about."""
    after = segment.words[last + 1 :]
    if kind in _STATES_AN_INVOICE:
        return True
    if any(word in lexicon().legal_forms for word, _, _ in after):
        return False
    return len(after) <= _TUNED.words_after or any(char.isdigit() for word, _, _ in after for char in word)


def stamp(facts: Facts, titles: Collection[Title], items: Collection[Row], title: Span | None) -> Span | None:
    """`VOID`, `Storniert`, `DRAFT` in a line of its own or beside a title; `Do not pay` as a sentence.

    Not the document's own and only `title`: `Storno` is what some credit notes are called.
    """
    known = lexicon().words
    if any(other.code not in CREDIT_NOTE_TYPES and other.score > PLAIN_TITLE for other in titles):
        title = None
    for segment in facts.canvas.segments:
        if segment.row in items or (title is not None and compact(title.text) == compact(segment.text)):
            continue
        if (not segment.has_digits and compact(segment.text) in known["void"] and _stands_out(facts, segment)) or any(
            compact(rest) in known["void"] for rest in _beside_title(segment, titles)
        ):
            return Span(segment, 0, len(segment.text))
        start = _forbids(facts, segment)
        if start is not None:
            return Span(segment, start, len(segment.text))
    return None


def marked_paid_in_title(titles: Collection[Title]) -> Segment | None:
    """`INVOICE - PAID`: the title's line says that it is paid."""
    for title in titles:
        if any(compact(rest) in lexicon().words["paid"] for rest in _beside_title(title.span.segment, titles)):
            return title.span.segment
    return None


def _beside_title(segment: Segment, titles: Collection[Title]) -> Iterator[str]:
    for title in titles:
        if title.span.segment is segment:
            yield segment.text[title.span.end :]
            yield segment.text[: title.span.start]


def _stands_out(facts: Facts, segment: Segment) -> bool:
    alone = len(segment.row.segments) == 1
    return alone or segment.text.isupper() or segment.height >= _TUNED.larger * facts.text_height


def _forbids(facts: Facts, segment: Segment) -> int | None:
    """Start of the phrase that forbids to pay, where it is a sentence: not `do not pay by cheque`."""
    if lexicon().words["not_payable"].openings.isdisjoint(segment.openings):
        return None
    for index, (_, start, _) in enumerate(segment.words):
        end = facts.end_of_phrase(segment, "not_payable", index)
        if end and _SENTENCE_ENDS.match(segment.text, end):
            return start
    return None


def credit_mark(amount: Span) -> str:
    """`CR`, `Cr.`, `credit` or `Gutschrift` after an amount, or before it as its label; empty where there is none."""
    known = lexicon().words["credit_mark"]
    segment = amount.segment
    figures = _LAST_FIGURE.search(segment.text, amount.start, amount.end)
    if figures is None:
        return ""
    row = segment.row.segments
    place = row.index(segment)
    before = segment.text[: amount.start] or (row[place - 1].text if place else "")
    after = segment.text[figures.end() :].strip(" -/") or (row[place + 1].text if place + 1 < len(row) else "")
    return next((text.strip() for text in (after, before) if compact(text) in known), "")
