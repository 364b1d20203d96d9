"""Extracts the document type (BT-3, UNTDID 1001) from the title, or the code printed beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cira_pipeline.extraction.offline.facts.candidates import Candidate, best
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import Entries, lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.parse.labels import phrases
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    plain: float
    least_letters: int
    longest: int
    latest_word: int
    spaced: float
    largest: float
    base: float
    by_size: float
    by_top: float
    by_letter: float
    by_words_before: float
    by_words_beside: float
    words_beside: int
    lower_case: float
    key: float
    key_words: int
    coded: float
    near: float
    titled: float
    highest: float
    labelled: float
    labelled_least: float


_TUNED = thresholds(_Tuned)
PLAIN_TITLE = _TUNED.plain
NEAR_TITLE = _TUNED.near

# UNTDID 1001 codes of documents that bill or credit (EN 16931 code list, with the construction codes of 2024).
_CODES = frozenset(
    [
        "71",
        "80",
        "82",
        "84",
        "102",
        "130",
        "202",
        "203",
        "204",
        "211",
        "218",
        "219",
        "261",
        "262",
        "295",
        "296",
        "308",
        "325",
        "326",
        "331",
        "380",
        "381",
        "382",
        "383",
        "384",
        "385",
        "386",
        "387",
        "388",
        "389",
        "390",
        "393",
        "394",
        "395",
        "396",
        "420",
        "456",
        "457",
        "458",
        "527",
        "532",
        "553",
        "575",
        "623",
        "633",
        "751",
        "780",
        "817",
        "870",
        "875",
        "876",
        "877",
        "935",
    ]
)
_PRINTED_CODE = re.compile(r"\(\s?(\d{2,3})\s?\)")
SELF_BILLED: Final = "389"
# `./. 1. Abschlagsrechnung AR-7 vom 30.11.`: an earlier invoice that this one deducts.
_DEDUCTED = re.compile(r"\./\.|[-−–]\s|(?i:abz(?:gl\b|üglich\b)|less\b|moins\b|minus\b)")
_SPACED_OUT = re.compile(r"^(?:\w\s){5,}\w$")


@dataclass(frozen=True)
class Title:
    """A title on the page: the phrase and the code it means."""

    code: str
    span: Span
    score: float
    remembered: bool = False


def titles_of(facts: Facts) -> list[Title]:
    """Titles, best first: large, near the top, on the first page, at the start of a short line."""
    found: list[Title] = []
    for segment in facts.canvas.segments:
        if segment.page > 1 and found:
            break
        words = segment.words
        if not words or len(segment.tokens) > _TUNED.longest or _DEDUCTED.match(segment.text):
            continue
        spaced = _spaced_out(segment, facts.title_entries) or _spaced_over_row(segment, facts.title_entries)
        if spaced is not None:
            found.append(spaced)
        for first, _, start, end, meanings in phrases(segment, facts.title_entries):
            if first > _TUNED.latest_word:
                continue
            meant = facts.meant(meanings, end - start)
            if not meant:
                continue
            code = _code_after(segment, end) or meant[0].concept
            score = prominence(facts, segment, first, end - start)
            found.append(Title(code, Span(segment, start, end), score, remembered=not meant[0].languages))
    return sorted(_without_contradicted(found), key=lambda title: -title.score)


def _without_contradicted(titles: list[Title]) -> list[Title]:
    """Titles known only from memory count where the page has no plain title of another type."""
    plain = {title.code for title in titles if not title.remembered and title.score > PLAIN_TITLE}
    return [title for title in titles if not title.remembered or plain <= {title.code}]


def _spaced_out(segment: Segment, entries: Entries) -> Title | None:
    """`R E C H N U N G`: letters with spaces between them."""
    if not _SPACED_OUT.match(segment.text):
        return None
    meanings = entries.get("".join(word for word, _, _ in segment.words))
    return Title(meanings[0].concept, Span(segment, 0, len(segment.text)), _TUNED.spaced) if meanings else None


def _spaced_over_row(segment: Segment, entries: Entries) -> Title | None:
    """Letters so far apart that each looks like a column: the whole row is the title."""
    row = segment.row
    if row.segments[0] is not segment:
        return None
    letters = [token.text for other in row.segments for token in other.tokens]
    if len(letters) < _TUNED.least_letters or any(len(letter) > 1 for letter in letters):
        return None
    meanings = entries.get(compact("".join(letters)))
    return Title(meanings[0].concept, Span(segment, 0, len(segment.text)), _TUNED.spaced) if meanings else None


def _code_after(segment: Segment, end: int) -> str | None:
    """`Handelsrechnung (380)`: the code that some documents print beside the title."""
    codes = [code for code in _PRINTED_CODE.findall(segment.text[end:]) if code in _CODES]
    return codes[-1] if codes else None


def prominence(facts: Facts, segment: Segment, first: int, length: int) -> float:
    """Score of a title of `length` letters that is word `first` (from 0) of `segment`."""
    size = min(segment.height / max(facts.text_height, 1e-6), _TUNED.largest)
    score = _TUNED.base + _TUNED.by_size * (size - 1)
    score += _TUNED.by_top * (1 - facts.canvas.relative_top(segment)) + _TUNED.by_letter * length
    score -= _TUNED.by_words_before * first + _TUNED.by_words_beside * max(len(segment.tokens) - _TUNED.words_beside, 0)
    if segment.text[:1].islower():
        score -= _TUNED.lower_case
    if segment.text.rstrip().endswith(":") and len(segment.words) <= _TUNED.key_words:
        score -= _TUNED.key
    if _code_after(segment, 0):
        score += _TUNED.coded
    return score


def _of_issuer(facts: Facts, title: Title) -> str:
    """The title's code, or the one of a document that the customer issues for the supplier (VAT directive, art. 226).

    A German `Gutschrift` of that kind is an invoice, 389; any other self-billed credit note is a 261.
    """
    if title.code not in {"380", "381"} or not facts.contains("self_billing"):
        return title.code
    bills = title.code == "380" or compact(title.span.text) in lexicon().words["self_billed_title"]
    return SELF_BILLED if bills else "261"


def document_type(facts: Facts, titles: list[Title]) -> Candidate[str] | None:
    """BT-3. Without a title, a label that says `invoice` (number, date) makes it a commercial invoice, 380."""
    if titles:
        title = titles[0]
        credit = [other for other in titles if other.code in {"381", "384"} and other.score > title.score - NEAR_TITLE]
        chosen = credit[0] if credit else title
        same = [other for other in titles if other.span.segment is chosen.span.segment]
        chosen = max(same, key=lambda other: (other.code not in {"380", "381"}, other.score))
        if chosen.score > PLAIN_TITLE:
            return Candidate(
                _of_issuer(facts, chosen), chosen.span, min(_TUNED.titled + chosen.score / 2, _TUNED.highest)
            )
    named = [
        Candidate("380", proposal.label.span, _TUNED.labelled)
        for proposal in facts.proposals.of("invoice_number")
        if proposal.score > _TUNED.labelled_least
    ]
    return best(named)
