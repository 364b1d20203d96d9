"""Reads field values from XML elements and records each element and its text as evidence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from lxml import etree

from cira_pipeline.invoice import ROW_TERMS, TERMS
from cira_pipeline.invoice_bounds import MAX_CHARS
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
    TERMS_LEFT_OUT = "CIRA-XML-14"
    ATTACHMENT_UNREADABLE = "CIRA-XML-15"
    ATTACHMENT_NOT_KEPT = "CIRA-XML-16"


class XmlFieldReader:
    """Reads the fields of one XML document and collects their evidence and findings.

    Methods take the element (or `None`, where the document has none) and return the value. They return `None` without a
    value, and also for an unreadable one, which becomes a finding. The reader knows which texts and attributes were
    read, so that the others can be kept (other_terms.py).
    """

    def __init__(self) -> None:
        self._paths = _Paths()
        self._texts: set[etree._Element] = set()
        self._attributes: set[tuple[etree._Element, str]] = set()
        self.evidence: list[Evidence] = []
        self.findings: list[Finding] = []
        self.numbers: dict[etree._Element, str] = {}
        """Number of the business term of an element, where its path does not decide it."""
        self.parts: dict[etree._Element, list[tuple[str, str]]] = {}
        """Parts of the text of an element that is read as a field: number of their business term, and text."""
        self.lines: dict[etree._Element, int] = {}
        """Position in `line_items` of each element that is a line."""
        self.files: dict[str, bytes] = {}
        """Contents of the attachments, by SHA-256."""

    def add_finding(self, rule: XmlRule, severity: Severity, message: str, *fields: str) -> None:
        self.findings.append(Finding(rule=rule, severity=severity, message=message, fields=fields))

    def text(self, field: str, element: etree._Element | None) -> str | None:
        """The text on one line: white space inside it is layout."""
        value = " ".join((text_of(element) or "").split())
        if element is None or not value or is_too_long(field, value):
            return None
        self._read(element)
        self._keep(field, text_of(element) or "", self._paths.of(element))
        return value

    def decimal(self, field: str, element: etree._Element | None) -> Decimal | None:
        return self._value(field, element, parse_decimal)

    def quiet_decimal(self, element: etree._Element | None) -> Decimal | None:
        """A number that is no invoice field: adds no evidence and no finding, and counts as not read."""
        text = text_of(element)
        return None if text is None else parse_decimal(text)

    def date(self, field: str, element: etree._Element | None) -> date | None:
        value = self._value(field, element, lambda text: parse_date(text, element))
        if value is not None:
            self.used_attribute(element, "format")
        return value

    def attribute(self, field: str, element: etree._Element | None, name: str) -> str | None:
        """The value of attribute `name`, such as a currency or a unit."""
        value = "" if element is None else str(element.get(name) or "").strip()
        if element is None or not value or is_too_long(field, value):
            return None
        self.used_attribute(element, name)
        self._keep(field, value, f"{self._paths.of(element)}/@{name}")
        return value

    def joined(self, field: str, elements: Iterable[etree._Element | None], separator: str) -> str | None:
        """The texts of several elements as one value; the evidence points to the first of them."""
        present = [element for element in elements if element is not None and text_of(element)]
        return self.joined_texts(field, present, [text_of(element) or "" for element in present], separator)

    def joined_texts(
        self, field: str, elements: Sequence[etree._Element], texts: Sequence[str], separator: str
    ) -> str | None:
        """As `joined`, of `texts`, which were taken from the texts of `elements`, one from each.

        Texts that would make a detail longer than it may be are not read.
        """
        taken: list[str] = []
        path = ""
        for element, text in zip(elements, texts, strict=True):
            if not text or is_too_long(field, separator.join((*taken, text))):
                continue
            path = path or self._paths.of(element)
            taken.append(text)
            self._read(element)
        if not taken:
            return None
        value = separator.join(taken)
        self._keep(field, value, path)
        return value

    def composed(
        self, field: str, container: etree._Element | None, parts: Iterable[etree._Element | None], value: str
    ) -> str | None:
        """A value composed from `parts` of `container`, such as an address."""
        if container is None or not value or is_too_long(field, value):
            return None
        self.used(*parts)
        self._keep(field, value, self._paths.of(container))
        return value

    def derived(self, field: str, element: etree._Element | None, value: _T | None) -> _T | None:
        """A value that was worked out from the text of `element`, which is its evidence."""
        if element is None or value is None or (isinstance(value, str) and is_too_long(field, value)):
            return None
        self._read(element)
        self._keep(field, text_of(element) or "", self._paths.of(element))
        return value

    def implied(self, field: str, element: etree._Element, value: str) -> str:
        """A value implied by the name of `element`, such as the document type by a root element."""
        self._keep(field, etree.QName(element).localname, self._paths.of(element))
        return value

    def used(self, *elements: etree._Element | None) -> None:
        """Notes that the texts of `elements` are understood: a field implies or contains each of them."""
        self._texts.update(element for element in elements if element is not None)

    def used_attribute(self, element: etree._Element | None, name: str) -> None:
        """Notes that the attribute is understood."""
        if element is not None:
            self._attributes.add((element, name))

    def is_read(self, element: etree._Element) -> bool:
        return element in self._texts

    def is_attribute_read(self, element: etree._Element, name: str) -> bool:
        return (element, name) in self._attributes

    def add_evidence(self, field: str, element: etree._Element, text: str, attribute: str | None = None) -> None:
        """Adds `text`, of the element or of its attribute, as evidence of a value that no other method read."""
        path = self._paths.of(element)
        self._keep(field, text, path if attribute is None else f"{path}/@{attribute}")

    def add_file_evidence(self, field: str, text: str) -> None:
        """Adds what the PDF that carries the XML states about one of its files."""
        self.evidence.append(Evidence(field=field, engine=EngineName.EINVOICE, text=text, confidence=1.0))

    def _value(self, field: str, element: etree._Element | None, parse: Callable[[str], _T | None]) -> _T | None:
        text = text_of(element)
        if element is None or text is None:
            return None
        value = parse(text)
        if value is None:
            shown = text if len(text) <= 60 else f"{text[:60]}..."
            detail = _is_detail(field)
            self.add_finding(
                XmlRule.VALUE_UNREADABLE,
                Severity.INFO if detail else Severity.WARNING,
                f"{field} in the XML cannot be read: {shown!r}",
                field,
            )
            return None
        self._read(element)
        self._keep(field, text, self._paths.of(element))
        return value

    def _read(self, element: etree._Element) -> None:
        self._texts.add(element)

    def _keep(self, field: str, text: str, xpath: str) -> None:
        self.evidence.append(Evidence(field=field, engine=EngineName.EINVOICE, text=text, xpath=xpath, confidence=1.0))


def is_too_long(field: str, text: str) -> bool:
    """Whether a detail would be left out because of its length, and must be kept among the other terms instead.

    A text of another field is read: that it is too long is a finding of the validation.
    """
    most = MAX_CHARS.get(field.rpartition(".")[2])
    return most is not None and len(text) > most and _is_detail(field)


def _is_detail(field: str) -> bool:
    table, row, column = field.partition("[")
    terms = ROW_TERMS[table] if row else TERMS
    return (TERMS[table].detail if row else False) or terms[column.rpartition(".")[2] if row else field].detail


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


def parse_date(text: str, element: etree._Element | None) -> date | None:
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
