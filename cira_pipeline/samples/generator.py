"""Labelled invoices in any number: layouts, languages, suppliers and kinds of document, from one seed.

Each supplier keeps its language and its layout, as companies do, and comes back every few documents. A document
depends on the seed and on its own number only, so more documents of the same seed begin with the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import PurePosixPath
from random import Random
from typing import Any, Literal, get_args

from cira_pipeline.invoice import Invoice
from cira_pipeline.samples.bill import Bill, Wish, compose_bill
from cira_pipeline.samples.catalogue import Supplier, words
from cira_pipeline.samples.cii import XRECHNUNG, cii_truth, cii_xml
from cira_pipeline.samples.hybrid import factur_x
from cira_pipeline.samples.invented import invent_customer, invent_person, invent_place, invent_supplier
from cira_pipeline.samples.layout import Layout, Split, layouts
from cira_pipeline.samples.national import NationalSupplier, invent_national, invent_national_supplier
from cira_pipeline.samples.page import Printed, Stamp, print_bill
from cira_pipeline.samples.paper import Wear, photographed, scanned
from cira_pipeline.samples.receipt import print_receipt
from cira_pipeline.samples.sample import label_of
from cira_pipeline.samples.ubl import ubl_truth, ubl_xml

LabelledKind = Literal["pdf-text", "pdf-scan", "hybrid-pdf", "image", "xml"]
KINDS: tuple[LabelledKind, ...] = get_args(LabelledKind)

COUNTRIES: Sequence[str] = ("DE", "GB", "FR", "NL", "ES", "IT", "PT", "PL", "DK", "SE", "AT", "IE")
"""Of the suppliers, in turn; ten languages."""

_PAPER_MIX: tuple[LabelledKind, ...] = ("pdf-text", "pdf-scan", "pdf-text")
_CREDIT_NOTES, _LONG = 0.06, 0.1
_FIRST_DAY, _DAYS = date(2024, 1, 2), 700
_DOCUMENTS_OF_A_SUPPLIER = 4
# How often each kind comes where nothing is said: readers meet text most, XML least.
_USUAL_MIX: tuple[LabelledKind, ...] = (
    "pdf-text",
    "pdf-scan",
    "pdf-text",
    "hybrid-pdf",
    "pdf-text",
    "image",
    "pdf-scan",
    "pdf-text",
    "xml",
    "pdf-scan",
)


@dataclass(frozen=True)
class Order:
    """What to make: `split` chooses among the layouts, `kinds` come in turn (the usual mix when there are none).

    `countries`: suppliers of these (`habits.national_countries()`) in turn, with the taxes, ids, accounts and
    references of their country, on paper only. Without them suppliers of `COUNTRIES`, with VAT and IBAN.
    """

    seed: int
    split: Split | Literal["all"] = "all"
    kinds: tuple[LabelledKind, ...] = ()
    countries: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelledDocument:
    """`name` is the file's; `truth` what its pages show or its XML says."""

    name: str
    kind: LabelledKind
    layout: Layout
    supplier: Supplier
    content: bytes
    truth: Invoice

    @property
    def row(self) -> Mapping[str, Any]:
        """One line of labels.jsonl (docs/labels.md)."""
        name = PurePosixPath(self.name)
        return {
            "id": name.stem,
            "file": f"documents/{name}",
            "kind": self.kind,
            "layout": self.layout.id,
            "split": self.layout.split,
            "language": self.supplier.language,
            "country": self.supplier.country,
            "supplier": self.supplier.name,
            "fields": label_of(self.truth),
        }


