"""Finds the countries that a page speaks of: by tax ids, accounts, postcodes, phone numbers, domains and country names.

What `$` means, and whether `04/05` is in April or in May, depends on the country. No single mark is a proof, since a
supplier may have customers abroad; so every country is named, and what uses them decides only where they agree.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from babel.numbers import get_territory_currencies

from cira_pipeline.printed.countries import country_code
from cira_pipeline.printed.tax_ids import FORMS

_STATES: Final = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]"
    "|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
)
_US_ZIP: Final = re.compile(rf"\b(?:{_STATES})(?:\s|,\s?)\d{{5}}(?:-\d{{4}})?(?![\w-])")
_CA_POSTCODE: Final = re.compile(r"\b[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d\b")
_GB_POSTCODE: Final = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b")
_POSTCODES: Final = (("US", _US_ZIP), ("CA", _CA_POSTCODE), ("GB", _GB_POSTCODE))
_DOMAIN: Final = re.compile(r"[@.][\w-]+(?:\.[a-z]{2,3})?\.(?P<top>[a-z]{2})(?![\w.])", re.IGNORECASE)
# Sold to anybody, or of no country.
_NO_COUNTRY: Final = frozenset({"io", "co", "ai", "me", "tv", "eu", "cc", "to", "gg", "ly", "fm", "am", "sh", "so"})
_COUNTRY_OF_TOP: Final = {"uk": "GB"}
_LEGAL_FORMS: Final = (
    ("SG", re.compile(r"\bPte\.? ?Ltd\b", re.IGNORECASE)),
    ("MY", re.compile(r"\bSdn\.? ?Bhd\b", re.IGNORECASE)),
    ("ZA", re.compile(r"\(Pty\)\.? ?Ltd\b", re.IGNORECASE)),
    ("AU", re.compile(r"(?<!\()\bPty\.? ?Ltd\b", re.IGNORECASE)),
)
COUNTRY_OF_SCHEME: Final = {
    form.scheme: form.country
    for form in FORMS
    if form.country and {other.country for other in FORMS if other.scheme == form.scheme} == {form.country}
}
"""Schemes of tax ids that are one country's alone."""
_SHORTEST_NAME: Final = 4
_LONGEST_ADDRESS: Final = 90
_CAPITALS: Final = re.compile(r"\bU\.?S\.?A\b|\bUK\b|\bUAE\b")
_NO_LETTERS: Final = re.compile(r"[\d\W]+$|^[\d\W]+")


def countries_of(texts: Iterable[str], ids: Iterable[str], schemes: Collection[str]) -> frozenset[str]:
    """ISO 3166-1 codes of all countries with evidence in `texts`.

    `ids`: VAT ids and IBANs; `schemes`: those of the tax ids that are labelled.
    """
    return frozenset(_found(texts, ids, schemes))


def currencies_of_countries(countries: Iterable[str]) -> frozenset[str]:
    """The legal tender of these countries, by CLDR."""
    return frozenset(code for country in countries for code in get_territory_currencies(country))


def _found(texts: Iterable[str], ids: Iterable[str], schemes: Collection[str]) -> Iterator[str]:
    yield from (COUNTRY_OF_SCHEME[scheme] for scheme in schemes)
    for value in ids:
        if value[:2].isalpha():
            yield "GR" if value.startswith("EL") else value[:2]
    for text in texts:
        yield from _in_text(text)


def _in_text(text: str) -> Iterator[str]:
    if any(map(str.isdigit, text)):
        for country, pattern in _POSTCODES:
            if pattern.search(text):
                yield country
    if "." in text or "@" in text:
        for match in _DOMAIN.finditer(text):
            top = match["top"].lower()
            if top not in _NO_COUNTRY:
                code = _COUNTRY_OF_TOP.get(top) or country_code(top)
                if code is not None:
                    yield code
    for country, form in _LEGAL_FORMS:
        if form.search(text):
            yield country
    yield from _named(text)


def _named(text: str) -> Iterator[str]:
    """Countries at the end of an address or in a line of their own: `Kowloon, Hong Kong`, `Singapore 238801`."""
    if len(text) > _LONGEST_ADDRESS:
        return
    for part in re.split(r"[,|·•]", text):
        name = _NO_LETTERS.sub("", part.strip())
        if len(name) >= _SHORTEST_NAME or _CAPITALS.fullmatch(name):
            code = country_code(name)
            if code is not None:
                yield code
