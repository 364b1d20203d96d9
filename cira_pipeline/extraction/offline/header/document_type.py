"""What kind of document it is, in UNTDID 1001 codes: from its title, or the code printed beside it."""

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
_PLAIN = 0.3
SELF_BILLED: Final = "389"
_LEAST_LETTERS = 6
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
        if not words or len(segment.tokens) > 12 or _DEDUCTED.match(segment.text):
            continue
        spaced = _spaced_out(segment, facts.title_entries) or _spaced_over_row(segment, facts.title_entries)
        if spaced is not None:
            found.append(spaced)
        for first, _, start, end, meanings in phrases(segment, facts.title_entries):
            if first > 4:
                continue
            code = _code_after(segment, end) or meanings[0].concept
            prominence = _prominence(facts, segment, first, end - start)
            found.append(Title(code, Span(segment, start, end), prominence, remembered=not meanings[0].language))
    return sorted(_without_contradicted(found), key=lambda title: -title.score)


def _without_contradicted(titles: list[Title]) -> list[Title]:
    """Titles that only memory knows count where the page has no plain one that says something else."""
    plain = {title.code for title in titles if not title.remembered and title.score > _PLAIN}
    return [title for title in titles if not title.remembered or plain <= {title.code}]


def _spaced_out(segment: Segment, entries: Entries) -> Title | None:
    """`R E C H N U N G`: letters set apart."""
    if not _SPACED_OUT.match(segment.text):
        return None
    meanings = entries.get("".join(word for word, _, _ in segment.words))
    return Title(meanings[0].concept, Span(segment, 0, len(segment.text)), 0.9) if meanings else None


def _spaced_over_row(segment: Segment, entries: Entries) -> Title | None:
    """Letters set so far apart that each looks like a column: the row as a whole is the title."""
    row = segment.row
    if row.segments[0] is not segment:
        return None
    letters = [token.text for other in row.segments for token in other.tokens]
    if len(letters) < _LEAST_LETTERS or any(len(letter) > 1 for letter in letters):
        return None
    meanings = entries.get(compact("".join(letters)))
    return Title(meanings[0].concept, Span(segment, 0, len(segment.text)), 0.9) if meanings else None


def _code_after(segment: Segment, end: int) -> str | None:
    """`Handelsrechnung (380)`: the code that some documents print beside the title."""
    codes = [code for code in _PRINTED_CODE.findall(segment.text[end:]) if code in _CODES]
    return codes[-1] if codes else None


def _prominence(facts: Facts, segment: Segment, first: int, length: int) -> float:
    size = min(segment.height / max(facts.text_height, 1e-6), 2.5)
    score = 0.35 + 0.18 * (size - 1)
    score += 0.2 * (1 - facts.canvas.relative_top(segment)) + 0.004 * length
    score -= 0.12 * first + 0.02 * max(len(segment.tokens) - 4, 0)
    if segment.text[:1].islower():
        score -= 0.3
    if segment.text.rstrip().endswith(":") and len(segment.words) <= 2:
        score -= 0.15
    if _code_after(segment, 0):
        score += 0.4
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
        credit = [other for other in titles if other.code in {"381", "384"} and other.score > title.score - 0.15]
        chosen = credit[0] if credit else title
        same = [other for other in titles if other.span.segment is chosen.span.segment]
        chosen = max(same, key=lambda other: (other.code not in {"380", "381"}, other.score))
        if chosen.score > 0.3:
            return Candidate(_of_issuer(facts, chosen), chosen.span, min(0.6 + chosen.score / 2, 0.99))
    named = [
        Candidate("380", proposal.label.span, 0.7)
        for proposal in facts.proposals.of("invoice_number")
        if proposal.score > 0.6
    ]
    return best(named)
