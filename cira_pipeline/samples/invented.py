"""Invents companies: names, addresses, and numbers with valid check digits, by the rules of their country."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from schwifty import IBAN
from stdnum.fr import siren

from cira_pipeline.samples.catalogue import Party, Supplier, companies, trades
from cira_pipeline.validation.checks.identifiers import vat_id_is_valid

CURRENCIES: Mapping[str, str] = {"GB": "GBP", "PL": "PLN", "DK": "DKK", "SE": "SEK"}
"""Of countries without the euro."""

_NUMBERS = (
    "RE-{year}{sequence:05}",
    "{year}-{sequence:04}",
    "{sequence:06}",
    "INV-{sequence:05}",
    "{year}/{sequence:03}",
    "F{sequence:06}",
    "{sequence:05}/{year}",
    "R{year}.{sequence:04}",
    "{year}{sequence:04}",
    "A-{sequence:07}",
    "FV/{sequence:03}/{year}",
    "9{sequence:07}",
    "{sequence:04}",
)
_POSTCODE_WORDS = {"NL": 2, "SE": 2}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVW"


def invent_supplier(random: Random, country: str, offered: Sequence[str] = ()) -> Supplier:
    """A supplier of `country` (ISO 3166-1 alpha-2), of one of the trades `offered` or of those of its language."""
    habits = companies()[country]
    language = habits["language"]
    known = {**trades()[language], **trades().get(country, {})}
    trade = random.choice(offered or sorted(trades()[language]))
    names, slogans = known[trade]
    surname, other = random.sample(habits["surnames"], 2)
    name = _filled(random.choice(habits["patterns"]), n=surname, m=other, t=random.choice(names))
    iban = _account(random, country) if habits.get("iban", True) else None
    base = _base(random, country)
    return Supplier(
        key=_slug(name),
        name=name,
        country=country,
        language=language,
        vat_id=_vat_id(random, country),
        email=f"{random.choice(_MAILBOXES[language])}@{_slug(name)}.example",
        slogan=random.choice(slogans),
        currency=CURRENCIES.get(country, "EUR"),
        register=_person(random, habits, habits["register"], city=base["city"]),
        managers=_person(random, habits, habits["managers"], city=base["city"]),
        phone=_drawn(random, random.choice(habits["phone"])),
        web=f"www.{_slug(name)}.example",
        iban=str(iban or ""),
        bic=str(iban.bic) if iban is not None else "",
        bank=_bank_name(iban) if iban is not None else "",
        trade=trade,
        number=random.choice(_NUMBERS),
        **base,
    )


def invent_customer(random: Random, country: str) -> Party:
    habits = companies()[country]
    base = _base(random, country)
    surname, other = random.sample(habits["surnames"], 2)
    name = _filled(random.choice(habits["customers"]), n=surname, m=other, c=base["city"])
    return Party(
        key=_slug(name),
        name=name,
        country=country,
        language=habits["language"],
        vat_id=_vat_id(random, country),
        email=f"{random.choice(_MAILBOXES[habits['language']])}@{_slug(name)}.example",
        contact=_person(random, habits, habits["contacts"], city=base["city"]),
        **base,
    )


_MAILBOXES: Mapping[str, Sequence[str]] = {
    "de": ("rechnung", "info", "buchhaltung"),
    "en": ("accounts", "billing", "hello"),
    "fr": ("compta", "contact", "facturation"),
    "nl": ("administratie", "info", "facturen"),
    "es": ("facturacion", "administracion", "info"),
    "it": ("amministrazione", "info", "contabilita"),
    "pt": ("faturacao", "geral", "contabilidade"),
    "pl": ("faktury", "biuro", "ksiegowosc"),
    "da": ("faktura", "info", "bogholderi"),
    "sv": ("faktura", "info", "ekonomi"),
}


def invent_person(random: Random, country: str) -> str:
    habits = companies()[country]
    return f"{random.choice(habits['firstnames'])} {random.choice(habits['surnames'])}"


def invent_place(random: Random, country: str) -> str:
    """An address on one line, as `Party.address`."""
    return invent_customer(random, country).address


def _base(random: Random, country: str) -> dict[str, str]:
    """Street, postcode, city and, where addresses have it, region."""
    habits = companies()[country]
    drawn = random.choice(habits["cities"])
    if "|" in drawn:
        city, region, postcode = drawn.split("|")
        street = _drawn(random, random.choice(habits["streets"]))
        return {"street": street, "postcode": postcode, "city": city, "region": region}
    parts = drawn.split(" ")
    if country in ("GB", "IE"):
        postcode, city = " ".join(parts[-2:]), " ".join(parts[:-2])
    else:
        words = _POSTCODE_WORDS.get(country, 1)
        postcode, city = " ".join(parts[:words]), " ".join(parts[words:])
    return {"street": _drawn(random, random.choice(habits["streets"])), "postcode": postcode, "city": city}


def _person(random: Random, habits: Mapping[str, Sequence[str]], patterns: Sequence[str], *, city: str) -> str:
    first, surnames = random.choice(habits["firstnames"]), random.sample(list(habits["surnames"]), 2)
    return _drawn(random, _filled(random.choice(patterns), n=surnames[0], m=surnames[1], f=first, c=city))


def _filled(pattern: str, **values: str) -> str:
    return pattern.format(**values)


def _drawn(random: Random, pattern: str) -> str:
    """`#` becomes a digit, the first of a number never 0; `@` a letter."""
    drawn = re.sub(r"(?<![\d#+])#", lambda _: str(random.randint(1, 9)), pattern)
    drawn = re.sub("#", lambda _: str(random.randint(0, 9)), drawn)
    return re.sub("@", lambda _: random.choice(_LETTERS), drawn)


def _vat_id(random: Random, country: str) -> str:
    """Drawn until its check digits are right; empty for countries whose ids have another form."""
    if not companies()[country]["vat_id"]:
        return ""
    if country == "FR":
        # Two check digits of different kinds: drawing would take thousands of tries.
        number = next(each for each in _endless(random, "#########") if siren.is_valid(each))
        return f"FR{siren.to_tva(number)}"
    return next(each for each in _endless(random, companies()[country]["vat_id"]) if vat_id_is_valid(each))


def _endless(random: Random, pattern: str) -> Iterator[str]:
    while True:
        yield _drawn(random, pattern)


def _account(random: Random, country: str) -> IBAN:
    """An account at a real bank, its number without letters."""
    while True:
        iban = IBAN.random(country_code=country, random=random)
        digits = "".join(str(random.randint(0, 9)) for _ in iban.account_code)
        iban = IBAN.generate(country, iban.bank_code, digits, iban.branch_code)
        if iban.bic is not None and iban.bank is not None and iban.bank.name:
            return iban


def _bank_name(iban: IBAN) -> str:
    name = iban.bank.name.strip() if iban.bank is not None else ""
    return name.title() if name.isupper() and len(name) > 12 else name


def _slug(name: str) -> str:
    plain = name.casefold()
    for letter, spelt in (("ł", "l"), ("ø", "o"), ("æ", "ae"), ("å", "aa")):
        plain = plain.replace(letter, spelt)
    ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    words = re.findall("[a-z]+", ascii_only)
    return "-".join(word for word in words if len(word) > 2)[:28].strip("-")
