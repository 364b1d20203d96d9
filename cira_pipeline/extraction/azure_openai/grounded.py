"""Turns the model's spans into an invoice with evidence; a text not found in the reading becomes a finding.

How a text is read follows from the kind of its field alone (`cira_pipeline/invoice.py`), so that a new field needs
nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from cira_pipeline.custom.values import text_of
from cira_pipeline.extraction.azure_openai.answer import InvoiceSpans, Row, Span
from cira_pipeline.extraction.azure_openai.printed import PrintedValues, Value, account, code, words
from cira_pipeline.extraction.azure_openai.vocabulary import LINES, AskedTable, Own, Vocabulary
from cira_pipeline.extraction.grounding import Grounder, Place
from cira_pipeline.fields import FieldKind, Term
from cira_pipeline.invoice import AMOUNT_FIELDS, ROWS, TERMS, Invoice
from cira_pipeline.models import EngineName, Evidence, Finding, Reading, Severity

T = TypeVar("T")
Parser = Callable[[str], Value[T] | None]

UNGROUNDED = "ungrounded"
UNREADABLE = "unreadable_value"
SEVERAL = "several_values"
CUSTOM = "custom"
_LONGEST_QUOTE = 80
# Their texts vary a little with every answer, and their spelling is the document's: no character decides anything.
_FREE = frozenset({FieldKind.NAME, FieldKind.ADDRESS, FieldKind.TEXT})
_MINOR = frozenset({FieldKind.TEXT, FieldKind.ADDRESS, FieldKind.UNIT})
"""An invented text of these kinds is only a note, because nothing is paid or booked by it."""
_BY_WORD = frozenset({FieldKind.UNIT, FieldKind.CURRENCY, FieldKind.TYPE, FieldKind.COUNTRY})


@dataclass(frozen=True)
class Grounded:
    invoice: Invoice
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]


def grounded(spans: InvoiceSpans, reading: Reading, vocabulary: Vocabulary) -> Grounded:
    """The invoice of all values of `spans` that occur in `reading`, parsed by code, with their evidence."""
    draft = _Draft(Grounder(reading), PrintedValues(reading))
    values = draft.values({name: spans.fields_of(name) for name in vocabulary.header}, vocabulary.header)
    tables: dict[str, list[Any]] = {}
    for asked in vocabulary.tables.values():
        tables.setdefault(asked.table, []).extend(draft.rows(asked, spans, len(tables.get(asked.table, ()))))
    values |= {name: tuple(rows) for name, rows in tables.items()}
    own = vocabulary.own
    values[CUSTOM] = draft.own_values({name: spans.fields_of(name) for name in own}, own, f"{CUSTOM}.")
    return Grounded(Invoice(**values), tuple(draft.evidence), tuple(draft.findings))


@dataclass
class _Draft:
    grounder: Grounder
    printed: PrintedValues
    evidence: list[Evidence] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def rows(self, asked: AskedTable, spans: InvoiceSpans, first: int) -> Iterator[Any]:
        """Rows with at least one value found; only these are numbered in the evidence, from `first`."""
        index = first
        for row in spans.rows_of(asked.name):
            path = f"{asked.table}[{index}]."
            values = self._cells(row, asked, path)
            if values:
                index += 1
                yield ROWS[asked.table](**values)

    def _cells(self, row: Row, asked: AskedTable, path: str) -> dict[str, Any]:
        first = len(self.evidence)
        values = self.values({name: row.of(name) for name in asked.columns}, asked.columns, path)
        own = self.own_values({name: row.of(name) for name in asked.own}, asked.own, f"{path}{CUSTOM}.")
        if own:
            values[CUSTOM] = own
        if values:
            # What the table's name says is shown where the row's first value is.
            shown = self.evidence[first]
            self.evidence += [shown.model_copy(update={"field": f"{path}{name}"}) for name in asked.chosen]
            values |= asked.chosen
        return values

    def values(
        self, spans: Mapping[str, Sequence[Span]], terms: Mapping[str, Term], prefix: str = ""
    ) -> dict[str, Any]:
        """The values found, by field; `prefix` of a field's name in evidence and findings."""
        found = {name: self._read(f"{prefix}{name}", terms[name], spans[name]) for name in terms if spans[name]}
        return {name: value for name, value in found.items() if value is not None}

    def own_values(self, spans: Mapping[str, Sequence[Span]], own: Mapping[str, Own], prefix: str) -> dict[str, str]:
        """Values of fields of one's own that their declarations permit, as `custom` keeps them."""
        terms = {name: each.term for name, each in own.items()}
        found = {name: text_of(value) for name, value in self.values(spans, terms, prefix).items()}
        refused = {name for name, text in found.items() if not own[name].declared.permits(text)}
        for name in refused:
            message = f"{_quoted(found[name])} is in the document, but is not a value of this field"
            self._doubt(UNREADABLE, f"{prefix}{name}", terms[name], message)
        paths = {f"{prefix}{name}" for name in refused}
        if paths:
            self.evidence = [each for each in self.evidence if each.field not in paths]
        return {name: text for name, text in found.items() if name not in refused}

    def _read(self, name: str, term: Term, spans: Sequence[Span]) -> Any:
        if term.kind in _FREE:
            return self._joined(name, term, spans, ", " if term.kind is FieldKind.ADDRESS else " ")
        values = [value for span in spans if (value := self._single(name, term, span)) is not None]
        if len(set(values)) > 1:
            self.evidence = [each for each in self.evidence if each.field != name]
            shown = ", ".join(_quoted(str(value)) for value in dict.fromkeys(values))
            self._doubt(SEVERAL, name, term, f"the model named several values ({shown}); none was taken")
            return None
        return values[0] if values else None

    def _single(self, name: str, term: Term, span: Span) -> Any:
        printed, kind = self.printed, term.kind
        if kind.is_number:
            number = self._number(name, term, span)
            return abs(number) if number is not None and term.unsigned else number
        if kind is FieldKind.POSITION:
            return self._position(name, term, span)
        readers: dict[FieldKind, Parser[Any]] = {
            FieldKind.DATE: printed.day,
            FieldKind.CURRENCY: printed.currency,
            FieldKind.TYPE: printed.invoice_type,
            FieldKind.COUNTRY: printed.country,
            FieldKind.TAX_ID: printed.vat_id if term.scheme else printed.tax_id,
            FieldKind.ACCOUNT: printed.iban if term.scheme else account,
            FieldKind.CODE: code,
        }
        reader = readers.get(kind, words)
        return self._text(name, term, span, reader) if kind in _BY_WORD else self._identifier(name, term, span, reader)

    def _text(self, name: str, term: Term, span: Span, parse: Parser[T]) -> T | None:
        """A text value, in the spelling of the document."""
        place = self._find(name, term, span, literal=False)
        return self._value(name, term, place, parse(place.text)) if place else None

    def _identifier(self, name: str, term: Term, span: Span, parse: Parser[T]) -> T | None:
        """A value of which every character matters; the model's characters where OCR read look-alikes of digits."""
        place = self._find(name, term, span, literal=True)
        if place is None:
            return None
        return self._value(name, term, place, parse(place.text if place.exact else span.text))

    def _number(self, name: str, term: Term, span: Span) -> Decimal | None:
        """A number parsed as the document prints it, with a sign next to it.

        A total may be printed in several places (subtotal, tax breakdown, table): the place with the field's own label
        is taken, else the one the model names.
        """
        place = self._find(name, term, span, literal=True)
        if place is None:
            return None
        parsed = self._number_at(place, span)
        if name in AMOUNT_FIELDS and place.exact and parsed is not None:
            place = self._labelled_place(name, place, parsed.value, span)
        return self._value(name, term, place, parsed)

    def _number_at(self, place: Place, span: Span) -> Value[Decimal] | None:
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
            if (there := self._number_at(other, span)) is not None
            and there.value == value
            and self._is_labelled(name, other, value)
        ]
        return min(labelled, key=lambda other: abs(other.pieces[0].line.number - span.line), default=place)

    def _is_labelled(self, name: str, place: Place, value: Decimal) -> bool:
        return self.printed.labels_say(name, place.pieces[0].line.number, value)

    def _position(self, name: str, term: Term, span: Span) -> int | None:
        """The row of the line items, from 1, that is printed on the line of `span`."""
        place = self._find(name, term, span, literal=False)
        if place is None:
            return None
        line = place.pieces[0].line.number
        numbers = {row for row, lines in enumerate(self.printed_lines, start=1) if line in lines}
        return self._value(name, term, place, Value(numbers.pop()) if len(numbers) == 1 else None)

    @cached_property
    def printed_lines(self) -> Sequence[frozenset[int]]:
        """The lines of print of each row of the line items, which are read before all other tables."""
        lines: dict[str, set[int]] = {}
        for each in self.evidence:
            row, _, column = each.field.partition(".")
            if column and row.startswith(f"{LINES}[") and each.line is not None:
                lines.setdefault(row, set()).add(each.line)
        return [frozenset(found) for found in lines.values()]

    def _joined(self, name: str, term: Term, spans: Sequence[Span], joint: str) -> str | None:
        """Several printed lines joined into one text; a line that is not found is left out, with a finding."""
        found = [text for span in spans if (text := self._text(name, term, span, words))]
        return joint.join(found) or None

    def _find(self, name: str, term: Term, span: Span, *, literal: bool) -> Place | None:
        if not span.text.strip():
            return None
        place = self.grounder.find(span.text, span.line, literal=literal)
        if place is None:
            # `agreement` compares these words with printed values: a change of the text changes that similarity.
            message = f"the model read {_quoted(span.text)} in line {span.line}; the document shows it nowhere"
            self._doubt(UNGROUNDED, name, term, message)
        return place

    def _value(self, name: str, term: Term, place: Place, parsed: Value[T] | None) -> T | None:
        if parsed is None:
            message = f"{_quoted(place.text)} is in the document, but is not a value of this field"
            self._doubt(UNREADABLE, name, term, message)
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

    def _doubt(self, rule: str, name: str, term: Term, message: str) -> None:
        """A warning where a payment or a booking hangs on the field, else a note, which needs no review."""
        table = TERMS.get(name.partition("[")[0].partition(".")[0])
        minor = term.kind in _MINOR or not term.is_decisive or (table is not None and not table.is_decisive)
        severity = Severity.INFO if minor else Severity.WARNING
        self.findings.append(Finding(rule=rule, severity=severity, message=f"{name}: {message}", fields=(name,)))


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + '…'}`"
