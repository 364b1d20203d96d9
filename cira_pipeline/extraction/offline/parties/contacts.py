"""Extracts what a page states of a party besides its name: register, e-mail, phone, country, parts of the address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from babel import Locale

from cira_pipeline.extraction.offline.facts.candidates import LABELLED
from cira_pipeline.extraction.offline.facts.details import Found
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.blocks import is_street, parts_of
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.parties.both_sides import Parties
from cira_pipeline.extraction.offline.parties.names import Party, company_score, matches_domain, shares_word
from cira_pipeline.extraction.offline.parties.tax_ids import SIDES, OwnTaxId, Side
from cira_pipeline.extraction.offline.parties.web_addresses import domains_in
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.languages import LANGUAGES
from cira_pipeline.printed.tax_ids import FORMS, VAT


@dataclass(frozen=True, slots=True)
class _Tuned:
    address: float
    contact: float
    country: float
    country_of_id: float
    digits_of_register: int
    digits_of_phone: int
    street_lines: int


_TUNED = thresholds(_Tuned)

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-zA-Z]{2,14}(?![\w@])")
_PHONE = re.compile(r"\+?\(?\d[\d ()/.\-–]{5,22}\d")
_INTERNATIONAL = re.compile(r"\+[1-9]\d{0,2}[ \d()/.\-–]{6,20}\d")
_REGISTER = re.compile(
    r"(?:(?:HR ?[AB]|GnR|FN|B|CHE|SC|NI|OC|J|RM|MI|RO|TO)[ .:-]*)?\d(?:[ ./-]?[\dA-Za-z]){3,20}(?![^\W_])"
)
_CIN = re.compile(r"[LU]\d{5}[A-Z]{2}\d{4}[A-Z]{3}\d{6}(?![^\W_])")
_CONTINENTAL = re.compile(
    r"(?:(?P<country>[A-Z]{1,2})[ -]{1,3})?(?P<postcode>\d{4,5}|\d{3} \d{2}|\d{2}-\d{3})[ ,]+"
    r"(?P<city>[^\W\d_][^\d,;|(]{2,}?)(?: \((?P<region>[A-Z]{2})\))?"
)
_DUTCH = re.compile(r"(?P<postcode>\d{4} ?[A-Z]{2})[ ,]+(?P<city>[^\W\d_][^\d,;|]+)")
_AMERICAN = re.compile(
    r"(?P<city>[^\W\d_][^\d,;|]+?),? "
    r"(?P<region>A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY])"
    r",? (?P<postcode>\d{5}(?:-\d{4})?)"
)
_AUSTRALIAN = re.compile(
    r"(?P<city>[^\W\d_][^\d,;|]+?),? (?P<region>ACT|NSW|NT|QLD|SA|TAS|VIC|WA),? (?P<postcode>\d{4})"
)
_CANADIAN = re.compile(
    r"(?P<city>[^\W\d_][^\d,;|]+?),? +\(?(?P<region>AB|BC|MB|NB|NL|NS|NT|NU|ON|PE|QC|SK|YT)\)?,? +"
    r"(?P<postcode>[A-Z]\d[A-Z] ?\d[A-Z]\d)"
)
_STATES_OF_INDIA: Final = (
    "Andaman (?:and|&) Nicobar Islands",
    "Andhra Pradesh",
    "Arunachal Pradesh",
    "Assam",
    "Bihar",
    "Chandigarh",
    "Chhattisgarh",
    "(?:NCT of )?Delhi",
    "Goa",
    "Gujarat",
    "Haryana",
    "Himachal Pradesh",
    "Jammu (?:and|&) Kashmir",
    "Jharkhand",
    "Karnataka",
    "Kerala",
    "Ladakh",
    "Lakshadweep",
    "Madhya Pradesh",
    "Maharashtra",
    "Manipur",
    "Meghalaya",
    "Mizoram",
    "Nagaland",
    "Odisha",
    "Puducherry",
    "Punjab",
    "Rajasthan",
    "Sikkim",
    "Tamil Nadu",
    "Telangana",
    "Tripura",
    "Uttar Pradesh",
    "Uttarakhand",
    "West Bengal",
)
_INDIAN = re.compile(
    r"(?P<city>[^\W\d_][^\d,;|–-]+?) ?[–-] ?(?P<postcode>[1-9]\d{2} ?\d{3})"
    rf"(?:,? +(?P<region>{'|'.join(_STATES_OF_INDIA)}))?"
)
_BRITISH = re.compile(r"(?P<city>[^\W\d_][^\d,;|]+?),? (?P<postcode>[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})")
_TOWN_LINES: Final = (
    ("US", _AMERICAN),
    ("AU", _AUSTRALIAN),
    ("CA", _CANADIAN),
    ("GB", _BRITISH),
    ("NL", _DUTCH),
    ("IN", _INDIAN),
    ("", _CONTINENTAL),
)
_PERSON = re.compile(r"[^\W\d_a-z][^\W\d_]*\.?(?:[ -](?:[^\W\d_]{1,3} )?[^\W\d_a-z][^\W\d_'’]*\.?){1,3}")
# `Shop No. 5`, `Plot 12/A`, `# 14`: how places without a street's name are numbered.
_NUMBERED = re.compile(r"(?i)(?:\bno\.?|\bplot|\bshop|\bdoor|#) ?\d")
# `St. Gallen` is no street.
_SAINT = re.compile(r"(?:St|Sankt|Saint|Sainte)[. -]+")
_NOT_ISO: Final = {"EL": "GR", "XI": "GB"}
_OF_VEHICLES: Final = {
    "D": "DE",
    "A": "AT",
    "F": "FR",
    "I": "IT",
    "B": "BE",
    "L": "LU",
    "E": "ES",
    "P": "PT",
    "S": "SE",
    "N": "NO",
}


def contacts(facts: Facts, parties: Parties, tax_ids: Mapping[Side, list[OwnTaxId]]) -> dict[str, Found]:
    """Header fields of both parties, by name; what the page does not surely give to one of them is left out."""
    found: dict[str, Found] = {}
    for side, values in (
        ("registration", _registrations(facts, parties)),
        ("email", _emails(facts, parties)),
        ("phone", list(_phones(facts, parties)) or _unlabelled_phones(facts, parties)),
        ("contact", _contact_persons(facts)),
    ):
        for owner, each in _one_each(values):
            found[f"{owner}_{side}"] = each
    for side in SIDES:
        party = parties.supplier if side == "supplier" else parties.customer
        found |= {f"{side}_{name}": each for name, each in _address(party, tax_ids.get(side, [])).items()}
    return found | _delivery(parties)


def _one_each(values: Iterable[tuple[Side | None, Found]]) -> Iterator[tuple[Side, Found]]:
    """One value for each side: the first of its own lines; one that no side has is the supplier's if it is alone."""
    owned: dict[Side | None, list[Found]] = {}
    for side, found in values:
        owned.setdefault(side, []).append(found)
    loose = owned.get(None, [])
    if "supplier" not in owned and len({str(each.value) for each in loose}) == 1:
        owned["supplier"] = loose
    for side in SIDES:
        if owned.get(side):
            yield side, owned[side][0]


