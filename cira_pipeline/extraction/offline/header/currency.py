"""Extracts the currency (BT-5): named by a label, or printed with the amounts."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from cira_pipeline.extraction.offline.facts.candidates import Candidate
from cira_pipeline.extraction.offline.facts.countries import currencies_of_countries
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.page.canvas import Span
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.printed.numbers import is_printed_whole


@dataclass(frozen=True, slots=True)
class _Tuned:
    label_least: float
    labelled: float
    majority: float
    voted: float
    by_share: float
    sign_apart: float
    named: float


_TUNED = thresholds(_Tuned)

_NAMES = re.compile(r"[A-Za-z]{3,}|[€$£¥]")
_CODES = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_BY_LANGUAGE = {"sv": "SEK", "da": "DKK", "nb": "NOK"}
# Tax numbers that several countries call so: what `$` is in the one that prints its own currency as `$`.
_CURRENCY_BY_TAX_ID = {"NIT": "COP", "RUC": "USD", "RUT": "CLP"}
# A sign of one letter is also a part of a code: `Type R 12`.
_NEEDS_EVIDENCE = frozenset({"ZAR"})


@dataclass(frozen=True)
class Rivals:
    """Currencies that one printed sign may mean, where neither a code nor a country on the page decides."""

    sign: Span
    codes: tuple[str, ...]


def undecided(facts: Facts, code: str) -> Rivals | None:
    """The rivals of the currency `code`, if it is only the commonest meaning of a sign such as `$` or `kr`."""
    codes = _printed_codes(facts)
    if code in codes or _is_labelled(facts, code):
        return None
    for numbers in facts.numbers.values():
        for number in numbers:
            signs = number.currency
            if len(signs) > 1 and code in signs and _by_evidence(signs, codes, facts) is None:
                return Rivals(number.span, signs)
    return None


def _is_labelled(facts: Facts, code: str) -> bool:
    found = (_code_in(proposal.place.text) for proposal in facts.proposals.of("currency"))
    return any(each is not None and each[0] == code for each in found)


def currency(facts: Facts) -> Candidate[str] | None:
    """ISO 4217 code. A shared sign such as `$` or `kr` needs a country, the language or another code to be settled."""
    for proposal in facts.proposals.of("currency"):
        code = _code_in(proposal.place.text)
        if code and proposal.score > _TUNED.label_least:
            span = Span(proposal.place.segment, proposal.place.start + code[1], proposal.place.start + code[2])
            return Candidate(code[0], span, _TUNED.labelled)
    votes: Counter[str] = Counter()
    first: dict[str, Span] = {}
    codes = _printed_codes(facts)
    for numbers in facts.numbers.values():
        for number in numbers:
            if number.currency:
                code_of_sign = _settled(number.currency, codes, facts)
                if code_of_sign is None:
                    continue
                votes[code_of_sign] += 2 if len(number.currency) == 1 else 1
                first.setdefault(code_of_sign, number.span)
    for code_printed, span in codes.items():
        votes[code_printed] += 1
        first.setdefault(code_printed, span)
    if not votes:
        return _sign_apart(facts) or _named(facts)
    (winner, count), *others = votes.most_common(2)
    share = count / (count + (others[0][1] if others else 0))
    if share <= _TUNED.majority:
        return None
    return Candidate(winner, first[winner], _TUNED.voted + _TUNED.by_share * share)


def prints_whole_amounts(facts: Facts) -> bool:
    """Whether the document's amounts have no decimals: its currency needs none, and no number shows two."""
    found = currency(facts)
    return (
        found is not None
        and is_printed_whole(found.value)
        and not any(
            number.decimals == 2 and not number.percent for numbers in facts.numbers.values() for number in numbers
        )
    )


def _code_in(text: str) -> tuple[str, int, int] | None:
    known = lexicon()
    for match in _NAMES.finditer(text):
        word = match.group()
        if word.upper() in known.currency_codes and word.isupper():
            return word.upper(), match.start(), match.end()
        named = known.currency_words.get(word.lower()) or (known.symbols.get(word, ("",))[0])
        if named:
            return named, match.start(), match.end()
    return None


def _printed_codes(facts: Facts) -> dict[str, Span]:
    """Codes that are separate words: `Total EUR`, `Betrag in CHF`; not those beside a bank account."""
    found: dict[str, Span] = {}
    accounts = {identifier.span.segment for identifier in facts.ibans}
    for segment in facts.canvas.segments:
        if segment in accounts:
            continue
        for match in _CODES.finditer(segment.text):
            if match.group() in lexicon().currency_codes:
                found.setdefault(match.group(), Span(segment, match.start(), match.end()))
    return found


def _settled(candidates: tuple[str, ...], codes: dict[str, Span], facts: Facts) -> str | None:
    """The one of the currencies that share a sign, `None` where nothing on the page decides."""
    if len(candidates) == 1:
        return candidates[0] if candidates[0] not in _NEEDS_EVIDENCE or _is_usual(facts, candidates) else None
    decided = _by_evidence(candidates, codes, facts)
    if decided is not None:
        return decided
    if "USD" in candidates and facts.language == "es":
        # Most countries that speak Spanish print their own currency as `$`.
        return None
    return candidates[0]


def _is_usual(facts: Facts, candidates: tuple[str, ...]) -> bool:
    """Whether the currency's country is on the page, or its sign is printed with most amounts."""
    if candidates[0] in currencies_of_countries(facts.countries):
        return True
    amounts = [number for numbers in facts.numbers.values() for number in numbers if number.is_money]
    return sum(number.currency == candidates for number in amounts) * 2 > len(amounts)


def _by_evidence(candidates: tuple[str, ...], codes: dict[str, Span], facts: Facts) -> str | None:
    """The one of the currencies that share a sign whose code, country or language is on the page."""
    printed = [code for code in candidates if code in codes]
    if len(printed) == 1:
        return printed[0]
    by_id = {code for scheme, code in _CURRENCY_BY_TAX_ID.items() if any(True for _ in facts.details.of(scheme))}
    local = by_id or currencies_of_countries(facts.countries)
    named = [code for code in candidates if code in local]
    if len(named) == 1:
        return named[0]
    spoken = _BY_LANGUAGE.get(facts.language)
    return spoken if spoken in candidates and not named else None


def _sign_apart(facts: Facts) -> Candidate[str] | None:
    """`TOTALE DA PAGARE €`: a currency sign apart from its amount, when it is the only currency."""
    signs = {sign: codes[0] for sign, codes in lexicon().symbols.items() if len(codes) == 1 and not sign.isascii()}
    found: dict[str, Span] = {}
    for segment in facts.canvas.segments:
        for sign, code in signs.items():
            start = segment.text.find(sign)
            if start >= 0:
                found.setdefault(code, Span(segment, start, start + len(sign)))
    local = _BY_LANGUAGE.get(facts.language)
    for segment in facts.canvas.segments:
        word = next((word for word in segment.words if word[0] == "kr"), None)
        if local is not None and word is not None:
            found.setdefault(local, Span(segment, word[1], word[2]))
    if len(found) != 1:
        return None
    code, span = next(iter(found.items()))
    return Candidate(code, span, _TUNED.sign_apart)


def _named(facts: Facts) -> Candidate[str] | None:
    words = lexicon().currency_words
    for segment in facts.canvas.segments:
        parts = segment.words
        for index, (word, start, end) in enumerate(parts):
            pair = word + (parts[index + 1][0] if index + 1 < len(parts) else "")
            for key in (pair, word):
                if key in words:
                    return Candidate(words[key], Span(segment, start, end), _TUNED.named)
    return None
