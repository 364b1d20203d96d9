"""Extracts invoice number and purchase order: codes next to a label."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cira_pipeline.extraction.offline.facts.candidates import Candidate
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.facts.proposals import Proposal
from cira_pipeline.extraction.offline.header.corrected_invoice import of_corrected_invoice
from cira_pipeline.extraction.offline.header.document_type import Title
from cira_pipeline.extraction.offline.lexicon import PLAIN, lexicon
from cira_pipeline.extraction.offline.memory.lesson import shape_of
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.blocks import is_postal
from cira_pipeline.extraction.offline.page.canvas import Row, Segment, Span
from cira_pipeline.extraction.offline.parse.identifiers import iban_holds
from cira_pipeline.extraction.offline.parse.labels import Label
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.printed.numbers import readings


@dataclass(frozen=True, slots=True)
class _Tuned:
    one_thousand: int
    block_rows: int
    never_before: float
    other_shape: float
    neighbour: float
    among_items: float
    later_page: float
    highest: float
    title_near: float
    title_own: float
    title_other: float
    under_title: float
    signed: float
    listed: float
    party_block: float
    weak_top: float
    weak_elsewhere: float
    party_rows: int
    party_gap: float
    longest: int
    amount: float
    year: float
    one_digit: float
    lone_digit: float
    two_digits: float
    short: float
    short_digits: int
    by_day: float
    dated_words: int
    words_tried: int
    word_letters: int
    prefix: int
    spaced_groups: int
    suffix_groups: int
    suffix_words: int


_TUNED = thresholds(_Tuned)

_RIVALS = frozenset(
    [
        "invoice_number",
        "purchase_order",
        "customer_number",
        "order_number",
        "delivery_note",
        "tax_number",
        "registration",
        "bank",
        "contact",
        "page",
        "article",
        "vat_id",
        "customer_vat_id",
        "iban",
        "due_date",
        "issue_date",
        "other_date",
        "currency",
        "total_quantity",
    ]
)
_CODE = re.compile(r"[^\W_][\w./\-–#+&]*[^\W_]|[^\W_]")
_NUMBER_SIGN = re.compile(r"#|n[°ºo.]|nr|no\b", re.IGNORECASE)
_LEAD = re.compile(r"[\s:#.\-–=°º]*")


def reference_candidates(
    facts: Facts, concept: str, titles: list[Title], items: frozenset[Row] = frozenset()
) -> list[Candidate[str]]:
    """Candidates for `concept` (`invoice_number`, `purchase_order`), best first; those in line items score low."""
    found: list[Candidate[str]] = []
    for proposal in facts.proposals.of(concept):
        span = code_in(facts, proposal)
        if span is None or facts.proposals.rival(proposal, _RIVALS) is not None:
            continue
        if concept == "invoice_number" and of_corrected_invoice(span, titles):
            continue
        score = _score(facts, proposal, titles if concept == "invoice_number" else []) * _form(proposal, span)
        score *= _TUNED.among_items if span.segment.row in items else 1.0
        score *= _TUNED.later_page if span.page > 1 else 1.0
        score *= _TUNED.neighbour if _in_a_town_line(proposal, span) else 1.0
        score *= _habit(facts, concept, span.text)
        if score > 0:
            found.append(Candidate(span.text, span, min(score, _TUNED.highest)))
    return sorted(found, key=lambda candidate: -candidate.score)


def _in_a_town_line(proposal: Proposal, code: Span) -> bool:
    """`MURRAY BRIDGE SA 5253` beside `Invoice Number`: a line of an address in a separate column."""
    place = proposal.place
    return place.relation != "inline" and is_postal(place.text) and compact(place.text) != compact(code.text)


def _habit(facts: Facts, concept: str, text: str) -> float:
    """How well `text` fits the supplier's earlier invoice numbers; 1 where nothing is known."""
    if facts.memory.never(concept):
        return _TUNED.never_before
    shapes = facts.memory.number_shapes if concept == "invoice_number" else frozenset()
    return _TUNED.other_shape if shapes and shape_of(text) not in shapes else 1.0