def _registrations(facts: Facts, parties: Parties) -> Iterator[tuple[Side | None, Found]]:
    seen: set[tuple[Segment, int]] = set()
    vat_ids = [identifier.span for identifier in (*facts.vat_ids, *facts.ibans)]
    for proposal in facts.details.of("registration"):
        place, label = proposal.place, proposal.label
        if place.relation not in {"inline", "right"} or not place.segment.has_digits:
            continue
        match = next(
            (
                match
                for form in (_CIN, _REGISTER)
                for match in form.finditer(place.segment.text, place.start, place.end)
            ),
            None,
        )
        if match is None or sum(map(str.isdigit, match.group())) < _TUNED.digits_of_register:
            continue
        between = place.segment.text[place.start : match.start()]
        if sum(map(str.isalpha, between)) > len("amtsgericht charlottenburg") or (place.segment, match.start()) in seen:
            continue
        span = Span(place.segment, match.start(), match.end())
        if any(
            span.segment is other.segment and span.start < other.end and other.start < span.end for other in vat_ids
        ):
            continue
        if any(printed.span.start <= span.start < printed.span.end for printed in facts.dates_of(place.segment)):
            continue
        seen.add((place.segment, match.start()))
        register = re.fullmatch(r"(?i)hr ?[ab]", label.span.text.strip(" .:"))
        if register is not None and place.relation == "inline":
            span = Span(place.segment, label.start, match.end())
        text = " ".join(span.text.replace(":", " ").split())
        yield parties.side_of(place.segment), Found(text, (span,), _TUNED.contact * LABELLED * proposal.score)


