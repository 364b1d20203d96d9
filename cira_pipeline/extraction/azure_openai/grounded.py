"""Turns the model's spans into an invoice with evidence; a text not found in the reading becomes a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from cira_pipeline.extraction.azure_openai.answer import InvoiceSpans, LineSpans, Span, TaxSpans
from cira_pipeline.extraction.azure_openai.printed import PrintedValues, Value, words
from cira_pipeline.extraction.grounding import Grounder, Place
from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import AMOUNT_FIELDS, TOTAL_FIELDS, Invoice, LineItem, TaxLine, header_fields
from cira_pipeline.models import EngineName, Evidence, Finding, Reading, Severity

T = TypeVar("T")
Parser = Callable[[str], Value[T] | None]

UNGROUNDED = "ungrounded"
UNREADABLE = "unreadable_value"
# Fields without influence on payment: an invented text is only a note and needs no review.
_MINOR = (*header_fields(FieldKind.TEXT, FieldKind.ADDRESS), "description", "unit")
_LONGEST_QUOTE = 80


@dataclass(frozen=True)
class Grounded:
    invoice: Invoice
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]


def grounded(spans: InvoiceSpans, reading: Reading) -> Grounded:
    """The invoice of all values of `spans` that occur in `reading`, parsed by code, with their evidence."""
    draft = _Draft(Grounder(reading), PrintedValues(reading))
    values = draft.header(spans)
    values["tax_breakdown"] = tuple(draft.taxes(spans.tax_breakdown))
    values["line_items"] = tuple(draft.lines(spans.line_items))
    return Grounded(Invoice(**values), tuple(draft.evidence), tuple(draft.findings))


@dataclass
class _Draft:
    grounder: Grounder
    printed: PrintedValues
    evidence: list[Evidence] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def header(self, spans: InvoiceSpans) -> dict[str, Any]:
        printed = self.printed
        values: dict[str, Any] = {
            "invoice_number": self.identifier("invoice_number", spans.invoice_number, words),
            "purchase_order": self.identifier("purchase_order", spans.purchase_order, words),
            "currency": self.text("currency", spans.currency, printed.currency),
            "invoice_type": self.text("invoice_type", spans.invoice_type, printed.invoice_type),
            "supplier_name": self.text("supplier_name", spans.supplier_name, words),
            "customer_name": self.text("customer_name", spans.customer_name, words),
            "supplier_vat_id": self.identifier("supplier_vat_id", spans.supplier_vat_id, printed.vat_id),
            "customer_vat_id": self.identifier("customer_vat_id", spans.customer_vat_id, printed.vat_id),
            "payment_iban": self.identifier("payment_iban", spans.payment_iban, printed.iban),
            "supplier_address": self.several("supplier_address", spans.supplier_address, ", "),
            "customer_address": self.several("customer_address", spans.customer_address, ", "),
            "payment_terms": self.several("payment_terms", spans.payment_terms, " "),
        }
        for name in ("issue_date", "due_date"):
            values[name] = self.identifier(name, getattr(spans, name), printed.day)
        for name in TOTAL_FIELDS:
            values[name] = self.amount(name, getattr(spans, name))
        return values

    def taxes(self, rows: Iterable[TaxSpans]) -> Iterator[TaxLine]:
        """Rows with at least one value found; only these are numbered in the evidence."""
        index = 0
        for row in rows:
            path = f"tax_breakdown[{index}]"
            tax = TaxLine(
                rate=self.amount(f"{path}.rate", row.rate),
                net=self.amount(f"{path}.net", row.net),
                tax=self.amount(f"{path}.tax", row.tax),
            )
            if tax != TaxLine():
                index += 1
                yield tax

    def lines(self, items: Iterable[LineSpans]) -> Iterator[LineItem]:
        """Items with at least one value found; only these are numbered in the evidence."""
        index = 0
        for item in items:
            path = f"line_items[{index}]"
            line = LineItem(
                description=self.several(f"{path}.description", item.description, " "),
                quantity=self.amount(f"{path}.quantity", item.quantity),
                unit=self.text(f"{path}.unit", item.unit, words),
                unit_price=self.amount(f"{path}.unit_price", item.unit_price),
                tax_rate=self.amount(f"{path}.tax_rate", item.tax_rate),
                net_amount=self.amount(f"{path}.net_amount", item.net_amount),
            )
            if line != LineItem():
                index += 1
                yield line

    def text(self, name: str, span: Span | None, parse: Parser[T]) -> T | None:
        """A text value, in the spelling of the document."""
        place = self._find(name, span, literal=False)
        return self._value(name, place, parse(place.text)) if place else None

    def identifier(self, name: str, span: Span | None, parse: Parser[T]) -> T | None:
        """A value of which every character matters; the model's characters where OCR read look-alikes of digits."""
        place = self._find(name, span, literal=True)
        if place is None or span is None:
            return None
        return self._value(name, place, parse(place.text if place.exact else span.text))

    def amount(self, name: str, span: Span | None) -> Decimal | None:
        """A number parsed as the document prints it, with a sign next to it.

        A total may be printed in several places (subtotal, tax breakdown, table): the place with the field's own label
        is taken, else the one the model names.
        """
        place = self._find(name, span, literal=True)
        if place is None or span is None:
            return None
        parsed = self._amount_at(place, span)
        if name in AMOUNT_FIELDS and place.exact and parsed is not None:
            place = self._labelled_place(name, place, parsed.value, span)
        return self._value(name, place, parsed)

    def _amount_at(self, place: Place, span: Span) -> Value[Decimal] | None:
        first, last = place.pieces[0], place.pieces[-1]
        return self.printed.amount(
            place.text if place.exact else span.text,
            before=first.line.text[: first.start],
            after=last.line.text[last.end :],
        )

    def _labelled_place(self, name: str, place: Place, value: Decimal, span: Span) -> Place:
        """The labelled place with the same value that is nearest to the line the model named, else `place`."""
        if self._is_labelled(name, place, value):
            return place
        labelled = [
            other
            for other in self.grounder.everywhere(span.text)
            if (there := self._amount_at(other, span)) is not None
            and there.value == value
            and self._is_labelled(name, other, value)
        ]
        return min(labelled, key=lambda other: abs(other.pieces[0].line.number - span.line), default=place)

    def _is_labelled(self, name: str, place: Place, value: Decimal) -> bool:
        return self.printed.labels_say(name, place.pieces[0].line.number, value)

    def several(self, name: str, spans: Iterable[Span], joint: str) -> str | None:
        """Several printed lines joined into one text; a line that is not found is left out, with a finding."""
        found: list[str] = []
        for span in spans:
            text = self.text(name, span, words)
            if text:
                found.append(text)
        return joint.join(found) or None

    def _find(self, name: str, span: Span | None, *, literal: bool) -> Place | None:
        if span is None or not span.text.strip():
            return None
        place = self.grounder.find(span.text, span.line, literal=literal)
        if place is None:
            # `agreement` compares these words with printed values: a change of the text changes that similarity.
            message = f"the model read {_quoted(span.text)} in line {span.line}; the document shows it nowhere"
            self._doubt(UNGROUNDED, name, message)
        return place

    def _value(self, name: str, place: Place, parsed: Value[T] | None) -> T | None:
        if parsed is None:
            self._doubt(UNREADABLE, name, f"{_quoted(place.text)} is in the document, but is not a value of this field")
            return None
        for piece in place.pieces:
            self.evidence.append(
                Evidence(
                    field=name,
                    engine=EngineName.AZURE_OPENAI,
                    text=piece.text,
                    page=piece.line.page,
                    box=piece.box,
                    line=piece.line.number,
                    confidence=round(place.confidence * parsed.certainty, 4),
                )
            )
        return parsed.value

    def _doubt(self, rule: str, name: str, message: str) -> None:
        minor = name.rpartition(".")[2] in _MINOR
        severity = Severity.INFO if minor else Severity.WARNING
        self.findings.append(Finding(rule=rule, severity=severity, message=f"{name}: {message}", fields=(name,)))


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + '…'}`"