def _score(facts: Facts, proposal: Proposal, titles: list[Title]) -> float:
    score = proposal.score
    label = proposal.label
    weak = label.weight(proposal.concept) < PLAIN
    if weak and titles:
        heads = [title.span for title in titles if title.score > titles[0].score - _TUNED.title_near]
        row_heads = [
            head for head in heads if label.segment.row is head.segment.row and label.segment.left >= head.segment.left
        ]
        own = any(_numbered(head) for head in row_heads)
        if row_heads and proposal.place.relation in {"inline", "right"}:
            of_title = label.span.text in {head.text for head in heads}
            score = max(score, _TUNED.title_own if of_title == own else _TUNED.title_other)
        else:
            score *= _weak_trust(facts, proposal)
        if _under_title(label.segment, heads) and label.first:
            score = max(score, _TUNED.under_title * proposal.place.fit)
    if weak and _is_signed(label):
        # `INVOICE #`, with its number beside it or under it.
        beside = proposal.place.relation in {"inline", "right"}
        score = max(score, _TUNED.signed if beside else _TUNED.signed * proposal.place.fit * label.first)
    if (
        weak
        and titles
        and label.has_colon
        and proposal.place.relation == "inline"
        and len(facts.labels[label.segment]) > 1
    ):
        # `Rechnung: 000337 | Kunden-Nr.: 82963`: one key of a list of keys.
        score = max(score, _TUNED.listed)
    if weak and _in_party_block(facts, label.segment):
        score *= _TUNED.party_block
    return score


def _is_signed(label: Label) -> bool:
    """`INVOICE #`: a sign of a number follows the label."""
    return _NUMBER_SIGN.search(label.segment.text[label.end : label.value_start + 1]) is not None


def _numbered(title: Span) -> bool:
    """`Nota de Crédito NC A/12`: a number right after the title is the document's; `Ref.` beside it is another's."""
    code = _first_code(title.segment, title.end, len(title.segment.text))
    between = title.segment.text[title.end : code.start] if code is not None else ""
    return code is not None and not between.strip() and plausibility(code.text) == 1 and not code.text.isdigit()


def _under_title(segment: Segment, heads: list[Span]) -> bool:
    """`Nummer:` is a key of the block that the title opens."""
    return any(
        head.page == segment.page
        and 0 < segment.row.index - head.segment.row.index <= _TUNED.block_rows
        and abs(head.segment.left - segment.left) < 2 * segment.height
        for head in heads
    )


def _weak_trust(facts: Facts, proposal: Proposal) -> float:
    """`Nr.` far from the title: only as a key of its own in the upper half of the first page."""
    label = proposal.label
    upper = label.segment.page == 1 and facts.canvas.relative_top(label.segment) < _TUNED.weak_top
    keyed = label.first and (label.has_colon or label.alone or proposal.place.relation == "inline")
    return 1.0 if upper and keyed else _TUNED.weak_elsewhere


def _in_party_block(facts: Facts, segment: Segment) -> bool:
    """`Nummer:` a few lines under `Verkäufer` is the seller's number."""
    below = segment.row
    for row in sorted(facts.canvas.rows_near(segment.row, _TUNED.party_rows, 0), key=lambda row: -row.index):
        if below.top - row.bottom > _TUNED.party_gap * segment.height:
            return False
        below = row
        for other in row.segments:
            for label in facts.labels.get(other, ()):
                party = any(
                    meaning.concept in {"supplier", "customer", "ship_to", "payee"} for meaning in label.meanings
                )
                if label.first and label.alone and party and abs(other.left - segment.left) < 2 * segment.height:
                    return True
    return False


def _form(proposal: Proposal, code: Span) -> float:
    """How likely the code is a document number by its form. `Invoice number 7`: it stands alone beside its label."""
    place, likely = proposal.place, plausibility(code.text)
    beside = place.relation in {"inline", "right"}
    named = beside and (proposal.label.weight(proposal.concept) >= PLAIN or _is_signed(proposal.label))
    alone = not place.text.strip(" :#.=").removeprefix(code.text).strip()
    short = sum(char.isdigit() for char in code.text) <= _TUNED.short_digits
    return max(likely, _TUNED.short) if likely and named and alone and short else likely


def plausibility(text: str) -> float:
    """How likely `text` is a document number by its form; 0 for texts that cannot be one."""
    compacted = re.sub(r"\W", "", text)
    digits = sum(char.isdigit() for char in compacted)
    if digits == 0 or len(compacted) > _TUNED.longest or iban_holds(compacted.upper()):
        return 0.0
    if any(each.decimals == 2 and (each.group or each.value < _TUNED.one_thousand) for each in readings(text)):
        return _TUNED.amount
    if re.fullmatch(r"(?:19|20)\d{2}", text):
        return _TUNED.year
    if digits == 1:
        return _TUNED.one_digit if len(compacted) > 1 else _TUNED.lone_digit
    if digits == 2 and len(compacted) == 2:
        return _TUNED.two_digits
    return 1.0


