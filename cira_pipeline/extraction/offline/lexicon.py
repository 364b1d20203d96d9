"""Lexicon of words on invoices: from the files of `cira_pipeline/languages`, and a few for all languages in lexicon/.

Labels are kept without case, accents, spaces and punctuation, so that `Rechnungs-Nr.`, `Rechnungsnr` and
`RECHNUNGS NR` are one entry, and a space lost by OCR changes nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

from babel.core import get_global

from cira_pipeline.extraction.offline.normal import OPENING, compact
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.languages import LANGUAGES, words_of
from cira_pipeline.printed.letters import folded


@dataclass(frozen=True, slots=True)
class _Tuned:
    weak: float
    plain: float
    longest: int
    highest_rate: int


_TUNED = thresholds(_Tuned)

STRONG = 1.0
PLAIN = _TUNED.plain
LONGEST = _TUNED.longest
HIGHEST_RATE = _TUNED.highest_rate


@dataclass(frozen=True, slots=True)
class Meaning:
    """One meaning of a label. `concept` is a field name, or a name of the `[other]` tables.

    `languages` are those in which the label has this meaning, empty for a label of the supplier's memory.
    """

    concept: str
    weight: float
    languages: frozenset[str] = frozenset()


class Entries(dict[str, tuple[Meaning, ...]]):
    """Meanings by compact label. Built once, never changed."""

    @cached_property
    def openings(self) -> frozenset[str]:
        return _openings(self)

    def with_own(self, own: Mapping[str, tuple[Meaning, ...]]) -> Entries:
        """These meanings with a supplier's `own`, which take precedence."""
        return Entries({**self, **own}) if own else self


class Phrases(frozenset[str]):
    """Compact words and phrases that mean the same."""

    @cached_property
    def openings(self) -> frozenset[str]:
        return _openings(self)


def _openings(keys: Iterable[str]) -> frozenset[str]:
    """The prefixes of `keys` up to `OPENING` letters, to rule out most runs of words quickly."""
    return frozenset(key[:size] for key in keys for size in range(min(len(key), OPENING) + 1))


@dataclass
class TermPatterns:
    """Terms of payment word by word: what may come next, and whether a term may end here."""

    following: dict[str, TermPatterns]
    ends: bool

    def add(self, words: Iterable[str]) -> None:
        here = self
        for word in words:
            here = here.following.setdefault(word, TermPatterns({}, ends=False))
        here.ends = True


@dataclass(frozen=True)
class Lexicon:
    """All languages at once: invoices mix them. Keys are compact labels."""

    labels: Entries
    columns: Entries
    breakdown: Entries
    titles: Entries
    papers: Entries
    rows: Entries
    details: Entries
    words: Mapping[str, Phrases]
    term_days: TermPatterns
    immediate: frozenset[str]
    end_of_month: frozenset[str]
    cash_discount: frozenset[str]
    settled: frozenset[str]
    units: frozenset[str]
    legal_forms: frozenset[str]
    weak_forms: frozenset[str]
    symbols: Mapping[str, tuple[str, ...]]
    currency_words: Mapping[str, str]
    currency_codes: frozenset[str]
    tax_rates: frozenset[Decimal]


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon, read once a process."""
    tables = {language: words_of(language) for language in LANGUAGES}
    companies, currencies = _table("companies"), _table("currencies")
    labels = _Entries()
    for language, table in tables.items():
        for section, weight in (("labels", STRONG), ("weak", _TUNED.weak), ("other", STRONG)):
            labels.add(table.get(section, {}), weight, language)
    return Lexicon(
        labels=labels.frozen(),
        columns=_section(tables, "columns"),
        breakdown=_section(tables, "breakdown"),
        titles=_section(tables, "titles"),
        papers=_section(tables, "papers"),
        rows=_section(tables, "rows"),
        details=_details(tables),
        words=_words(tables),
        term_days=_term_days(tables),
        immediate=_compacts(tables, "immediate"),
        end_of_month=_compacts(tables, "end_of_month"),
        cash_discount=_compacts(tables, "discount"),
        settled=_compacts(tables, "settled"),
        units=frozenset(compact(word) for word in _table("units")["words"]),
        legal_forms=frozenset(compact(form) for form in companies["strong"]),
        weak_forms=frozenset(compact(form) for form in companies["weak"]),
        symbols={sign: tuple(codes) for sign, codes in currencies["symbols"].items()},
        currency_words={compact(word): code for word, code in currencies["words"].items()},
        currency_codes=frozenset(currencies["codes"]["known"]) | (_in_use() - frozenset(currencies["codes"]["words"])),
        tax_rates=frozenset(Decimal(rate) for rate in _table("tax_rates")["known"]),
    )


def _in_use() -> frozenset[str]:
    """ISO 4217 codes that are legal tender somewhere today (CLDR)."""
    return frozenset(
        currency
        for history in get_global("territory_currencies").values()
        for currency, _, end, tender in history
        if tender and end is None
    )


def _table(name: str) -> dict[str, Any]:
    source = files(__package__) / "lexicon" / f"{name}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


class _Entries:
    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Meaning]] = {}

    def add(self, section: Mapping[str, Iterable[str]], weight: float, language: str | None = None) -> None:
        """Adds the labels of a language, or of all languages."""
        languages = frozenset[str]() if language is None else frozenset({language})
        for concept, labels in section.items():
            for label in labels:
                key = compact(label)
                if not key:
                    continue
                known = self._entries.setdefault(key, {})
                same = known.get(concept, Meaning(concept, weight))
                known[concept] = Meaning(concept, max(weight, same.weight), same.languages | languages)

    def frozen(self) -> Entries:
        return Entries({key: tuple(meanings.values()) for key, meanings in self._entries.items()})


def _section(tables: Mapping[str, dict[str, Any]], section: str) -> Entries:
    entries = _Entries()
    for language, table in tables.items():
        entries.add(table.get(section, {}), STRONG, language)
    return entries.frozen()


def _details(tables: Mapping[str, dict[str, Any]]) -> Entries:
    """Labels of what only some invoices state. A concept is a field name, a tax id's scheme or a part of an account."""
    entries = _Entries()
    for language, table in tables.items():
        entries.add(table.get("details", {}), STRONG, language)
    for section in _table("identifiers").values():
        entries.add(section, STRONG)
    return entries.frozen()


def _words(tables: Mapping[str, dict[str, Any]]) -> Mapping[str, Phrases]:
    merged: dict[str, set[str]] = {}
    for table in tables.values():
        for name, words in table.get("words", {}).items():
            merged.setdefault(name, set()).update(compact(word) for word in words)
    return {name: Phrases(word for word in words if word) for name, words in merged.items()}


def _compacts(tables: Mapping[str, dict[str, Any]], name: str) -> frozenset[str]:
    return frozenset(
        compact(phrase) for table in tables.values() for phrase in table.get("terms", {}).get(name, ()) if phrase
    )


def _term_days(tables: Mapping[str, dict[str, Any]]) -> TermPatterns:
    """Patterns such as `zahlbar innerhalb {n} tagen`, by their folded words with `{n}` in its place."""
    first = TermPatterns({}, ends=False)
    for table in tables.values():
        for phrase in table.get("terms", {}).get("days", ()):
            first.add(folded(phrase).replace("'", " ").split())
    return first
