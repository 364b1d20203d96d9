"""Reads field values from XML elements and records each element and its text as evidence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from lxml import etree

from cira_pipeline.models import EngineName, Evidence, Finding, Severity
from cira_pipeline.syntaxes.elements import text_of

_T = TypeVar("_T")

# xs:decimal with bounded length: untrusted digits must not grow into gigabytes.
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})")
_ISO_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T[\d:.]+)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)
# UNTDID 2379: date alone, and date with time to the minute or second; number of digits, of which 8 are the date.
_UNTDID_2379_DIGITS: Final = {"102": 8, "203": 12, "204": 14}


class XmlRule(StrEnum):
    """Rules of the findings about the XML mapping; docs/validation.md lists titles and effects of all rules."""

    SCHEMA = "CIRA-XML-01"
    UNUSUAL_ATTACHMENT = "CIRA-XML-02"
    VALUE_UNREADABLE = "CIRA-XML-03"
    OTHER_CURRENCY = "CIRA-XML-04"
    TOTALS_DO_NOT_ADD_UP = "CIRA-XML-05"
    DOCUMENT_LEVEL_AMOUNTS = "CIRA-XML-06"
    SEVERAL_ACCOUNTS = "CIRA-XML-07"
    SEVERAL_DUE_DATES = "CIRA-XML-08"
    PRICE_BASE_QUANTITY = "CIRA-XML-09"
    SUBTOTAL_LINE = "CIRA-XML-10"
    ACCOUNT_NOT_IBAN = "CIRA-XML-11"
    LINE_LEVEL_AMOUNTS = "CIRA-XML-12"
    DOCUMENT_KIND = "CIRA-XML-13"


class XmlFieldReader:
    """Reads the fields of one XML document and collects their evidence and findings.

    Methods take the element (or `None`, where the document has none) and return the value. They return `None` without a
    value, and also for an unreadable one, which becomes a finding.
    """

    def __init__(self) -> None:
        self._paths = _Paths()
        self.evidence: list[Evidence] = []
        self.findings: list[Finding] = []

    def add_finding(self, rule: XmlRule, severity: Severity, message: str, *fields: str) -> None:
        self.findings.append(Finding(rule=rule, severity=severity, message=message, fields=fields))

    def text(self, field: str, element: etree._Element | None) -> str | None:
        """The text on one line: white space inside it is layout."""
        return self._value(field, element, lambda text: " ".join(text.split()))

    def decimal(self, field: str, element: etree._Element | None) -> Decimal | None:
        return self._value(field, element, parse_decimal)

    def quiet_decimal(self, element: etree._Element | None) -> Decimal | None:
        """A number that is no invoice field: adds no evidence and no finding."""
        text = text_of(element)
        return None if text is None else parse_decimal(text)

    def date(self, field: str, element: etree._Element | None) -> date | None:
        return self._value(field, element, lambda text: _parse_date(text, element))

    def attribute(self, field: str, element: etree._Element | None, name: str) -> str | None:
        """The value of attribute `name`, such as a currency or a unit."""
        if element is None:
            return None
        value = str(element.get(name) or "").strip()
        if not value:
            return None
        self._keep(field, value, f"{self._paths.of(element)}/@{name}")
        return value

    def joined(self, field: str, elements: Iterable[etree._Element | None], separator: str) -> str | None:
        """The texts of several elements as one value; the evidence points to the first of them."""
        present = [element for element in elements if text_of(element)]
        if not present:
            return None
        value = separator.join(text_of(element) or "" for element in present)
        self._keep(field, value, self._paths.of(present[0]))
        return value

    def composed(self, field: str, container: etree._Element | None, value: str) -> str | None:
        """A value composed from the parts of `container`, such as an address."""
        if container is None or not value:
            return None
        self._keep(field, value, self._paths.of(container))
        return value

    def implied(self, field: str, element: etree._Element, value: str) -> str:
        """A value implied by the name of `element`, such as the document type by a root element."""
        self._keep(field, etree.QName(element).localname, self._paths.of(element))
        return value

    def _value(self, field: str, element: etree._Element | None, parse: Callable[[str], _T | None]) -> _T | None:
        text = text_of(element)
        if element is None or text is None:
            return None
        value = parse(text)
        if value is None:
            shown = text if len(text) <= 60 else f"{text[:60]}..."
            self.add_finding(
                XmlRule.VALUE_UNREADABLE,
                Severity.WARNING,
                f"{field} in the XML cannot be read: {shown!r}",
                field,
            )
            return None
        self._keep(field, text, self._paths.of(element))
        return value

    def _keep(self, field: str, text: str, xpath: str) -> None:
        self.evidence.append(Evidence(field=field, engine=EngineName.EINVOICE, text=text, xpath=xpath, confidence=1.0))


class _Paths:
    """XPaths with the document's own prefixes. lxml's `getpath` counts siblings each time: slow in long invoices."""

    def __init__(self) -> None:
        self._known: dict[etree._Element, str] = {}

    def of(self, element: etree._Element) -> str:
        if element not in self._known:
            parent = element.getparent()
            if parent is None:
                self._known[element] = f"/{_name(element)}"
            else:
                self._learn_children(parent)
        return self._known[element]

    def _learn_children(self, parent: etree._Element) -> None:
        base = self.of(parent)
        alike: dict[str, list[etree._Element]] = {}
        for child in parent:
            alike.setdefault(child.tag, []).append(child)
        for children in alike.values():
            for number, child in enumerate(children, start=1):
                position = f"[{number}]" if len(children) > 1 else ""
                self._known[child] = f"{base}/{_name(child)}{position}"


def _name(element: etree._Element) -> str:
    local = element.tag.rpartition("}")[2]
    return f"{element.prefix}:{local}" if element.prefix else local


def parse_decimal(text: str) -> Decimal | None:
    """xs:decimal: no exponent, no thousands separator, a dot before the fraction."""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def _parse_date(text: str, element: etree._Element | None) -> date | None:
    """ISO 8601 as in xs:date, or UNTDID 2379 by the attribute `format`. A time zone changes no calendar date."""
    stated = element.get("format") if element is not None else None
    try:
        iso = _ISO_DATE.fullmatch(text)
        if iso:
            return date.fromisoformat(iso.group(1))
        if len(text) != _UNTDID_2379_DIGITS.get(stated or "102") or not (text.isascii() and text.isdigit()):
            return None
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None
