"""Parses VAT ids and IBANs: found by their form, verified by their check digits (python-stdnum, schwifty).

An id with invalid check digits is kept only next to a label that names it; validation decides about it. A letter that
OCR read for a digit, or the reverse, is corrected only when exactly one correction makes the check digits valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module

from schwifty import IBAN
from schwifty.exceptions import InvalidLength, SchwiftyException
from stdnum.exceptions import ValidationError

from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.printed.tax_ids import FORMS, VAT, TaxIdForm


@dataclass(frozen=True, slots=True)
class _Tuned:
    vat_rest: int
    before_loose_vat: int
    before_bare_vat: int
    shortest_account: int


_TUNED = thresholds(_Tuned)
SHORTEST_ACCOUNT = _TUNED.shortest_account

# ISO 3166 to python-stdnum's module, with the length of the part after the prefix.
_VAT_MODULES: dict[str, tuple[str, str]] = {
    "AT": ("at.uid", r"U\d{8}"),
    "BE": ("be.vat", r"[01]?\d{9}"),
    "BG": ("bg.vat", r"\d{9,10}"),
    "CY": ("cy.vat", r"\d{8}[A-Z]"),
    "CZ": ("cz.dic", r"\d{8,10}"),
    "DE": ("de.vat", r"\d{9}"),
    "DK": ("dk.cvr", r"\d{8}"),
    "EE": ("ee.kmkr", r"\d{9}"),
    "EL": ("gr.vat", r"\d{9}"),
    "GR": ("gr.vat", r"\d{9}"),
    "ES": ("es.nif", r"[A-Z0-9]\d{7}[A-Z0-9]"),
    "FI": ("fi.alv", r"\d{8}"),
    "FR": ("fr.tva", r"[A-Z0-9]{2}\d{9}"),
    "GB": ("gb.vat", r"(?:\d{12}|\d{9}|(?:GD|HA)\d{3})"),
    "HR": ("hr.oib", r"\d{11}"),
    "HU": ("hu.anum", r"\d{8}"),
    "IE": ("ie.vat", r"\d[A-Z0-9+*]\d{5}[A-Z]{1,2}"),
    "IT": ("it.iva", r"\d{11}"),
    "LT": ("lt.pvm", r"(?:\d{12}|\d{9})"),
    "LU": ("lu.tva", r"\d{8}"),
    "LV": ("lv.pvn", r"\d{11}"),
    "MT": ("mt.vat", r"\d{8}"),
    "NL": ("nl.btw", r"\d{9}B\d{2}"),
    "NO": ("no.mva", r"\d{9}(?:MVA)?"),
    "PL": ("pl.nip", r"\d{10}"),
    "PT": ("pt.nif", r"\d{9}"),
    "RO": ("ro.cf", r"\d{2,10}"),
    "SE": ("se.vat", r"\d{12}"),
    "SI": ("si.ddv", r"\d{8}"),
    "SK": ("sk.dph", r"\d{10}"),
    "CHE": ("ch.vat", r"\d{9}(?:MWST|TVA|IVA)?"),
}
# Countries whose invoices print the number without its prefix, next to a label.
_BARE = {
    "IT": "it",
    "ES": "es",
    "PT": "pt",
    "PL": "pl",
    "DK": "da",
    "FR": "fr",
    "NL": "nl",
    "GB": "en",
    "SE": "sv",
    "DE": "de",
}

# Numbers that a country prints as its VAT id without a prefix, next to a label.
_WITHOUT_PREFIX: tuple[TaxIdForm, ...] = (
    *(form for form in FORMS if form.scheme in {"CNPJ", "CUI", "CUIT", "MST", "NPWP", "OIB", "PIB", "RFC", "VKN"}),
    *(form for form in FORMS if (form.scheme, form.country) in {("NIT", "CO"), ("RUC", "PE"), ("RUC", "EC")}),
    *(form for form in FORMS if form.scheme == "RUT"),
    TaxIdForm(VAT, "HU", re.compile(r"\d{8}(?:-\d-\d{2})?(?![\w/-])"), "hu.anum"),
    TaxIdForm(VAT, "SI", re.compile(r"\d{8}(?![\w/-])"), "si.ddv"),
    TaxIdForm(VAT, "SK", re.compile(r"\d{10}(?![\w/-])"), "sk.dph"),
    TaxIdForm(VAT, "EE", re.compile(r"\d{9}(?![\w/-])"), "ee.kmkr"),
    TaxIdForm(VAT, "LV", re.compile(r"\d{11}(?![\w/-])"), "lv.pvn"),
    TaxIdForm(VAT, "LT", re.compile(r"(?:\d{12}|\d{9})(?![\w/-])"), "lt.pvm"),
)
_ANNOUNCED = re.compile(r"(?<![\w./-])[A-ZÑ&\d]")

_LAYOUT = re.compile(r"[^A-Za-z0-9]")
_VAT_SHAPE = re.compile(
    r"(?<![A-Za-z0-9])(?P<country>CHE|[A-Z]{2})[\s\-:.]{0,2}(?P<rest>[A-Z0-9](?:[\s./\-]?[A-Z0-9]){6,17})(?![A-Za-z0-9])",
)
_LOOSE_VAT = re.compile(r"(?<![A-Za-z0-9])(?P<id>[A-Z]{2,3}\s?[A-Z]?\d(?:[\s./\-]?[A-Z0-9]){5,13})(?![A-Za-z0-9])")
_BARE_VAT = re.compile(r"(?<![A-Za-z0-9])(?P<id>[A-Z]?[\-\s]?\d(?:[\s.\-]?\d){6,11}[\-\s]?[A-Z]?)(?![A-Za-z0-9])")
_IBAN_SHAPE = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\s?[0-9OIlSB]{2}(?:[\s.\-]?[A-Z0-9]){10,30}(?![A-Za-z0-9])")
_IBAN_HEAD = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:\s?[A-Z0-9]){0,26}$")
_IBAN_TAIL = re.compile(r"[A-Z0-9]{1,5}(?:\s?[A-Z0-9]{1,5})*")
# `ES66 2100 0418 40** ****`: a masked account is not an account.
_MASKED = re.compile(r"[\sA-Z0-9]{0,6}[*•xX]{2}")
_LOOKALIKES = {"O": "0", "0": "O", "I": "1", "l": "1", "S": "5", "B": "8", "Z": "2", "G": "6", "D": "0", "Q": "0"}


@dataclass(frozen=True)
class Identifier:
    """An id as compact text. `checked`: its check digits hold; `mended`: OCR's text had to be changed for it.

    `rest` is where it goes on, when the line ended inside it.
    """

    value: str
    span: Span
    checked: bool
    mended: bool = False
    rest: Span | None = None


def bare(text: str) -> str:
    return _LAYOUT.sub("", text).upper()


@lru_cache(maxsize=2048)
def vat_id_holds(country: str, rest: str) -> bool:
    """Whether python-stdnum accepts `country` + `rest` as a VAT id."""
    module_name, shape = _VAT_MODULES.get(country, ("", ""))
    if not module_name or not re.fullmatch(shape, rest):
        return False
    module = import_module(f"stdnum.{module_name}")
    try:
        module.validate(("CHE" + rest) if country == "CHE" else rest)
    except ValidationError:
        return False
    return True


def vat_ids_in(segment: Segment) -> Iterator[Identifier]:
    """VAT ids with a country prefix and right check digits."""
    position = 0
    while True:
        match = _VAT_SHAPE.search(segment.text, position)
        if match is None:
            return
        position = match.start() + 1
        found = _prefixed(segment, match)
        if found is not None:
            position = found.span.end
            yield found


def _prefixed(segment: Segment, match: re.Match[str]) -> Identifier | None:
    """The longest stretch from the prefix on that is an id: what follows may be the next word."""
    country = match.group("country")
    rest_start = match.start("rest")
    ends = [
        index for index in range(match.end(), rest_start + _TUNED.vat_rest, -1) if segment.text[index - 1].isalnum()
    ]
    for end in ends:
        if end < len(segment.text) and segment.text[end].isalnum():
            continue
        rest = bare(segment.text[rest_start:end])
        if vat_id_holds(country, rest):
            prefix = country if country != "CHE" else "CHE"
            return Identifier(prefix + rest, Span(segment, match.start(), end), checked=True)
    return None


def labelled_vat_id(segment: Segment, start: int, end: int) -> Identifier | None:
    """The id in `text[start:end]`, which a label announces: check digits may fail, a prefix may be missing.

    A letter in place of a digit (`DE8O2756910`) is mended where only this makes its check digits hold.
    """
    for found in vat_ids_in(segment):
        if start <= found.span.start < end:
            return found
    text = segment.text[start:end]
    loose = _LOOSE_VAT.search(text)
    if loose is not None and loose.start() <= _TUNED.before_loose_vat:
        span = Span(segment, start + loose.start("id"), start + loose.end("id"))
        value = bare(loose.group("id"))
        if value[:2] in _VAT_MODULES or value.startswith("CHE"):
            mended = _mended_vat(value)
            return Identifier(mended or value, span, checked=mended is not None, mended=mended is not None)
    match = _BARE_VAT.search(text)
    if match is not None and match.start() <= _TUNED.before_bare_vat:
        value = bare(match.group("id"))
        if any(vat_id_holds(country, value) for country in _BARE):
            return Identifier(value, Span(segment, start + match.start("id"), start + match.end("id")), checked=True)
    return _without_prefix(segment, start, end)


def _without_prefix(segment: Segment, start: int, end: int) -> Identifier | None:
    """The number without a prefix at the beginning of `text[start:end]` whose check digits hold in its country."""
    first = _ANNOUNCED.search(segment.text, start, end)
    if first is None or first.start() - start > _TUNED.before_bare_vat:
        return None
    for form in _WITHOUT_PREFIX:
        match = form.printed.match(segment.text, first.start(), end)
        # A Hungarian number is checked by its first part only.
        number = "" if match is None else match.group().partition("-")[0] if form.country == "HU" else match.group()
        if match is not None and form.holds(bare(number)):
            return Identifier(bare(match.group()), Span(segment, match.start(), match.end()), checked=True)
    return None


def _mended_vat(value: str) -> str | None:
    fits = {mended for mended in _mendings(value, 2) if vat_id_holds(mended[:2], mended[2:])}
    return fits.pop() if len(fits) == 1 else None


def _mendings(value: str, keep: int) -> Iterator[str]:
    """`value` with one look-alike character, or all look-alike letters after `keep`, put right."""
    for index in range(keep, len(value)):
        if value[index] in _LOOKALIKES:
            yield value[:index] + _LOOKALIKES[value[index]] + value[index + 1 :]
    digits = value[:keep] + "".join(_LOOKALIKES.get(c, c) if c.isalpha() else c for c in value[keep:])
    if digits != value:
        yield digits


@lru_cache(maxsize=2048)
def iban_holds(value: str) -> bool:
    """Whether schwifty accepts country, length, structure and check digits."""
    try:
        IBAN(value)
    except SchwiftyException:
        return False
    return True


def ibans_in(segment: Segment, *, mend: bool = False) -> Iterator[Identifier]:
    """IBANs with right check digits; `mend` also takes those that have them with look-alike characters exchanged."""
    position = 0
    while match := _IBAN_SHAPE.search(segment.text, position):
        found = next(_valid_iban(segment, match.start(), match.end(), mend=mend), None)
        # Text before an account may look like its beginning: `BTW NL810433941B01 IBAN NL91...`.
        position = match.start() + 1 if found is None else found.span.end
        if found is not None:
            yield found


def _valid_iban(segment: Segment, start: int, end: int, *, mend: bool) -> Iterator[Identifier]:
    for stop in range(end, start + 14, -1):
        if not segment.text[stop - 1].isalnum():
            continue
        if stop < len(segment.text) and segment.text[stop].isalnum():
            continue
        value = bare(segment.text[start:stop])
        if 15 <= len(value) <= 34 and iban_holds(value):
            yield Identifier(value, Span(segment, start, stop), checked=True)
            return
    whole = bare(segment.text[start:end])
    glued = next((length for length in range(15, len(whole)) if iban_holds(whole[:length])), None)
    if glued is not None:
        # Every country has one length, so what follows it belongs to the next word: `AT78...502BIC`.
        yield Identifier(whole[:glued], Span(segment, start, _end_of(segment.text, start, glued)), checked=True)
        return
    if mend:
        value = whole
        fits = {mended for mended in _mendings(value, 2) if 15 <= len(mended) <= 34 and iban_holds(mended)}
        if len(fits) == 1:
            yield Identifier(fits.pop(), Span(segment, start, end), checked=True, mended=True)


def begins_iban(segment: Segment) -> bool:
    """Whether the line ends in what an account may begin with."""
    return _IBAN_HEAD.search(segment.text) is not None


def wrapped_iban(segment: Segment, following: Segment) -> Identifier | None:
    """The account that begins at the end of `segment` and ends at the beginning of `following`."""
    head = _IBAN_HEAD.search(segment.text)
    tail = _IBAN_TAIL.match(following.text)
    if head is None or tail is None:
        return None
    begun = bare(head.group())
    whole = begun + bare(tail.group())
    for length in range(max(15, len(begun) + 1), min(len(whole), 34) + 1):
        if iban_holds(whole[:length]):
            rest = Span(following, 0, _end_of(following.text, 0, length - len(begun)))
            return Identifier(whole[:length], Span(segment, head.start(), len(segment.text)), checked=True, rest=rest)
    return None


def _end_of(text: str, start: int, count: int) -> int:
    """Where the `count`th letter or digit from `start` on ends."""
    for index in range(start, len(text)):
        count -= text[index].isalnum()
        if count == 0:
            return index + 1
    return len(text)


def breaks_off(identifier: Identifier, following: Segment | None) -> bool:
    """The line ends inside the account: it is too short for its country, and the next line goes on in digits."""
    segment = identifier.span.segment
    if following is None or identifier.span.end < len(segment.text) or not re.match(r"\d", following.text):
        return False
    try:
        IBAN(identifier.value)
    except InvalidLength:
        return True
    except SchwiftyException:
        return False
    return False


def labelled_iban(segment: Segment, start: int, end: int) -> Identifier | None:
    """The account in `text[start:end]`, which a label announces as IBAN: its check digits may fail.

    A letter in place of a digit is mended as in `labelled_vat_id`.
    """
    for found in ibans_in(segment, mend=True):
        if start <= found.span.start < end:
            return found
    match = re.match(r"\W{0,3}([A-Z]{2}\s?\d{2}(?:[\s.\-]?[A-Z0-9]){8,30})(?![A-Za-z0-9*])", segment.text[start:end])
    if match is None or _MASKED.match(segment.text, start + match.end()):
        return None
    text = re.split(r"\s[A-Z]{3,}", match.group(1))[0].rstrip()
    # BT-84 is any payment account; outside the IBAN countries it may be shorter.
    if len(bare(text)) < SHORTEST_ACCOUNT:
        return None
    return Identifier(
        bare(text), Span(segment, start + match.start(1), start + match.start(1) + len(text)), checked=False
    )
