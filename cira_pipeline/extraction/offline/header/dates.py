"""Extracts issue date (BT-2), due date (BT-9) and payment terms (BT-20)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from cira_pipeline.extraction.offline.facts.candidates import Candidate, contested
from cira_pipeline.extraction.offline.facts.document_facts import Facts, PrintedDate
from cira_pipeline.extraction.offline.facts.proposals import Proposal
from cira_pipeline.extraction.offline.header.corrected_invoice import of_corrected_invoice
from cira_pipeline.extraction.offline.header.document_type import PLAIN_TITLE, Title
from cira_pipeline.extraction.offline.lexicon import PLAIN, lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Row, Segment, Span
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    plain: float
    continues: float
    short: int
    among_items: float
    telling: int
    longest_term: int
    on_title_row: float
    after_place: float
    issue_least: float
    keyed_top: float
    highest: float
    near_label: int
    far_from_label: float
    place_top: float
    place_words: int
    intro_letters: int
    claim_least: float
    lone_top: float
    lone_words: int
    lone: float
    due_least: float
    discount: float
    early: float
    due_in_sentence: float
    term_sentence: float
    terms_letters: int
    terms_labelled: float
    terms_any: float
    terms_settled: float
    month_letters: int
    term_words: int
    due_from_term: float


_TUNED = thresholds(_Tuned)

_CLAUSE_ENDS = re.compile(r"[;,](?=\s)|\.(?=\s+[A-ZÀ-Ý])")
_NO_LETTERS = re.compile(r"\W")
_RIVALS = frozenset({"issue_date", "due_date", "other_date", "order_number", "delivery_note", "purchase_order", "page"})
_DATES_OF_OTHERS = frozenset({"other_date", "due_date"})
_PAPERS = frozenset({"purchase_order", "order_number", "delivery_note"})
# Shorter words for `at once` occur in many other sentences.
_TELLING = _TUNED.telling


@dataclass(frozen=True)
class DateChoice:
    """A date with its printing; `certain` is false when day and month may be swapped."""

    value: date
    span: Span
    score: float
    certain: bool


def issue_date(facts: Facts, titles: list[Title], items: frozenset[Row] = frozenset()) -> DateChoice | None:
    """BT-2: the date an issue label points at, else the one on the title's row, else the only date near the top.

    A date among the line `items` is when something was delivered or done.
    """
    found = [
        _choice(printed, _issue_trust(facts, proposal) * _first_of(printed, proposal) * _outside(printed, items))
        for proposal in facts.proposals.of("issue_date")
        for printed in _dates_at(facts, proposal)
        if facts.proposals.rival(proposal, _RIVALS) is None
        and not of_corrected_invoice(printed.span, titles)
        and not _of_a_list(facts, proposal)
    ]
    found += [_choice(printed, _TUNED.on_title_row) for printed in _on_title_row(facts, titles)]
    found += [_choice(printed, _TUNED.after_place) for printed in _after_a_place(facts)]
    strong = [choice for choice in found if choice.score >= _TUNED.issue_least]
    if strong:
        return _best(strong)
    return _only_date_at_top(facts, titles)


def _of_a_list(facts: Facts, proposal: Proposal) -> bool:
    """`Fecha` over several dates is a column: each of them dates its own row."""
    label = proposal.label
    if proposal.place.relation != "below" or label.weight("issue_date") >= _TUNED.plain:
        return False
    dated = {
        other.place.segment
        for other in facts.proposals.of("issue_date")
        if other.label is label and other.place.relation == "below" and _dates_at(facts, other)
    }
    return len(dated) > 1


def _outside(printed: PrintedDate, items: frozenset[Row]) -> float:
    return _TUNED.among_items if printed.span.segment.row in items else 1.0


def _best(choices: list[DateChoice]) -> DateChoice:
    """The best date; its confidence is lower when another date has a similar score."""
    winner = max(choices, key=lambda choice: choice.score)
    others = [choice.score for choice in choices if choice.value != winner.value]
    return replace(winner, score=contested(winner.score, winner.score - max(others, default=0.0)))


def _issue_trust(facts: Facts, proposal: Proposal) -> float:
    """`Datum:` as a separate key at the top is the invoice's; `vom` and `du` rather continue the line above them."""
    label = proposal.label
    keyed = label.first and (label.has_colon or label.alone) and label.segment.page == 1
    if proposal.score > _TUNED.plain or not keyed or facts.canvas.relative_top(label.segment) > _TUNED.keyed_top:
        return proposal.score
    intro = len(compact(label.span.text)) <= _TUNED.short
    return max(proposal.score, (_TUNED.continues if intro else _TUNED.plain) * proposal.place.fit)


def _choice(printed: PrintedDate, score: float) -> DateChoice:
    return DateChoice(printed.value, printed.span, min(score, _TUNED.highest), printed.certain)


