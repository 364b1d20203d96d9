"""Parses printed texts into typed values; the whole document decides the meaning of `1.234,50-` or `03/04/2026`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Generic, TypeVar

from babel import Locale

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Segment, Token
from cira_pipeline.extraction.offline.parse.amounts import numbers_in
from cira_pipeline.extraction.offline.parse.identifiers import bare, labelled_iban, labelled_vat_id
from cira_pipeline.extraction.offline.parse.labels import phrases
from cira_pipeline.extraction.offline.tables.labelled_amounts import amounts_by_concept
from cira_pipeline.extraction.offline.tables.line_items import item_table
from cira_pipeline.models import Reading
from cira_pipeline.printed.accounts import PLAIN, ROUTED
from cira_pipeline.printed.countries import country_code
from cira_pipeline.printed.dates import choose, dates_in
from cira_pipeline.printed.tax_ids import SCHEMES, VAT

T = TypeVar("T")

_MINUS = r"\-−–"
# `-12,00`, `- EUR 12,00`, `(12.00`; a dash at the start of the line with a space after it is a bullet.
_SIGN_BEFORE = re.compile(
    rf"(?:(?:^|[\s:€$£])([{_MINUS}(](?:[A-Z]{{3}}|[€$£])?)|\S\s+([{_MINUS}]\s(?:[A-Z]{{3}}\s?|[€$£]\s?)?))$"
)
_SIGN_AFTER = re.compile(rf"^\s?(?:[{_MINUS}](?![\w{_MINUS}])|\))")
# An id after its label: `USt-IdNr. DE123456789`.
_ID_AT_END = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z]{2,3}[\s-]?)?[A-Z0-9]?\d[\dA-Z ./-]{4,}$")
_FEWEST_DIGITS = 4
_SCHEMES = {
    "vat_id": VAT,
    **{scheme: scheme for scheme in SCHEMES},
    **{form.label: form.scheme for form in (*ROUTED, *PLAIN) if form.label != "account_number"},
}
"""Schemes of tax ids and of accounts, by the concept of their labels."""
_COMMONEST = 0.9
_UNCLEAR = 0.6


@dataclass(frozen=True)
class Value(Generic[T]):
    """A parsed value. `certainty` (0 to 1): below 1 the text is ambiguous."""

    value: T
    certainty: float = 1.0


class PrintedValues:
    """Parses the values printed in one document."""

    def __init__(self, reading: Reading) -> None:
        self._facts = Facts(reading)

    def amount(self, text: str, *, before: str = "", after: str = "") -> Value[Decimal] | None:
        """The only number in `text`. `before` and `after`: the rest of its line, for a sign that `text` omits."""
        sign = _SIGN_BEFORE.search(before)
        tail = _SIGN_AFTER.search(after)
        whole = (sign.group(1) or sign.group(2) if sign else "") + text + (tail.group() if tail else "")
        numbers = list(numbers_in(_segment(whole), self._facts.convention))
        if len(numbers) != 1:
            numbers = list(numbers_in(_segment(text), self._facts.convention))
        if len(numbers) != 1:
            return None
        return Value(numbers[0].value, 1.0 if numbers[0].certain else _UNCLEAR)

    def day(self, text: str) -> Value[date] | None:
        """The only date in `text`."""
        chosen = (choose(printed, self._facts.day_order, self._facts.languages) for printed in dates_in(text))
        days = dict(each for each in chosen if each is not None)
        if len(days) != 1:
            return None
        [(value, certain)] = days.items()
        return Value(value, 1.0 if certain else _UNCLEAR)

    @cached_property
    def _labelled(self) -> Mapping[str, frozenset[tuple[int, Decimal]]]:
        rows = frozenset(item_table(self._facts).rows)
        return {
            concept: frozenset((amount.number.span.line, amount.value) for amount in amounts)
            for concept, amounts in amounts_by_concept(self._facts, rows).items()
        }

    def labels_say(self, name: str, line: int, value: Decimal) -> bool:
        """Whether a label of the document identifies `value`, on line `line`, as the total `name`."""
        return (line, value) in self._labelled.get(name, frozenset())

    def currency(self, text: str) -> Value[str] | None:
        """ISO 4217 code of the code, sign or word in `text`; an ambiguous sign means the most common currency."""
        codes = {code for code in re.findall(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", text) if _is_currency(code)}
        if codes:
            return Value(codes.pop()) if len(codes) == 1 else None
        known = lexicon()
        for sign in sorted(known.symbols, key=len, reverse=True):
            if sign in text:
                candidates = known.symbols[sign]
                return Value(candidates[0], 1.0 if len(candidates) == 1 else _COMMONEST)
        word = known.currency_words.get(compact(text))
        return Value(word) if word else None

    def invoice_type(self, text: str) -> Value[str] | None:
        """UNTDID 1001 code of a printed title."""
        found = [meanings[0].concept for *_, meanings in phrases(_segment(text), lexicon().titles)]
        return Value(found[0]) if found else None

    def vat_id(self, text: str) -> Value[str] | None:
        """The VAT id in `text`, letters and digits only; validation checks its check digits."""
        found = labelled_vat_id(_segment(text), 0, len(text))
        last = _ID_AT_END.search(text)
        value = found.value if found else bare(last.group() if last else text)
        return Value(value) if sum(char.isdigit() for char in value) >= 5 else None

    def tax_id(self, text: str) -> Value[str] | None:
        """The tax id at the end of `text`, letters and digits only; validation checks it by its scheme."""
        last = _ID_AT_END.search(text)
        value = bare(last.group() if last else text)
        return Value(value) if sum(char.isdigit() for char in value) >= _FEWEST_DIGITS else None

    def country(self, text: str) -> Value[str] | None:
        """ISO 3166-1 code of the country named in `text`."""
        found = country_code(text)
        return Value(found) if found else None

    def iban(self, text: str) -> Value[str] | None:
        """The IBAN in `text` without spaces; validation checks its check digits."""
        found = labelled_iban(_segment(text), 0, len(text))
        value = found.value if found else bare(text)
        return Value(value) if re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", value) else None


def words(text: str) -> Value[str] | None:
    """`text` as printed, with normalised spaces."""
    value = " ".join(text.split()).strip(" :;,|")
    return Value(value) if value else None


def account(text: str) -> Value[str] | None:
    """An account number or routing code as printed, without spaces; an IBAN in its own form."""
    value = re.sub(r"\s", "", text).strip(":;,|")
    return Value(value) if sum(char.isdigit() for char in value) >= _FEWEST_DIGITS else None


def code(text: str) -> Value[str] | None:
    """The scheme whose label `text` is (`Sort code` is `SORT_CODE`, `USt-IdNr.` is `VAT`), else `text` in capitals."""
    printed = words(text)
    return Value(_scheme_labelled(printed.value) or printed.value.upper()) if printed else None


def _scheme_labelled(text: str) -> str | None:
    known = lexicon()
    whole = compact(text)
    found = {
        _SCHEMES[meaning.concept]
        for entries in (known.details, known.labels)
        for meaning in entries.get(whole, ())
        if meaning.concept in _SCHEMES
    }
    return found.pop() if len(found) == 1 else None


def _segment(text: str) -> Segment:
    """`text` as input of the offline engine's parsers: one token, because gaps between words are unknown."""
    return Segment((Token(text, 1, 0.0, 0.0, float(len(text)), 1.0, 1, 1.0),))


def _is_currency(code: str) -> bool:
    return code in Locale("en").currencies
