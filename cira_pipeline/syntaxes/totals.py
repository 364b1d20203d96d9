"""Totals and tax breakdown in the invoice currency, and the sum rules of EN 16931 (BR-CO-10, BR-CO-13, BR-CO-16)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from lxml import etree

from cira_pipeline.invoice import Invoice, LineItem, TaxLine
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.elements import each, first
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule

# ZUGFeRD 1.0 producers round each line separately.
_TOLERANCE: Final = Decimal("0.01")
_TOLERANCE_PER_LINE: Final = Decimal("0.005")


def in_currency(
    elements: Iterable[etree._Element], currency: str | None, field: str, reader: XmlFieldReader
) -> etree._Element | None:
    """Of amounts stated in several currencies (BT-110 and BT-111), the one in `currency`, BT-5.

    An amount without a currency is in the invoice currency. Amounts in other currencies alone are no value of the
    invoice, which becomes a finding.
    """
    others: list[str] = []
    for element in elements:
        stated = element.get("currencyID")
        if stated is None or currency is None or stated == currency:
            return element
        others.append(stated)
    if others:
        reader.add_finding(
            XmlRule.OTHER_CURRENCY,
            Severity.WARNING,
            f"{field} is stated in {', '.join(sorted(set(others)))} only, the invoice is in {currency}",
            field,
        )
    return None


def total(
    field: str, sums: etree._Element | None, name: str, currency: str | None, reader: XmlFieldReader
) -> Decimal | None:
    """The amount `name` below `sums` in the invoice currency, as the value of `field`."""
    return reader.decimal(field, in_currency(each(sums, name), currency, field, reader))


def quiet_total(sums: etree._Element | None, name: str, currency: str | None, reader: XmlFieldReader) -> Decimal | None:
    """The amount `name` below `sums` in the invoice currency where it is no field: no evidence, no finding."""
    found = (one for one in each(sums, name) if one.get("currencyID") in (None, currency))
    return reader.quiet_decimal(next(found, None))


def tax_lines(
    groups: Iterable[etree._Element], reader: XmlFieldReader, *, rate: Sequence[str], net: str, tax: str
) -> tuple[TaxLine, ...]:
    """BG-23. `rate`, `net` and `tax` are the paths of its values in each of `groups`."""
    return tuple(
        TaxLine(
            rate=reader.decimal(f"tax_breakdown[{position}].rate", first(group, *rate)),
            net=reader.decimal(f"tax_breakdown[{position}].net", first(group, net)),
            tax=reader.decimal(f"tax_breakdown[{position}].tax", first(group, tax)),
        )
        for position, group in enumerate(groups)
    )


@dataclass(frozen=True)
class DocumentAmounts:
    """Document-level amounts of BG-22 besides the invoice fields, in its currency; `None` where not stated.

    `line_total` BT-106, `allowances` BT-107, `charges` BT-108, `paid` BT-113, `rounding` BT-114, `third_party` the sum
    of BT-DEX-002 (payments collected for others, XRechnung extension).
    """

    line_total: Decimal | None = None
    allowances: Decimal | None = None
    charges: Decimal | None = None
    paid: Decimal | None = None
    rounding: Decimal | None = None
    third_party: Decimal | None = None


def check_totals(
    amounts: DocumentAmounts, invoice: Invoice, subtotal_lines: Collection[int], reader: XmlFieldReader
) -> None:
    """Adds a finding for each sum that is wrong, and one that names the amounts which explain the others.

    `subtotal_lines` are positions of lines that only sum up or inform (BT-X-8 GROUP, INFORMATION).
    """
    _check_line_total(amounts, invoice.line_items, subtotal_lines, reader)
    _check_net_total(amounts, invoice, reader)
    _check_amount_due(amounts, invoice, reader)
    named = {
        "net_total": {"allowances": amounts.allowances, "charges": amounts.charges},
        "amount_due": {
            "paid": amounts.paid,
            "rounding": amounts.rounding,
            "third party payments": amounts.third_party,
        },
    }
    for field, parts in named.items():
        stated = [f"{name} {value}" for name, value in parts.items() if value]
        if stated:
            reader.add_finding(
                XmlRule.DOCUMENT_LEVEL_AMOUNTS, Severity.INFO, f"{field} includes {', '.join(stated)}", field
            )


def _check_line_total(
    amounts: DocumentAmounts, items: Sequence[LineItem], subtotal_lines: Collection[int], reader: XmlFieldReader
) -> None:
    """BR-CO-10: BT-106 is the sum of BT-131."""
    nets = [item.net_amount for position, item in enumerate(items) if position not in subtotal_lines]
    known = [net for net in nets if net is not None]
    if amounts.line_total is None or not known or len(known) != len(nets):
        return
    tolerance = max(_TOLERANCE, _TOLERANCE_PER_LINE * len(known))
    _compare("BR-CO-10: sum of line net amounts", amounts.line_total, sum(known), tolerance, reader, "line_items")


def _check_net_total(amounts: DocumentAmounts, invoice: Invoice, reader: XmlFieldReader) -> None:
    """BR-CO-13: BT-109 = BT-106 - BT-107 + BT-108."""
    if amounts.line_total is None or invoice.net_total is None:
        return
    expected = amounts.line_total - (amounts.allowances or 0) + (amounts.charges or 0)
    _compare(
        "BR-CO-13: lines less allowances plus charges", invoice.net_total, expected, _TOLERANCE, reader, "net_total"
    )


def _check_amount_due(amounts: DocumentAmounts, invoice: Invoice, reader: XmlFieldReader) -> None:
    """BR-CO-16: BT-115 = BT-112 - BT-113 + BT-114, with BR-DEX-09 also plus BT-DEX-002."""
    if invoice.gross_total is None or invoice.amount_due is None:
        return
    if amounts.line_total is None and amounts.paid is None and invoice.amount_due != invoice.gross_total:
        # Factur-X MINIMUM has no element for prepaid amounts.
        message = "the XML's profile does not state prepaid amounts"
        reader.add_finding(XmlRule.DOCUMENT_LEVEL_AMOUNTS, Severity.INFO, message, "amount_due")
        return
    expected = invoice.gross_total - (amounts.paid or 0) + (amounts.rounding or 0) + (amounts.third_party or 0)
    _compare(
        "BR-CO-16: gross total less paid plus rounding", invoice.amount_due, expected, _TOLERANCE, reader, "amount_due"
    )


def _compare(
    what: str, stated: Decimal, expected: Decimal | int, tolerance: Decimal, reader: XmlFieldReader, field: str
) -> None:
    if abs(stated - expected) > tolerance:
        reader.add_finding(
            XmlRule.TOTALS_DO_NOT_ADD_UP, Severity.ERROR, f"{what} is {expected}, the XML states {stated}", field
        )
