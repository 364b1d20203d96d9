"""Chooses the payment account and the due date from the several that an e-invoice may state."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

from lxml import etree

from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.elements import text_of
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule

# ISO 13616: country, check digits, up to 30 characters. Validation verifies the check digits.
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{8,30}")


def payment_iban(accounts: Iterable[etree._Element], reader: XmlFieldReader) -> str | None:
    """BT-84 of the first credit transfer account that is an IBAN; the others become a finding."""
    ibans: dict[str, etree._Element] = {}
    others: list[str] = []
    for account in accounts:
        iban = "".join((text_of(account) or "").split()).upper()
        if _IBAN.fullmatch(iban):
            ibans.setdefault(iban, account)
        elif iban:
            others.append(iban[:40])
    if not ibans:
        if others:
            reader.add_finding(
                XmlRule.ACCOUNT_NOT_IBAN,
                Severity.WARNING,
                f"the payment account is not an IBAN: {', '.join(others[:5])}",
                "payment_iban",
            )
        return None
    iban, element = next(iter(ibans.items()))
    reader.text("payment_iban", element)
    if len(ibans) > 1:
        reader.add_finding(
            XmlRule.SEVERAL_ACCOUNTS,
            Severity.INFO,
            f"several payment accounts: {', '.join(list(ibans)[:5])}; the first is taken",
            "payment_iban",
        )
    return iban


def due_date(elements: Iterable[etree._Element], reader: XmlFieldReader) -> date | None:
    """BT-9: the first date stated; others, such as instalments or cash discount dates, become a finding."""
    candidates = list(elements)
    if not candidates:
        return None
    taken = reader.date("due_date", candidates[0])
    stated = dict.fromkeys(text_of(element) or "" for element in candidates)
    if len(stated) > 1:
        reader.add_finding(
            XmlRule.SEVERAL_DUE_DATES,
            Severity.INFO,
            f"several due dates: {', '.join(list(stated)[:5])}; the first is taken",
            "due_date",
        )
    return taken