def _emails(facts: Facts, parties: Parties) -> Iterator[tuple[Side | None, Found]]:
    supplier = parties.supplier.name_text
    for segment in facts.canvas.segments:
        if "@" not in segment.text:
            continue
        for match in _EMAIL.finditer(segment.text):
            domains = frozenset(domains_in(match.group()))
            own = bool(supplier) and (matches_domain(supplier, domains) or shares_word(supplier, domains))
            side = parties.side_of(segment)
            span = Span(segment, match.start(), match.end())
            found = Found(match.group(), (span,), _TUNED.contact)
            theirs = matches_domain(parties.customer.name_text, domains) if parties.customer.name else False
            yield ("supplier" if own and not theirs else side), found


def _phones(facts: Facts, parties: Parties) -> Iterator[tuple[Side | None, Found]]:
    for proposal in sorted(facts.details.of("phone"), key=lambda each: each.label.segment.row.index):
        place = proposal.place
        match = _PHONE.match(place.segment.text, place.start, place.end)
        if place.relation not in {"inline", "right"} or match is None:
            continue
        digits = sum(map(str.isdigit, match.group()))
        dated = any(
            each.span.start < match.end() and match.start() < each.span.end for each in facts.dates_of(place.segment)
        )
        if digits < _TUNED.digits_of_phone or dated:
            continue
        span = Span(place.segment, match.start(), match.end())
        yield parties.side_of(place.segment), Found(span.text, (span,), _TUNED.contact * LABELLED * proposal.score)


def _unlabelled_phones(facts: Facts, parties: Parties) -> Iterator[tuple[Side | None, Found]]:
    """Numbers with the code of their country, which need no label, in a head or a line of contact details."""
    for segment in facts.canvas.segments:
        for start, end in parts_of(segment) if "+" in segment.text else ():
            match = _INTERNATIONAL.fullmatch(segment.text, start, end)
            if match is not None and sum(map(str.isdigit, match.group())) >= _TUNED.digits_of_phone:
                span = Span(segment, start, end)
                yield parties.side_of(segment), Found(span.text, (span,), _TUNED.contact)


def _contact_persons(facts: Facts) -> Iterator[tuple[Side | None, Found]]:
    """Persons that the supplier names as contact: two words or more after the label, without figures."""
    for proposal in facts.details.of("supplier_contact"):
        place = proposal.place
        text = place.text.strip(" ,;:|·")
        if not (proposal.label.first or proposal.label.has_colon) or not text or not _PERSON.fullmatch(text):
            continue
        if company_score(text):
            continue
        start = place.segment.text.index(text, place.start)
        span = Span(place.segment, start, start + len(text))
        yield "supplier", Found(text, (span,), _TUNED.contact * LABELLED * proposal.score)


def _address(party: Party, tax_ids: list[OwnTaxId]) -> dict[str, Found]:
    """Street, postcode, city, region and country where their lines have one of the known forms."""
    found: dict[str, Found] = {}
    score = _TUNED.address * party.score
    named = next(((code, span) for span in party.address if (code := _country_named(span.text.strip(" .,")))), None)
    for index, span in enumerate(party.address):
        town, country = _town_line(party.address[index : index + 2])
        if "city" not in town or index == 0:
            continue
        city = town["city"].text
        if is_street(_SAINT.sub("", city)) or " - " in city:
            break
        for name, place in town.items():
            if name != "country":
                found[name] = Found(place.text, (place,), score)
        prefix = town["country"].text if "country" in town else ""
        country = country or _OF_VEHICLES.get(prefix, prefix if prefix in _territories() else "")
        if country and named is None:
            named = (country, span)
        street = _street(party.address[:index])
        if street:
            text = ", ".join(part.text.strip(" ,") for part in street)
            found["street"] = Found(text, street, score)
        break
    if named is not None:
        found["country"] = Found(named[0], (named[1],), _TUNED.country * party.score)
    else:
        of_ids = {home: each.value for each in tax_ids if (home := _country_of(each))}
        if len(of_ids) == 1:
            code, value = of_ids.popitem()
            found["country"] = Found(code, value.spans, _TUNED.country_of_id * value.confidence)
    return found


