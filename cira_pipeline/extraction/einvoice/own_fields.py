"""Fields of one's own in an e-invoice: the business terms that their declarations name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from cira_pipeline.custom.declaration import CustomField, CustomType, Declarations
from cira_pipeline.custom.values import NotOfItsType, text_of, value_of
from cira_pipeline.fields import Term
from cira_pipeline.invoice import HEADER_FIELDS, ROW_TERMS, TERMS, Invoice, LineItem
from cira_pipeline.models import Evidence, Severity
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule, parse_date, parse_decimal

_HEADER_TERMS = {name: TERMS[name] for name in HEADER_FIELDS}


class _Stated(NamedTuple):
    """A text of the invoice, and the field that has it, as its evidence names it."""

    text: str
    field: str


def with_own_fields(invoice: Invoice, own: Declarations, reader: XmlFieldReader) -> Invoice:
    """`invoice` with the values of the declared fields that name a term of e-invoices, in `custom`.

    A term that is stated twice with different texts is left out, as is a text that is not of the declared type.
    """
    evidence = {each.field: each for each in reader.evidence}
    custom = _values(invoice, "", own.header.values(), _HEADER_TERMS, evidence, reader)
    lines = []
    for at, line in enumerate(invoice.line_items):
        path = f"line_items[{at}]."
        values = _values(line, path, own.line.values(), ROW_TERMS["line_items"], evidence, reader)
        lines.append(line.model_copy(update={"custom": values}) if values else line)
    return invoice.model_copy(update={"custom": custom, "line_items": tuple(lines)})


def _values(
    of: Invoice | LineItem,
    path: str,
    declared: Iterable[CustomField],
    terms: Mapping[str, Term],
    evidence: Mapping[str, Evidence],
    reader: XmlFieldReader,
) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in declared:
        stated = list(_stated(of, field.einvoice, terms)) if field.einvoice else []
        if len({each.text for each in stated}) != 1:
            continue
        value = _value(field, stated[0].text)
        if value is None:
            message = f"{field.einvoice} in the XML is no value of {field.name}: {stated[0].text[:60]!r}"
            reader.add_finding(XmlRule.VALUE_UNREADABLE, Severity.INFO, message, f"{path}{field.path}")
            continue
        found[field.name] = value
        source = evidence.get(f"{path}{stated[0].field}")
        if source is not None:
            reader.evidence.append(source.model_copy(update={"field": f"{path}{field.path}"}))
    return found


def _stated(of: Invoice | LineItem, name: str, terms: Mapping[str, Term]) -> Iterator[_Stated]:
    """The texts under this name among the other terms, and in the fields of this business term."""
    for text in of.other_terms.get(name, ()):
        yield _Stated(text, f"other_terms[{name}]")
    for field, term in terms.items():
        value = getattr(of, field) if term.number == name else None
        if isinstance(value, str | Decimal | date):
            yield _Stated(text_of(value), field)


def _value(field: CustomField, text: str) -> str | None:
    """The text that `custom` keeps, from a text in the forms of XML; `None` when it is not of the field's type."""
    value: str | Decimal | date | None = text
    if field.type.is_number:
        value = parse_decimal(text)
    elif field.type is CustomType.DATE:
        value = parse_date(text, None)
    if value is None:
        return None
    kept = text_of(value)
    try:
        value_of(field, kept)
    except NotOfItsType:
        return None
    return kept
