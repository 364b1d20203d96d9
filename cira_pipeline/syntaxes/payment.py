"""Accounts, due date and cash discounts, of which an e-invoice may state several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from cira_pipeline.invoice import PaymentAccount, PaymentDiscount
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.elements import on_one_line, text_of
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule, parse_date, parse_decimal

# ISO 13616: country, check digits, up to 30 characters. Validation verifies the check digits.
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{8,30}")
# Account numbers of countries without IBAN, also with a check digit or a branch after a hyphen or slash.
_ACCOUNT: Final = re.compile(r"(?=.*\d.*\d)[A-Z0-9][A-Z0-9/-]{2,33}")
# ISO 9362.
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_ROUTING: Final = re.compile(r"[A-Z0-9]*\d{3}[A-Z0-9-]*")
# Giro systems that Nordic profiles of UBL name in the place of a branch or as the scheme of an account.
_GIROS: Final = {"SE:BANKGIRO": "BANKGIRO", "SE:PLUSGIRO": "PLUSGIRO"}


@dataclass(frozen=True)
class AccountElements:
    """The elements of one account offered for payment, BG-17. `branch` holds the BIC, or a routing code."""

    account: etree._Element
    branch: etree._Element | None
    name: etree._Element | None
    routing: etree._Element | None = None
    routing_scheme: str | None = None


def read_accounts(accounts: Iterable[AccountElements], reader: XmlFieldReader) -> dict[str, Any]:
    """BG-17: all accounts as rows, and in the header the one to pay to, the first IBAN or else the first account.

    The accounts that are not taken become a finding.
    """
    found: list[tuple[PaymentAccount, AccountElements]] = []
    unreadable: list[str] = []
    for elements in accounts:
        number = _bare(elements.account)
        if _IBAN.fullmatch(number) or _ACCOUNT.fullmatch(number):
            found.append((_account(elements, number, f"payment_accounts[{len(found)}]", reader), elements))
        elif number:
            unreadable.append(number[:40])
    ibans = [each for each in found if each[0].scheme == "IBAN"]
    rows = tuple(row for row, _ in found)
    if not found and unreadable:
        message = f"the payment account is neither an IBAN nor an account number: {', '.join(unreadable[:5])}"
        reader.add_finding(XmlRule.ACCOUNT_NOT_IBAN, Severity.WARNING, message, "payment_iban")
    if not found:
        return {}
    taken, elements = (ibans or found)[0]
    offered = dict.fromkeys(row.account or "" for row, _ in ibans or found)
    field = "payment_iban" if ibans else "payment_account"
    if len(offered) > 1:
        message = f"several payment accounts: {', '.join(list(offered)[:5])}; the first is taken"
        reader.add_finding(XmlRule.SEVERAL_ACCOUNTS, Severity.INFO, message, field)
    header: dict[str, Any] = {
        field: reader.derived(field, elements.account, taken.account),
        "payment_bic": reader.derived("payment_bic", elements.branch, taken.bic),
        "payment_account_name": reader.text("payment_account_name", elements.name),
    }
    if not ibans:
        header["payment_account_scheme"] = taken.scheme
        routing = elements.routing if elements.routing is not None else elements.branch
        header["payment_routing"] = reader.derived("payment_routing", routing, taken.routing)
    return header | {"payment_accounts": rows}


def _account(elements: AccountElements, number: str, path: str, reader: XmlFieldReader) -> PaymentAccount:
    is_iban = _IBAN.fullmatch(number) is not None
    branch = _bare(elements.branch)
    stated = str(elements.account.get("schemeID") or "").strip().upper()
    scheme = "IBAN" if is_iban else _GIROS.get(branch) or _GIROS.get(stated)
    if stated in _GIROS or stated == scheme:
        reader.used_attribute(elements.account, "schemeID")
    if branch in _GIROS and not is_iban:
        reader.used(elements.branch)
    bic = routing = None
    if _BIC.fullmatch(branch):
        bic = reader.derived(f"{path}.bic", elements.branch, branch)
    elif not is_iban and _ROUTING.fullmatch(branch):
        routing = reader.derived(f"{path}.routing", elements.branch, branch)
    if routing is None and not is_iban and _ROUTING.fullmatch(_bare(elements.routing)):
        routing = reader.derived(f"{path}.routing", elements.routing, _bare(elements.routing))
        scheme = scheme or elements.routing_scheme
    return PaymentAccount(
        account=reader.derived(f"{path}.account", elements.account, number),
        routing=routing,
        scheme=scheme,
        bic=bic,
        name=reader.text(f"{path}.name", elements.name),
    )


def _bare(element: etree._Element | None) -> str:
    return "".join((text_of(element) or "").split()).upper()


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


_MAX_CARD_DIGITS: Final = 10
_MAX_DAYS: Final = 3_660
# UN/ECE Rec 20.
_DAYS_OF_UNIT: Final = {"DAY": 1, "WEE": 7}
# XRechnung: machine-readable lines among the payment terms, BR-DE-18.
_TERMS_LINE: Final = re.compile(
    r"#(?P<kind>SKONTO|VERZUG)#TAGE=(?P<days>\d{1,4})#PROZENT=(?P<percent>\d{1,3}(?:\.\d{1,4})?)"
    r"(?:#BASISBETRAG=(?P<base>-?\d{1,15}(?:\.\d{1,4})?))?#",
    re.ASCII,
)


def discounts_in_terms(terms: Sequence[etree._Element], reader: XmlFieldReader) -> tuple[PaymentDiscount, ...]:
    """The cash discounts that XRechnung writes into its payment terms as `#SKONTO#TAGE=14#PROZENT=2.00#`."""
    return tuple(
        PaymentDiscount(
            percent=reader.derived(f"payment_discounts[{position}].percent", element, Decimal(line["percent"])),
            days=reader.derived(f"payment_discounts[{position}].days", element, Decimal(line["days"])),
            base=reader.derived(
                f"payment_discounts[{position}].base", element, Decimal(line["base"]) if line["base"] else None
            ),
        )
        for position, (element, line) in enumerate(_lines_of("SKONTO", terms))
    )


def discount_until(
    period: etree._Element | None, start: etree._Element | None, path: str, reader: XmlFieldReader
) -> tuple[Decimal | None, date | None]:
    """Days after the issue date, or the last day where the period starts on another stated day (`start`)."""
    stated = parse_decimal(text_of(period) or "")
    of_unit = _DAYS_OF_UNIT.get(str(period.get("unitCode"))) if period is not None else None
    if stated is None or of_unit is None or not 0 <= stated <= _MAX_DAYS or stated % 1:
        return None, None
    days = stated * of_unit
    day = parse_date(text_of(start) or "", start)
    if start is not None and (day is None or date.max - day < timedelta(days=int(days))):
        return None, None
    reader.used_attribute(period, "unitCode")
    if day is None:
        return reader.derived(f"{path}.days", period, days), None
    reader.used(start)
    reader.used_attribute(start, "format")
    return None, reader.derived(f"{path}.until", period, day + timedelta(days=int(days)))


def late_payment_terms(terms: Sequence[etree._Element], reader: XmlFieldReader) -> str | None:
    """The lines `#VERZUG#TAGE=...#PROZENT=...#` of XRechnung's payment terms."""
    lines = list(_lines_of("VERZUG", terms))
    if not lines:
        return None
    return reader.derived("late_payment_terms", lines[0][0], "\n".join(line[0] for _, line in lines))


def _lines_of(kind: str, terms: Sequence[etree._Element]) -> Iterator[tuple[etree._Element, re.Match[str]]]:
    for element in terms:
        for text in (text_of(element) or "").splitlines():
            line = _TERMS_LINE.fullmatch(text.strip())
            if line and line["kind"] == kind:
                yield element, line


def card_number(card: etree._Element | None, reader: XmlFieldReader) -> str | None:
    """BT-87: EN 16931 allows the last four to six digits only; a full number is cut to four of them."""
    digits = "".join(filter(str.isdigit, on_one_line(card)))
    if card is not None and len(digits) > _MAX_CARD_DIGITS:
        reader.used(card)
        reader.add_evidence("card_number", card, digits[-4:])
        return digits[-4:]
    return reader.text("card_number", card)
