"""Amounts in the invoice's own currency, told apart from those in the currency the supplier accounts its VAT in."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from cira_pipeline.extraction.einvoice.harvest import Harvest
from cira_pipeline.extraction.einvoice.rules import XmlRule
from cira_pipeline.values import Severity


def in_currency(
    elements: Iterable[etree._Element], currency: str | None, field: str, harvest: Harvest
) -> etree._Element | None:
    """Of amounts stated in several currencies (BT-110 and BT-111) the one in `currency`, BT-5.

    An amount without a currency is in the invoice's. Amounts in other currencies only are no value of the invoice: that
    is a finding.
    """
    others: list[str] = []
    for element in elements:
        stated = element.get("currencyID")
        if stated is None or currency is None or stated == currency:
            return element
        others.append(stated)
    if others:
        harvest.complain(
            XmlRule.OTHER_CURRENCY,
            Severity.WARNING,
            f"{field} is stated in {', '.join(sorted(set(others)))} only, the invoice is in {currency}",
            field,
        )
    return None