def labelled_document(order: Order, number: int) -> LabelledDocument:
    """The document with this `number`, from 0, of an `order`. The same two give the same label."""
    random = Random(f"{order.seed}/document/{number}")  # noqa: S311
    mix = order.kinds or (_PAPER_MIX if order.countries else _USUAL_MIX)
    # Not in step with the suppliers, so that each of them sends several kinds.
    kind = mix[(number * 7 + number // _DOCUMENTS_OF_A_SUPPLIER) % len(mix)]
    if order.countries:
        side, layout = _national_supplier(order, number // _DOCUMENTS_OF_A_SUPPLIER)
        supplier = side.supplier
        issued = _FIRST_DAY + timedelta(days=random.randrange(_DAYS))
        bill = national_bill(random, side, _sequence(number), issued)
        place = supplier.country.lower()
    else:
        supplier, layout = _supplier(order, number // _DOCUMENTS_OF_A_SUPPLIER)
        bill = _bill(random, supplier, layout, kind, number)
        place = supplier.language
    content, truth, suffix = _made(random, kind, bill, layout)
    name = f"{order.seed:03}-{number:05}-{place}.{suffix}"
    return LabelledDocument(name, kind, layout, supplier, content, truth)


def chosen_layouts(split: Split | Literal["all"]) -> list[Layout]:
    return [layout for layout in layouts().values() if split in ("all", layout.split)]


def _supplier(order: Order, index: int) -> tuple[Supplier, Layout]:
    random = Random(f"{order.seed}/supplier/{index}")  # noqa: S311
    supplier = invent_supplier(random, COUNTRIES[index % len(COUNTRIES)])
    return supplier, _layout(order, index).for_language(supplier.language)


def _national_supplier(order: Order, index: int) -> tuple[NationalSupplier, Layout]:
    random = Random(f"{order.seed}/national/{index}")  # noqa: S311
    side = invent_national_supplier(random, order.countries[index % len(order.countries)])
    return side, for_countries(_layout(order, index))


def for_countries(layout: Layout) -> Layout:
    """`layout` without habits of countries with VAT alone: gross first, tax included, minus signs on credit notes."""
    return layout.model_copy(update={"totals_order": "net_first", "negative_credits": False})


def _layout(order: Order, index: int) -> Layout:
    offered = chosen_layouts(order.split)
    # Each round through the layouts is in an order of its own, so layout and language never go in step.
    Random(f"{order.seed}/round/{index // len(offered)}").shuffle(offered)  # noqa: S311
    return offered[index % len(offered)]


def national_bill(random: Random, side: NationalSupplier, sequence: int, issue_date: date) -> Bill:
    """A bill of `side` to a customer of its country."""
    supplier, shares = side.supplier, side.habits.shares
    national, customer = invent_national(random, side, sequence)
    credit = random.random() < _CREDIT_NOTES
    long = random.random() < _LONG
    wish = Wish(
        lines=random.randint(18, 40) if long else random.choice((1, 1, 2, 3, 3, 4, 5, 6, 7, 8, 10, 12)),
        rates=random.choice((1, 1, 1, 2)),
        credit=credit,
        allowance=not credit and random.random() < shares.allowance,
        shipping=not credit and random.random() < shares.shipping,
        prepaid=not credit and not side.person and random.random() < shares.prepaid,
        previous_balance=not credit and random.random() < shares.previous_balance,
        tip=not credit and supplier.trade.startswith("catering") and random.random() < 0.5,
        tax_reduction=not credit and random.random() < shares.tax_reduction,
    )
    if wish.tax_reduction:
        # The state pays a part of the wages of persons only.
        person = invent_person(random, supplier.country)
        customer = replace(customer, name=person, contact="")
    return compose_bill(
        random,
        supplier,
        customer,
        wish,
        issue_date=issue_date,
        sequence=sequence,
        contact=invent_person(random, supplier.country),
        national=national,
    )


def _bill(random: Random, supplier: Supplier, layout: Layout, kind: LabelledKind, number: int) -> Bill:
    abroad = kind != "image" and random.random() < 0.06
    country = random.choice([each for each in COUNTRIES if each != supplier.country]) if abroad else supplier.country
    long = kind not in ("image", "xml") and random.random() < 0.12
    wish = Wish(
        lines=random.randint(18, 55) if long else random.choice((1, 1, 2, 3, 3, 4, 5, 6, 7, 8, 10, 12)),
        rates=random.choice((1, 1, 1, 2, 2, 3)),
        credit=kind != "image" and random.random() < 0.08,
        discount=kind in ("pdf-text", "pdf-scan") and "discount" in layout.columns and random.random() < 0.8,
        reverse_charge=abroad and random.random() < 0.7,
        retail=kind == "image",
        prepaid=kind != "image" and random.random() < 0.06,
        # In XML such a discount is an element of its own, which these samples do not write.
        allowance=kind in ("pdf-text", "pdf-scan") and layout.totals_order == "net_first" and random.random() < 0.06,
    )
    issued = _FIRST_DAY + timedelta(days=random.randrange(_DAYS))
    customer = invent_customer(random, country)
    return compose_bill(
        random,
        supplier,
        customer,
        wish,
        issue_date=issued,
        sequence=_sequence(number),
        contact=invent_person(random, supplier.country),
        delivery_place=invent_place(random, country),
    )


def _sequence(number: int) -> int:
    """A supplier's number grows with its documents."""
    return 7 + (number // _DOCUMENTS_OF_A_SUPPLIER) % 40 * 11 + number % _DOCUMENTS_OF_A_SUPPLIER


def _made(random: Random, kind: LabelledKind, bill: Bill, layout: Layout) -> tuple[bytes, Invoice, str]:
    """Content, truth and the suffix of the file's name."""
    match kind:
        case "xml":
            if random.random() < 0.5:
                return ubl_xml(bill), ubl_truth(bill), "xml"
            return cii_xml(bill, XRECHNUNG), cii_truth(bill), "xml"
        case "hybrid-pdf":
            return factur_x(print_bill(bill, layout).pdf, bill), cii_truth(bill), "pdf"
        case "image":
            receipt = print_receipt(bill, layout, random)
            return photographed(receipt.pdf, random.randrange(2**32)), receipt.truth, "png"
        case "pdf-scan":
            printed = _printed(random, bill, layout)
            return scanned(printed.pdf, random.randrange(2**32), wear=Wear.drawn(random)), printed.truth, "pdf"
        case _:
            printed = print_bill(bill, layout)
            return printed.pdf, printed.truth, "pdf"


def _printed(random: Random, bill: Bill, layout: Layout) -> Printed:
    """The bill printed as PDF, sometimes with an office stamp."""
    if random.random() < 0.65:
        return print_bill(bill, layout)
    language = words(bill.supplier.language)
    received = bill.issue_date + timedelta(days=random.randint(1, 6))
    text = language.pick("stamps", random.randrange(3)).format(date=f"{received:%d.%m.%y}")
    stamp = Stamp(
        text=text,
        x=random.uniform(0.3, 0.75),
        y=random.choice((0.045, 0.28, 0.5, 0.7, 0.8)) + random.uniform(-0.02, 0.02),
        size=random.uniform(11, 22),
        colour=random.choice(("#b03a2e", "#1f4fa0", "#3a3a3a", "#2e7d4f")),
        degrees=random.uniform(-14, 14),
    )
    return print_bill(bill, layout, stamp=stamp)
