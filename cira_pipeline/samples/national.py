"""Companies with the ids, accounts and references of their country, and what one of their invoices states of these."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from cira_pipeline.samples.catalogue import Party, Supplier
from cira_pipeline.samples.habits import AccountForm, Habits, IdForm, Regime, habits
from cira_pipeline.samples.invented import invent_customer, invent_person, invent_supplier
from cira_pipeline.samples.invented_ids import ACCOUNT_MAKERS, ID_MAKERS, REFERENCE_MAKERS, Account, drawn

_MOST_FACTS = 3


@dataclass(frozen=True)
class StatedId:
    """A tax id as printed, with its form."""

    form: IdForm
    value: str


@dataclass(frozen=True)
class StatedAccount:
    """An account with the form that labels it."""

    form: AccountForm
    account: Account


@dataclass(frozen=True)
class NationalSupplier:
    """A supplier with what all its invoices state. `person`: a professional without a company."""

    supplier: Supplier
    habits: Habits
    ids: tuple[StatedId, ...]
    accounts: tuple[StatedAccount, ...]
    registration: str
    registration_text: str
    facts: tuple[str, ...]
    remit_to: str
    person: bool
    second_language: bool


@dataclass(frozen=True)
class National:
    """What one invoice states besides its lines. `values`: printed references by the name of their fact.

    `cash_discount`: percent, and days in which it may be taken.
    """

    side: NationalSupplier
    regime: Regime
    customer_ids: tuple[StatedId, ...] = ()
    reference: str = ""
    cash_discount: tuple[Decimal, int] | None = None
    values: Mapping[str, str] | None = None
    ship_to: tuple[str, str] | None = None

    @property
    def habits(self) -> Habits:
        return self.side.habits


def invent_national_supplier(random: Random, country: str) -> NationalSupplier:
    """A supplier of `country`, one of `habits.national_countries()`."""
    known = habits(country)
    person = random.random() < known.shares.persons
    supplier = invent_supplier(random, country, known.professions if person else known.trades)
    if person:
        supplier = replace(supplier, name=f"{invent_person(random, country)} {supplier.name.split(' ')[-2].strip(',')}")
        supplier = replace(supplier, register="", managers="")
    ids = _ids(random, supplier, known, person=person)
    vat_ids = [each.value for each in ids if each.form.scheme == "VAT"]
    vat_id = re.sub(r"\s", "", vat_ids[0]) if vat_ids else ""
    supplier = replace(supplier, vat_id=vat_id, register="", currency=known.currency)
    bank = random.choice(known.banks) if known.banks else ("", "")
    accounts = tuple(
        StatedAccount(form, ACCOUNT_MAKERS[form.maker](random, supplier, bank))
        for form in known.accounts
        if random.random() < form.share
    )
    number = drawn(random, known.registration.number) if known.registration is not None and not person else ""
    text = random.choice(known.registration.texts).format(number=number) if known.registration and number else ""
    return NationalSupplier(
        supplier=supplier,
        habits=known,
        ids=ids,
        accounts=accounts,
        registration=number,
        registration_text=text,
        facts=tuple(random.sample(known.facts, min(random.randint(1, _MOST_FACTS), len(known.facts)))),
        remit_to=f"P.O. Box {random.randint(1000, 99999)}, {supplier.town}"
        if random.random() < known.shares.remit_to
        else "",
        person=person,
        second_language=supplier.region == "QC" or random.random() < known.shares.second_language / 3,
    )


def invent_national(random: Random, side: NationalSupplier, sequence: int) -> tuple[National, Party]:
    """What one invoice of `side` states, and its customer."""
    known, country = side.habits, side.supplier.country
    regime = random.choice(known.regimes)
    customer = invent_customer(random, country)
    while not _applies(regime, side.supplier, customer):
        customer = invent_customer(random, country)
    ids = tuple(each for each in _ids(random, customer, known, person=False) if each.form.customer)
    reference = ""
    if known.reference is not None and random.random() < known.reference.share:
        schemes = {each.form.scheme for each in side.accounts}
        if not known.reference.accounts or schemes & set(known.reference.accounts):
            reference = REFERENCE_MAKERS[known.reference.maker](random, f"{sequence:06}")
    discount = None
    if random.random() < known.shares.cash_discount:
        discount = (Decimal(random.choice((1, 2, 2, 3))), random.choice((7, 8, 10)))
    ship_to = None
    if random.random() < known.shares.ship_to:
        other = invent_customer(random, country)
        ship_to = (customer.name, other.address)
    national = National(
        side=side,
        regime=regime,
        customer_ids=ids,
        reference=reference,
        cash_discount=discount,
        values=_values(random, side, customer),
        ship_to=ship_to,
    )
    return national, replace(customer, vat_id="")


def _applies(regime: Regime, supplier: Supplier, customer: Party) -> bool:
    if regime.same_region is not None and regime.same_region != (supplier.region == customer.region):
        return False
    return not regime.regions or customer.region in regime.regions


def _ids(random: Random, party: Party, known: Habits, *, person: bool) -> tuple[StatedId, ...]:
    made: dict[str, str] = {}
    stated = []
    for form in known.tax_ids:
        if form.persons not in (None, person) or (form.regions and party.region not in form.regions):
            continue
        made[form.scheme] = ID_MAKERS[form.maker](random, party, known.region_codes, made)
        if random.random() < form.share:
            stated.append(StatedId(form, made[form.scheme]))
    return tuple(stated)


def _values(random: Random, side: NationalSupplier, customer: Party) -> dict[str, str]:
    """References that no amount or date hangs on."""
    state = f"{customer.region} ({side.habits.region_codes.get(customer.region, '')})"
    return {
        "sales_order": random.choice(("SO-{}", "{}", "A{}")).format(random.randint(100_000, 999_999)),
        "delivery_note": random.choice(("DN-{}", "{}", "L{}")).format(random.randint(10_000, 99_999)),
        "project_reference": random.choice(("P-{}", "{}", "PR{}")).format(random.randint(1_000, 9_999)),
        "contract_reference": random.choice(("C-{}", "{}", "CT{}")).format(random.randint(10_000, 99_999)),
        "ship_via": random.choice(("Ground", "Best way", "Common carrier", "Courier")),
        "sales_rep": invent_person(random, side.supplier.country),
        "place_of_supply": state,
        "vehicle": drawn(random, "@@ ## @@ ####").upper(),
    }
