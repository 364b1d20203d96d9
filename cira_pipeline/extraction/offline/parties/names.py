"""Recognises names: by legal form, form of the text, and similarity to another name or to a web address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from babel import Locale
from rapidfuzz import fuzz

from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.blocks import is_postal, is_street
from cira_pipeline.extraction.offline.page.canvas import Segment, Span, whole
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.languages import LANGUAGES
from cira_pipeline.printed.letters import folded


@dataclass(frozen=True, slots=True)
class _Tuned:
    weak_form: float
    short_form: int
    longest: int
    letters: float
    same: int
    domain_words: int
    domain_letters: int
    domain_beginning: int
    domain_word: int
    town_lines: int
    sentence_words: int
    small_words: float
    street_lines: int


_TUNED = thresholds(_Tuned)

_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_BETWEEN_WORDS = re.compile(r"[\s,()]+")
_NOT_NAME = re.compile(r"[@€$%:]|https?:|www\.|\d{5,}")


@lru_cache(maxsize=8192)
def company_score(text: str) -> float:
    """1 with a legal form at its end or middle, less with a word that companies like in their names, else 0.

    A short form in small letters, such as `as`, is a word of the sentence unless it is the last one.
    """
    printed = _parts(text)
    words = [word if word.isalpha() and word.isascii() else compact(word) for word in map(folded, printed)]
    small = [len(word) <= _TUNED.short_form and word.islower() for word in printed[:-1]] + [False]
    known = lexicon()
    for size in (4, 3, 2, 1):
        for index in range(1 if size < 3 else 0, len(words) - size + 1):
            if "".join(words[index : index + size]) in known.legal_forms and not (size == 1 and small[index]):
                return 1.0
    weak = any(word in known.weak_forms and not small[index] for index, word in enumerate(words))
    return _TUNED.weak_form if weak else 0.0


def _parts(text: str) -> list[str]:
    return [part for part in _BETWEEN_WORDS.split(text) if part]


@lru_cache(maxsize=8192)
def namelike(text: str) -> bool:
    """Mostly letters, short, no address of the web, no amount: what a name may look like."""
    if len(text) > _TUNED.longest or text.startswith(("(", "*", "•", "-", '"')) or _NOT_NAME.search(text):
        return False
    letters = sum(map(str.isalpha, text))
    return letters >= 2 and letters >= _TUNED.letters * len(text.replace(" ", ""))


def reads_like_a_sentence(text: str) -> bool:
    """`Our responsibility ceases as soon as goods leave`: most words after the first are small, and none is a form."""
    words = text.split()
    small = sum(word[0].islower() for word in words[1:])
    return len(words) >= _TUNED.sentence_words and small >= _TUNED.small_words * len(words) and company_score(text) < 1


def same_name(first: str, second: str) -> bool:
    return fuzz.token_set_ratio(folded(first), folded(second)) >= _TUNED.same


def matches_domain(text: str, domains: frozenset[str]) -> bool:
    """`Au bon moulin SARL` and `aubonmoulin.fr`."""
    for spelling in _spellings(text):
        joined = ""
        for word in spelling.split()[: _TUNED.domain_words]:
            joined += compact(word)
            for domain in domains:
                plain = compact(domain)
                if len(joined) >= _TUNED.domain_letters and (
                    joined == plain or (len(joined) >= _TUNED.domain_beginning and plain.startswith(joined))
                ):
                    return True
    return False


def shares_word(text: str, domains: frozenset[str]) -> bool:
    """`Bloemenhandel Zonneveld` and `zonneveld-bloemen.nl`: the domain contains a long word of the name."""
    return any(
        len(word := compact(part)) >= _TUNED.domain_word
        and word not in lexicon().weak_forms
        and word in compact(domain)
        for spelling in _spellings(text)
        for part in spelling.split()
        for domain in domains
    )


def _spellings(text: str) -> tuple[str, ...]:
    """The text as it is, and with its umlauts as a web address writes them: `Tönnies` and `toennies.de`."""
    spelled_out = text.lower().translate(_SPELLED_OUT)
    return (text,) if spelled_out == text.lower() else (text, spelled_out)


@lru_cache(maxsize=1)
def country_names() -> frozenset[str]:
    """Names of countries in the lexicon's languages (Unicode CLDR, through babel)."""
    return frozenset(
        folded(str(name)) for language in LANGUAGES for name in Locale.parse(language).territories.values() if name
    )


def without_attention(segment: Segment) -> tuple[int, str]:
    """The line without `ATTN:`, `z. Hd.` and the like before a name."""
    match = re.match(
        r"(?i)\s*(?:attn|attention|z\.?\s?hd\.?|zhd|t\.?a\.?v\.?|att|à l'attention de|c/o)\s*[:.]?\s+", segment.text
    )
    start = match.end() if match else 0
    return start, segment.text[start:].strip(" ,;")


def only_salutation(text: str) -> bool:
    return compact(text) in lexicon().words["salutation"]


# One side of the invoice as printed: name and address with their places.


@dataclass(frozen=True)
class Party:
    """Name and address of one party. Spans of several lines are in printed order."""

    name: tuple[Span, ...] = ()
    address: tuple[Span, ...] = ()
    score: float = 0.0

    @property
    def name_text(self) -> str:
        return " ".join(span.text.strip() for span in self.name)

    @property
    def address_text(self) -> str:
        return ", ".join(span.text.strip(" ,") for span in self.address)


def whole_lines(segments: Sequence[Segment]) -> tuple[Span, ...]:
    return tuple(whole(segment) for segment in segments)


def address_in(lines: Sequence[Segment]) -> tuple[Span, ...]:
    """The lines up to the postal code's, and a country right after it; a street alone when there is no postal code."""
    for index, segment in enumerate(lines[: _TUNED.town_lines]):
        if is_postal(segment.text):
            following = lines[index + 1 : index + 2]
            country = following and folded(following[0].text.strip(" .,")) in country_names()
            return whole_lines(lines[: index + 2] if country else lines[: index + 1])
    streets = [segment for segment in lines[: _TUNED.street_lines] if is_street(segment.text)]
    return whole_lines(streets[:1])
