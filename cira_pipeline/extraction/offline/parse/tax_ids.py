"""Reads the tax id that a label announces: by the forms of its scheme, checked by their check digits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from babel.languages import get_official_languages

from cira_pipeline.extraction.offline.page.canvas import Span
from cira_pipeline.extraction.offline.parse.identifiers import bare
from cira_pipeline.extraction.offline.parse.labels import Place
from cira_pipeline.printed.tax_ids import OTHER, VAT, TaxIdForm, forms_of

# An id whose scheme nobody knows has at least this many digits.
_UNKNOWN = re.compile(r"[A-Z]{0,3}[- ]?\d(?:[./ -]?[\dA-Z]){5,16}(?![^\W_])(?![-./,]\w)")
_LEAST_DIGITS = 6


@dataclass(frozen=True)
class TaxIdentifier:
    """A tax id as compact text. `checked`: whether its check digits hold, `None` where its scheme has none.

    `between`: the words between its label and the id.
    """

    scheme: str
    value: str
    span: Span
    checked: bool | None
    between: str


def tax_id_in(place: Place, schemes: tuple[str, ...], languages: frozenset[str]) -> TaxIdentifier | None:
    """The id at the beginning of `place`, in a form of `schemes`.

    Of several forms one with right check digits counts, then one without check digits. With `OTHER` all schemes of
    the countries that speak `languages` are tried, and the scheme stays `OTHER` where two of them fit.
    """
    best: list[tuple[TaxIdForm, TaxIdentifier]] = []
    for start, between in _starts(place):
        found = [(form, read) for form in _forms(schemes, languages) if (read := _read(place, start, between, form))]
        for wanted in (True, None, False):
            best = best or [pair for pair in found if pair[1].checked is wanted]
        if best:
            break
    if not best:
        return _of_unknown_scheme(place) if OTHER in schemes else None
    longest = max(read.span.end for _, read in best)
    fitting = [pair for pair in best if pair[1].span.end == longest]
    read = fitting[0][1]
    named = len({each.scheme for each, _ in fitting}) == 1 and (OTHER not in schemes or read.checked is not False)
    return (
        read
        if named or OTHER not in schemes
        else TaxIdentifier(OTHER, read.value, read.span, read.checked, read.between)
    )


def _starts(place: Place) -> Iterator[tuple[int, str]]:
    """Where the id may begin, with what is printed before it."""
    text = place.text
    position = 0
    for _ in range(4):
        while position < len(text) and not text[position].isalnum():
            position += 1
        if position >= len(text):
            return
        yield place.start + position, text[:position]
        word = re.match(r"[^\W\d_]+[.:#)]*\s+", text[position:])
        if word is None:
            return
        position += word.end()


def _forms(schemes: tuple[str, ...], languages: frozenset[str]) -> Iterator[TaxIdForm]:
    for scheme in schemes:
        for form in forms_of(scheme):
            if scheme != OTHER or not languages or "en" in languages or languages & _spoken_in(form.country):
                yield form


@cache
def _spoken_in(country: str) -> frozenset[str]:
    return frozenset(get_official_languages(country, regional=True, de_facto=True)) if country else frozenset()


def _read(place: Place, start: int, between: str, form: TaxIdForm) -> TaxIdentifier | None:
    # Not only to the end of the place: `MVA` in `995 525 828 MVA` is a label of its own.
    text = place.segment.text.upper()
    match = form.printed.match(text, start) if len(text) == len(place.segment.text) else None
    if match is None:
        return None
    value = bare(match.group())
    if form.scheme == VAT and form.country == "NO":
        value = value if value.startswith("NO") else f"NO{value}"
    return TaxIdentifier(form.scheme, value, Span(place.segment, start, match.end()), form.holds(value), between)


def _of_unknown_scheme(place: Place) -> TaxIdentifier | None:
    for start, between in _starts(place):
        match = _UNKNOWN.match(place.segment.text, start, place.end)
        if match is not None and sum(map(str.isdigit, match.group())) >= _LEAST_DIGITS:
            span = Span(place.segment, start, match.end())
            return TaxIdentifier(OTHER, bare(match.group()), span, None, between)
    return None