def _first_of(printed: PrintedDate, proposal: Proposal) -> float:
    """A date right after its label counts more than one further into the text."""
    distance = printed.span.start - proposal.place.start
    return 1.0 if distance <= _TUNED.near_label else _TUNED.far_from_label


def _dates_at(facts: Facts, proposal: Proposal) -> list[PrintedDate]:
    place = proposal.place
    return [date for date in facts.dates_of(place.segment) if place.start <= date.span.start < place.end][:1]


def _on_title_row(facts: Facts, titles: list[Title]) -> list[PrintedDate]:
    """`Rechnung Nr. 471102 vom 05.06.2018`."""
    if not titles or titles[0].score < PLAIN_TITLE:
        return []
    title = titles[0].span
    found: list[PrintedDate] = []
    for segment in title.segment.row.segments:
        if segment.left < title.segment.left:
            continue
        found.extend(date for date in facts.dates_of(segment)[:1] if not _of_another(facts, date))
    return found[:1]


def _of_another(facts: Facts, printed: PrintedDate) -> bool:
    """`Facture N° 26/0118 - Votre commande 4418 du 20 février 2026`: the date of an order, a delivery, a payment."""
    labels = facts.labels.get(printed.span.segment, ())
    concepts = [{meaning.concept for meaning in label.meanings if meaning.weight > _TUNED.plain} for label in labels]
    before = [own for label, own in zip(labels, concepts, strict=True) if own and label.end <= printed.span.start]
    return any(own & _DATES_OF_OTHERS for own in concepts) or bool(before and before[-1] & _PAPERS)


def _after_a_place(facts: Facts) -> Iterator[PrintedDate]:
    """`Padova, 30/10/24` and `Valence, le 19 juillet 2024`: where and when a letter was written."""
    for segment, dates in facts.dates.items():
        printed = dates[0].span
        place, comma, intro = segment.text[: printed.start].partition(",")
        upper = segment.page == 1 and facts.canvas.relative_top(segment) < _TUNED.place_top
        lone = len(dates) == 1 and printed.end >= len(segment.text.rstrip(" ."))
        named = (
            place.replace(" ", "").replace("-", "").isalpha()
            and len(place.split()) <= _TUNED.place_words
            and place[:1].isupper()
        )
        if upper and comma and lone and named and len(intro.strip()) <= _TUNED.intro_letters:
            yield dates[0]


def _only_date_at_top(facts: Facts, titles: list[Title]) -> DateChoice | None:
    claimed = {
        (printed.span.segment, printed.span.start)
        for concept in ("due_date", "other_date")
        for proposal in facts.proposals.of(concept)
        if proposal.score > _TUNED.claim_least
        for printed in _dates_at(facts, proposal)
    }
    free = [
        printed
        for segment, dates in facts.dates.items()
        for printed in dates
        if segment.page == 1
        and (segment, printed.span.start) not in claimed
        and facts.canvas.relative_top(segment) < _TUNED.lone_top
        and len(segment.words) <= _TUNED.lone_words
        and not of_corrected_invoice(printed.span, titles)
    ]
    if len({printed.value for printed in free}) == 1:
        return _choice(free[0], _TUNED.lone)
    return None


def due_date(facts: Facts, issued: DateChoice | None) -> DateChoice | None:
    """BT-9: the date a due label points at and that is not before the issue date."""
    found = []
    for proposal in facts.proposals.of("due_date"):
        trust = _due_trust(facts, proposal)
        if trust < _TUNED.due_least or facts.proposals.rival(proposal, _RIVALS) is not None:
            continue
        for printed in _dates_at(facts, proposal):
            discount = _in_discount_clause(proposal.place.segment, printed.span.start)
            early = issued is not None and printed.value < issued.value
            score = (
                trust
                * (_TUNED.discount if discount else 1.0)
                * (_TUNED.early if early else 1.0)
                * _first_of(printed, proposal)
            )
            found.append(_choice(printed, score))
    return _best(found) if found else None


def _due_trust(facts: Facts, proposal: Proposal) -> float:
    """`bis zum 19.08.2024` is a due date only in a sentence about payment; `Due:` is one by itself."""
    label = proposal.label
    about_payment = facts.phrase_in(label.segment, "payment") or any(
        meaning.concept == "payment_terms" for other in facts.labels[label.segment] for meaning in other.meanings
    )
    if proposal.place.relation == "inline" and not label.first and about_payment:
        return max(proposal.score, _TUNED.due_in_sentence)
    keyed = label.first and (label.has_colon or label.alone)
    weak = max((meaning.weight for meaning in label.meanings if meaning.concept == "due_date"), default=0.0) < PLAIN
    return 0.0 if weak and not keyed and not about_payment else proposal.score


