"""The 24 documents of `cira demo`: one of each kind that a company receives, valid and faulty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Literal

from cira_pipeline.samples.bill import Bill, Wish, compose_bill
from cira_pipeline.samples.catalogue import customers, suppliers, words
from cira_pipeline.samples.cii import XRECHNUNG, cii_truth, cii_xml
from cira_pipeline.samples.generator import for_countries, national_bill
from cira_pipeline.samples.hybrid import factur_x
from cira_pipeline.samples.layout import layouts
from cira_pipeline.samples.national import invent_national_supplier
from cira_pipeline.samples.page import Stamp, print_bill
from cira_pipeline.samples.paper import photographed, scanned
from cira_pipeline.samples.receipt import print_receipt
from cira_pipeline.samples.sample import ACCEPTED, DAMAGED, READ_BY_OCR, REVIEWED, Sample
from cira_pipeline.samples.ubl import ubl_truth, ubl_xml

_Form = Literal["text", "scan", "factur-x", "ubl", "xrechnung", "receipt", "broken", "wrong sum", "copy", "national"]


@dataclass(frozen=True)
class _Plan:
    """One document: supplier, customer, layout and kind; `national` has a country in the place of its supplier."""

    form: _Form
    supplier: str
    customer: str
    layout: str
    wish: Wish = field(default_factory=Wish)


# The copy repeats the first invoice, and comes last so that it is the later one.
_PLANS: Sequence[_Plan] = (
    _Plan("text", "brenner", "albrecht", "window_column", Wish(lines=5)),
    _Plan("scan", "conti", "valdoro", "letter_right", Wish(lines=4)),
    _Plan("receipt", "kettle", "whitcombe", "typed_plain", Wish(lines=4, retail=True)),
    _Plan("scan", "moosbrugger", "seeblick", "window_column", Wish(lines=4, rates=2)),
    _Plan("text", "kranich", "seeblick", "letter_right", Wish(lines=5)),
    _Plan("text", "moosbrugger", "seeblick", "band_boxed", Wish(lines=6, rates=2)),
    _Plan("text", "foerde", "albrecht", "monogram_grid", Wish(lines=26)),
    _Plan("text", "harcourt", "whitcombe", "centred_letter", Wish(lines=6)),
    _Plan("text", "liffey", "corrib", "rule_zebra", Wish(lines=5, discount=True)),
    _Plan("text", "liffey", "corrib", "vera_modern", Wish(lines=2, credit=True)),
    _Plan("text", "delacourt", "roussel", "french_letter", Wish(lines=5)),
    _Plan("text", "vautrin", "horizon", "monogram_grid", Wish(lines=6, rates=3)),
    _Plan("national", "US", "", "band_boxed"),
    _Plan("national", "IN", "", "vera_modern"),
    _Plan("text", "bellandi", "valdoro", "vera_modern", Wish(lines=5)),
    _Plan("text", "kranich", "bakker", "window_column", Wish(lines=3, reverse_charge=True)),
    _Plan("factur-x", "foerde", "seeblick", "rule_zebra", Wish(lines=6)),
    _Plan("factur-x", "delacourt", "horizon", "french_letter", Wish(lines=4)),
    _Plan("ubl", "weide", "bakker", "window_column", Wish(lines=5, rates=2)),
    _Plan("ubl", "liffey", "corrib", "window_column", Wish(lines=2, credit=True)),
    _Plan("xrechnung", "brenner", "seeblick", "window_column", Wish(lines=4, prepaid=True)),
    _Plan("broken", "vandersteen", "bakker", "window_column", Wish(lines=3)),
    _Plan("wrong sum", "harcourt", "whitcombe", "french_letter", Wish(lines=4)),
    _Plan("copy", "brenner", "albrecht", "window_column", Wish(lines=5)),
)
_MISTAKE = Decimal("90.00")


def demo_samples(seed: int, today: date) -> Iterator[Sample]:
    """The documents of one demo; each `seed` has invoice numbers of its own, and the same seed gives the same ones."""
    bills: list[Bill] = []
    for position, plan in enumerate(_PLANS):
        random = Random(f"{seed}/{position}")  # noqa: S311 - invented goods, no secrets
        if plan.form == "copy":
            bill = bills[0]
        elif plan.form == "national":
            # The same supplier in every demo.
            side = invent_national_supplier(Random(f"demo/{plan.supplier}"), plan.supplier)  # noqa: S311
            issued = today - timedelta(days=random.randint(2, 24))
            bill = national_bill(random, side, seed * 40 + position, issued)
        else:
            bill = compose_bill(
                random,
                suppliers()[plan.supplier],
                customers()[plan.customer],
                plan.wish,
                issue_date=today - timedelta(days=random.randint(2, 24)),
                sequence=seed * 40 + position,
            )
        bills.append(bill)
        yield _sample(plan, bill, random)


def _copy_stamp(bill: Bill) -> Stamp:
    """Where the page is empty."""
    return Stamp(words(bill.supplier.language).pick("copy", 0), 0.78, 0.72)


def _sample(plan: _Plan, bill: Bill, random: Random) -> Sample:
    layout = layouts()[plan.layout]
    name = f"{bill.supplier.key}-{bill.number.replace('/', '-')}"
    match plan.form:
        case "ubl":
            return Sample(f"{name}.xml", "xml", ubl_xml(bill), ubl_truth(bill), ACCEPTED, "UBL")
        case "xrechnung":
            return Sample(f"{name}.xml", "xml", cii_xml(bill, XRECHNUNG), cii_truth(bill), ACCEPTED, "XRechnung")
        case "receipt":
            receipt = print_receipt(bill, layout.model_copy(update={"sign": "symbol_before"}), random)
            photo = photographed(receipt.pdf, random.randrange(2**32))
            return Sample(f"{name}.png", "image", photo, receipt.truth, READ_BY_OCR, "photo")
        case "factur-x":
            pdf = factur_x(print_bill(bill, layout).pdf, bill)
            return Sample(f"{name}.pdf", "hybrid-pdf", pdf, cii_truth(bill), ACCEPTED, "Factur-X")
        case "scan":
            printed = print_bill(bill, layout)
            scan = scanned(printed.pdf, random.randrange(2**32))
            return Sample(f"{name}-scan.pdf", "pdf-scan", scan, printed.truth, READ_BY_OCR, "scan")
        case "national":
            printed = print_bill(bill, for_countries(layout))
            # Taxes, ids and accounts of many countries: what is not certain is reviewed.
            return Sample(f"{name}.pdf", "pdf-text", printed.pdf, printed.truth, READ_BY_OCR, plan.supplier)
        case "broken":
            whole = print_bill(bill, layout).pdf
            return Sample(f"{name}-cut.pdf", "broken", whole[: len(whole) // 3], None, DAMAGED, "cut off")
        case "wrong sum":
            printed = print_bill(replace(bill, miscalculated=_MISTAKE), layout)
            return Sample(f"{name}.pdf", "pdf-text", printed.pdf, printed.truth, REVIEWED, "wrong sum")
        case "copy":
            printed = print_bill(bill, layout, stamp=_copy_stamp(bill))
            return Sample(f"{name}-copy.pdf", "pdf-text", printed.pdf, printed.truth, REVIEWED, "duplicate")
        case _:
            printed = print_bill(bill, layout)
            about = f"{printed.pages} pages" if printed.pages > 1 else "text"
            return Sample(f"{name}.pdf", "pdf-text", printed.pdf, printed.truth, ACCEPTED, about)