def _town_line(spans: Sequence[Span]) -> tuple[Mapping[str, Span], str]:
    """The parts of the first span, a line with a town, in one of the known forms, and its country.

    `Town, NY 12207` may be two parts of a line.
    """
    for count in (1, 2):
        line = spans[:count]
        if len(line) < count or any(span.segment.row is not spans[0].segment.row for span in line):
            break
        text = " ".join(span.text.strip(" ,") for span in line)
        for country, form in _TOWN_LINES:
            match = form.fullmatch(text)
            if match is not None:
                places = {name: _place_of(value, line) for name, value in match.groupdict().items() if value}
                return {name: place for name, place in places.items() if place is not None}, country
    return {}, ""


def _place_of(value: str, line: Sequence[Span]) -> Span | None:
    for span in line:
        at = span.text.rfind(value)
        if at >= 0:
            return Span(span.segment, span.start + at, span.start + at + len(value))
    return None


def _street(above: Sequence[Span]) -> tuple[Span, ...]:
    """The lines of the street above the town, with the building or floor: from the first line of a street on.

    Lines that come before, such as a person's name, belong to it only where the street's own line continues them.
    """
    first = next((index for index, span in enumerate(above) if _is_street_line(span.text)), None)
    if first is None:
        return ()
    while first and above[first - 1].segment is above[first].segment:
        first -= 1
    own = tuple(above[first:])
    return own if len(own) <= _TUNED.street_lines and any(char.isdigit() for span in own for char in span.text) else ()


def _is_street_line(text: str) -> bool:
    return is_street(text) or bool(_NUMBERED.search(text))


def _country_of(tax_id: OwnTaxId) -> str | None:
    """The country whose tax id it is."""
    value, scheme = str(tax_id.value.value), tax_id.scheme.value
    if scheme == VAT and value[:2].isalpha():
        prefix = _NOT_ISO.get(value[:2], "CH" if value.startswith("CHE") else value[:2])
        return prefix if prefix in _territories() else None
    countries = {form.country for form in FORMS if form.scheme == scheme}
    return countries.pop() or None if len(countries) == 1 else None


@cache
def _territories() -> Mapping[str, str]:
    """ISO 3166-1 codes with the compact English names of their countries."""
    names = Locale("en").territories
    return {
        code: compact(name) for code, name in names.items() if len(code) == 2 and code.isalpha() and code not in _GROUPS
    }


_GROUPS: Final = frozenset({"EU", "EZ", "UN", "ZZ", "XA", "XB", "QO"})


@cache
def _countries_by_name() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for language in reversed(LANGUAGES):
        for code, name in Locale.parse(language).territories.items():
            if code in _territories():
                found[compact(name)] = code
    return found | {
        "usa": "US",
        "uk": "GB",
        "unitedstatesofamerica": "US",
        "greatbritain": "GB",
        "england": "GB",
        "uae": "AE",
    }


def _country_named(text: str) -> str | None:
    return _countries_by_name().get(compact(text))


def _delivery(parties: Parties) -> dict[str, Found]:
    receiver = parties.receiver
    if receiver is None or not receiver.name or not receiver.address:
        return {}
    found = {
        "delivery_name": Found(receiver.name_text, receiver.name, receiver.score),
        "delivery_address": Found(receiver.address_text, receiver.address, _TUNED.address * receiver.score),
    }
    country = _address(receiver, []).get("country")
    return found if country is None else {**found, "delivery_country": country}