def _in_discount_clause(segment: Segment, position: int) -> bool:
    """`3% Skonto innerhalb 10 Tagen bis 15.06.2018`: the date of a discount is not the due date."""
    clause = clause_around(segment.text, position)
    return any(_holds(clause, phrase) for phrase in lexicon().cash_discount) or "%" in clause


def clause_around(text: str, position: int) -> str:
    """The clause of `text` at `position`; a comma inside a number does not end a clause."""
    start, end = 0, len(text)
    for match in _CLAUSE_ENDS.finditer(text):
        if match.end() <= position:
            start = match.end()
        elif match.start() >= position:
            end = match.start()
            break
    return text[start:end]


def _holds(clause: str, phrase: str) -> bool:
    return phrase in _NO_LETTERS.sub("", clause.lower())


@dataclass(frozen=True)
class Term:
    """A term of payment in days, with its place."""

    days: int
    span: Span


def net_term(facts: Facts) -> Term | None:
    """The only term of payment in days without those of discounts; `None` when there are several or none."""
    found: list[Term] = []
    labelled = {
        proposal.place.segment
        for concept in ("payment_terms", "due_date")
        for proposal in facts.proposals.of(concept)
        if proposal.score > _TUNED.claim_least
    }
    for segment in facts.canvas.segments:
        if not segment.has_digits:
            continue
        found.extend(terms_in(segment, labelled=segment in labelled))
    days = {term.days for term in found}
    return found[0] if len(days) == 1 else None


def payment_terms(facts: Facts, term: Term | None) -> Candidate[str] | None:
    """BT-20: the sentence with the term, after its label, or about when or how the invoice is settled."""
    if term is not None:
        return _sentence(term.span.segment, _TUNED.term_sentence)
    for proposal in facts.proposals.of("payment_terms"):
        place = proposal.place
        if (
            proposal.score > _TUNED.claim_least
            and sum(char.isalpha() for char in place.text) > _TUNED.terms_letters
            and place.relation != "below"
        ):
            return Candidate(
                place.text, Span(place.segment, place.start, place.end), _TUNED.terms_labelled * proposal.score
            )
    for segment in facts.canvas.segments:
        if segment.has_digits and terms_in(segment, labelled=False, all_of_them=True):
            return _sentence(segment, _TUNED.terms_any)
    settled = next((segment for segment in facts.canvas.segments if _says_how_settled(segment)), None)
    return _sentence(settled, _TUNED.terms_settled) if settled is not None else None


def _says_how_settled(segment: Segment) -> bool:
    """`Zahlbar sofort`, `The amount will be set off against open invoices`: a term without days."""
    text = compact(segment.text)
    known = lexicon()
    return any(phrase in text for phrase in known.settled) or any(
        len(phrase) >= _TELLING and phrase in text for phrase in known.immediate
    )


def _sentence(segment: Segment, score: float) -> Candidate[str]:
    return Candidate(segment.text, Span(segment, 0, len(segment.text)), score)


def terms_in(segment: Segment, *, labelled: bool, all_of_them: bool = False) -> list[Term]:
    """Terms of the segment; those of a discount or to the end of a month only with `all_of_them`."""
    words = segment.words
    found: list[Term] = []
    opening = lexicon().term_days.following
    index = 0
    while index < len(words):
        if words[index][0] not in opening and not words[index][0].isdigit():
            index += 1
            continue
        term, consumed = _term_at(segment, index, labelled=labelled)
        if term is not None:
            clause = clause_around(segment.text, term.span.start)
            discounted = any(_holds(clause, phrase) for phrase in lexicon().cash_discount) or "%" in clause
            monthly = any(
                _holds(clause, phrase) for phrase in lexicon().end_of_month if len(phrase) > _TUNED.month_letters
            )
            if all_of_them or (not discounted and not monthly):
                found.append(term)
        index += max(consumed, 1)
    return found


def _term_at(segment: Segment, index: int, *, labelled: bool) -> tuple[Term | None, int]:
    """The longest term that begins with word `index`, and its number of words. Two words need a label before them."""
    words, known = segment.words, lexicon().term_days
    days: int | None = None
    found: tuple[Term | None, int] = (None, 0)
    for count, (word, _, end) in enumerate(words[index:], start=1):
        if word.isdigit():
            days, word = int(word), "{n}"
            if not 0 < days <= _TUNED.longest_term:
                break
        following = known.following.get(word)
        if following is None:
            break
        known = following
        if known.ends and days is not None and (count > _TUNED.term_words or labelled):
            found = Term(days, Span(segment, words[index][1], end)), count
    return found


def due_from_term(term: Term, issued: DateChoice) -> DateChoice:
    """The due date that a term of `days` from the issue date means."""
    score = _TUNED.due_from_term * issued.score
    return DateChoice(issued.value + timedelta(days=term.days), term.span, score, issued.certain)
