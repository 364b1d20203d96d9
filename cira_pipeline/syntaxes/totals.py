"""Totals and tax breakdown in the invoice currency, and the sum rules of EN 16931 (BR-CO-10, BR-CO-13, BR-CO-16)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from lxml import etree

from cira_pipeline.invoice import Invoice, TaxLine
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.elements import each, first, text_of
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule

# ZUGFeRD 1.0 producers round each line separately.
_TOLERANCE: Final = Decimal("0.01")
_TOLERANCE_PER_LINE: Final = Decimal("0.005")
_CURRENCY: Final = re.compile("[A-Z]{3}")


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


@dataclass(frozen=True)
class TaxPaths:
    """Paths of the parts of one row of the tax breakdown."""

    rate: Sequence[str]
    net: str
    tax: str
    category: str
    scheme: Sequence[str]
    exemption_reason: str
    exemption_code: str


def tax_lines(groups: Iterable[etree._Element], paths: TaxPaths, reader: XmlFieldReader) -> tuple[TaxLine, ...]:
    """BG-23. A tax other than VAT keeps the name of its scheme."""
    return tuple(_tax_line(group, paths, f"tax_breakdown[{at}]", reader) for at, group in enumerate(groups))


def _tax_line(group: etree._Element, paths: TaxPaths, path: str, reader: XmlFieldReader) -> TaxLine:
    scheme = first(group, *paths.scheme)
    if text_of(scheme) == "VAT":
        reader.used(scheme)
        scheme = None
    return TaxLine(
        rate=reader.decimal(f"{path}.rate", first(group, *paths.rate)),
        net=reader.decimal(f"{path}.net", first(group, paths.net)),
        tax=reader.decimal(f"{path}.tax", first(group, paths.tax)),
        name=reader.text(f"{path}.name", scheme),
        category=reader.text(f"{path}.category", first(group, paths.category)),
        exemption_reason=reader.text(f"{path}.exemption_reason", first(group, paths.exemption_reason)),
        exemption_code=reader.text(f"{path}.exemption_code", first(group, paths.exemption_code)),
    )


def accounting_tax(
    elements: Iterable[etree._Element], currency: str | None, accounting_currency: str | None, reader: XmlFieldReader
) -> Decimal | None:
    """BT-111: the tax total in the accounting currency, where that is not the invoice's."""
    if accounting_currency is None or accounting_currency == currency:
        return None
    found = next((element for element in elements if element.get("currencyID") == accounting_currency), None)
    reader.used_attribute(found, "currencyID")
    return reader.decimal("tax_total_accounting", found)


def accounting_currency(element: etree._Element | None, reader: XmlFieldReader) -> str | None:
    """BT-6, where it has the form of a currency code."""
    return reader.text("accounting_currency", element) if _CURRENCY.fullmatch(text_of(element) or "") else None


def exchange_rate(
    source: etree._Element | None,
    target: etree._Element | None,
    rate: etree._Element | None,
    currencies: tuple[str | None, str | None],
    reader: XmlFieldReader,
) -> Decimal | None:
    """The rate from the invoice's currency to the accounting currency (`currencies`); no other rate is meant."""
    if None in currencies or (text_of(source), text_of(target)) != currencies:
        return None
    reader.used(source, target)
    return reader.decimal("exchange_rate", rate)


def check_totals(
    invoice: Invoice, subtotal_lines: Collection[int], reader: XmlFieldReader, third_party: Decimal = Decimal(0)
) -> None:
    """Adds a finding for each sum that is wrong, and one that names the amounts which explain the others.

    `subtotal_lines` are positions of lines that only sum up or inform (BT-X-8 GROUP, INFORMATION); `third_party` is the
    sum of BT-DEX-002 (payments collected for others, XRechnung extension).
    """
    _check_line_total(invoice, subtotal_lines, reader)
    _check_net_total(invoice, reader)
    _check_amount_due(invoice, third_party, reader)
    named = {
        "net_total": {"allowances": invoice.allowance_total, "charges": invoice.charge_total},
        "amount_due": {
            "paid": invoice.prepaid_amount,
            "rounding": invoice.rounding_amount,
            "withheld": invoice.withholding_total,
            "third party payments": third_party,
        },
    }
    for field, parts in named.items():
        stated = [f"{name} {value}" for name, value in parts.items() if value]
        if stated:
            reader.add_finding(
                XmlRule.DOCUMENT_LEVEL_AMOUNTS, Severity.INFO, f"{field} includes {', '.join(stated)}", field
            )


def _check_line_total(invoice: Invoice, subtotal_lines: Collection[int], reader: XmlFieldReader) -> None:
    """BR-CO-10: BT-106 is the sum of BT-131."""
    nets = [item.net_amount for position, item in enumerate(invoice.line_items) if position not in subtotal_lines]
    known = [net for net in nets if net is not None]
    if invoice.line_total is None or not known or len(known) != len(nets):
        return
    tolerance = max(_TOLERANCE, _TOLERANCE_PER_LINE * len(known))
    _compare("BR-CO-10: sum of line net amounts", invoice.line_total, sum(known), tolerance, reader, "line_items")


def _check_net_total(invoice: Invoice, reader: XmlFieldReader) -> None:
    """BR-CO-13: BT-109 = BT-106 - BT-107 + BT-108."""
    if invoice.line_total is None or invoice.net_total is None:
        return
    expected = invoice.line_total - (invoice.allowance_total or 0) + (invoice.charge_total or 0)
    _compare(
        "BR-CO-13: lines less allowances plus charges", invoice.net_total, expected, _TOLERANCE, reader, "net_total"
    )


def _check_amount_due(invoice: Invoice, third_party: Decimal, reader: XmlFieldReader) -> None:
    """BR-CO-16: BT-115 = BT-112 - BT-113 + BT-114, with BR-DEX-09 also plus BT-DEX-002."""
    if invoice.gross_total is None or invoice.amount_due is None:
        return
    if invoice.line_total is None and invoice.prepaid_amount is None and invoice.amount_due != invoice.gross_total:
        # Factur-X MINIMUM has no element for prepaid amounts.
        message = "the XML's profile does not state prepaid amounts"
        reader.add_finding(XmlRule.DOCUMENT_LEVEL_AMOUNTS, Severity.INFO, message, "amount_due")
        return
    added = (invoice.rounding_amount or 0) + third_party
    deducted = (invoice.prepaid_amount or 0) + (invoice.withholding_total or 0)
    expected = invoice.gross_total - deducted + added
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