def code_in(facts: Facts, proposal: Proposal) -> Span | None:
    """The code at the proposal's place; all text before `vom 05.06.2018` is the number."""
    place = proposal.place
    segment = place.segment
    lead = _LEAD.match(segment.text, place.start, place.end)
    start = lead.end() if lead else place.start
    dates = [date.span.start for date in facts.dates_of(segment) if date.span.start >= start]
    if dates and dates[0] <= start + 1:
        return _numbered_by_day(facts, proposal, start)
    # The whole segment is looked at: `vom` is a label of its own and ends the place before the date.
    following = segment.row.segments[segment.row.segments.index(segment) + 1 :][:1]
    continued = bool(following) and any(date.span.start == 0 for date in facts.dates_of(following[0]))
    dated = dates[0] if dates else len(segment.text)
    if dates or continued:
        dated = _without_intro(segment, start, dated)
    end = min(place.end, dated)
    text = segment.text[start:end].strip(" ,;:-–(|·•")
    introduced = dated < len(segment.text) and end == dated
    if introduced and 0 < len(text.split()) <= _TUNED.dated_words and any(char.isdigit() for char in text.split()[0]):
        return Span(segment, start, start + len(text))
    return _first_code(segment, start, end)


def _numbered_by_day(facts: Facts, proposal: Proposal, start: int) -> Span | None:
    """`Faktura nr 14/09/2026`: a number in the form of a date, where the date of issue stands elsewhere."""
    place = proposal.place
    own = place.relation == "inline" or (place.relation == "below" and proposal.label.alone)
    if not own or proposal.concept != "invoice_number" or proposal.score < _TUNED.by_day:
        return None
    code = _CODE.match(place.segment.text, start, place.end)
    dated = any(
        other.place.segment is not place.segment and other.score >= PLAIN and facts.dates_of(other.place.segment)
        for other in facts.proposals.of("issue_date")
    )
    return Span(place.segment, code.start(), code.end()) if dated and code and not code.group().isalpha() else None


def _without_intro(segment: Segment, start: int, end: int) -> int:
    """`end` moved before a closing `vom`, `du`, `dated`."""
    words = [word for word in segment.words if start <= word[1] < end]
    intros = lexicon().words["date_intro"]
    while words and words[-1][0] in intros and segment.text[words[-1][1] - 1 : words[-1][1]] == " ":
        end = words[-1][1]
        words.pop()
    return end


def _first_code(segment: Segment, start: int, end: int) -> Span | None:
    codes = [
        match
        for match in _CODE.finditer(segment.text, start, end)
        if not _bracketed(segment.text, match) and not _in_an_address(segment.text, match)
    ]
    for index, match in enumerate(codes[: _TUNED.words_tried]):
        if any(char.isdigit() for char in match.group()):
            first = _with_prefix(codes, index)
            last = _with_suffix(segment, codes, index)
            return Span(segment, codes[first].start(), codes[last].end())
        if not (match.group().isupper() or len(match.group()) <= _TUNED.word_letters or index == 0):
            return None
    return None


def _bracketed(text: str, match: re.Match[str]) -> bool:
    """`Gutschrift (389)`: a code in brackets explains the word before it."""
    return text[: match.start()].rstrip().endswith("(") and text[match.end() :].lstrip().startswith(")")


def _in_an_address(text: str, match: re.Match[str]) -> bool:
    """`me77@example.com`: a part of an e-mail address or of a web address."""
    start = text.rfind(" ", 0, match.start()) + 1
    word = text[start:].partition(" ")[0].lower()
    return "@" in word or "://" in word or word.startswith("www.")


def _with_prefix(codes: list[re.Match[str]], index: int) -> int:
    """`RE 2020-17`: short capitals before the digits belong to the code."""
    if index and len(codes[index - 1].group()) <= _TUNED.prefix and codes[index - 1].group().isupper():
        known = codes[index - 1].group().lower() in {"no", "nr", "n", "ref"}
        return index if known else index - 1
    return index


def _with_suffix(segment: Segment, codes: list[re.Match[str]], index: int) -> int:
    """`2020 / 17`, `12 345`, `8 118 402`: digits that follow with a slash or a single space, when nothing else does."""
    groups = codes[index:]
    group_of_digits = r"\d{1,4}" if len(groups) > 2 else r"\d{2,4}"
    spaced = all(
        re.fullmatch(group_of_digits, group.group())
        and (step == 0 or segment.text[groups[step - 1].end() : group.start()] == " ")
        for step, group in enumerate(groups)
    )
    if spaced and len(groups) <= _TUNED.spaced_groups:
        return len(codes) - 1
    last = index
    for following in codes[index + 1 : index + 1 + _TUNED.suffix_groups]:
        between = segment.text[codes[last].end() : following.start()]
        joined = between.strip() in {"/", "-", "–"} or (between == " " and len(codes) <= index + _TUNED.suffix_words)
        if not joined or not following.group()[0].isdigit() or len(following.group()) < 2:
            break
        last += 1
    return last
