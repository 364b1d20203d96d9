"""Keeps what an e-invoice states besides the fields: every text and attribute that no reader has understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from lxml import etree

from cira_pipeline.invoice import Invoice
from cira_pipeline.invoice_bounds import MAX_KEY_CHARS, MAX_MAP_CHARS, MAX_ROWS, visible
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule

MAX_TERMS: Final = MAX_ROWS
"""Maximum number of texts that are kept of one document."""
MAX_CHARS: Final = 1_000_000
"""Maximum number of their characters, together."""

_XML_SCHEMA_INSTANCE: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_PIECE: Final = MAX_MAP_CHARS

Names = Mapping[str, str]
"""Number of the business term (`BT-24`) by path of the element below the root, attributes as `path/@name`."""


class _Term(NamedTuple):
    """A text that no field has, with the place of its element.

    `attribute`: its name, `None` for the text of the element itself. `number`: that of its business term, where the
    path does not decide it.
    """

    element: etree._Element
    place: _Place
    text: str
    attribute: str | None = None
    number: str | None = None


class _Place(NamedTuple):
    """Names of the elements below the root, position in `line_items`, and how many of the names lead to that line."""

    path: tuple[str, ...] = ()
    line: int | None = None
    depth: int = 0

    def below(self, name: str) -> _Place:
        return self._replace(path=(*self.path, name))


def with_other_terms(
    invoice: Invoice, top: etree._Element, root: etree._Element, names: Names, reader: XmlFieldReader
) -> Invoice:
    """`invoice` with the texts and attributes below `top` that `reader` has not read, in the order of the document.

    `root` is the invoice, `top` itself or an element in the envelope `top`. A term stands under its number, or under
    the path of its element where EN 16931 has none; below a line both stand in the line.
    """
    found = _Kept()
    for term in _unread(top, root, invoice.currency, reader):
        if not found.has_room(term.text):
            found.is_full = True
            continue
        name, line = _name(term, names), term.place.line
        found.add(line, name, term.text)
        field = "other_terms" if line is None else f"line_items[{line}].other_terms"
        reader.add_evidence(f"{field}[{name}]", term.element, term.text[:_PIECE], term.attribute)
    if found.is_full:
        reader.add_finding(
            XmlRule.TERMS_LEFT_OUT,
            Severity.INFO,
            f"the XML states more than {MAX_TERMS:,} terms, or {MAX_CHARS:,} characters, that are no fields of the "
            "record: the rest of them is only in the document",
            "other_terms",
        )
    changes: dict[str, Any] = {"other_terms": found.terms(None)} if None in found.by_line else {}
    if found.by_line.keys() - {None}:
        changes["line_items"] = tuple(
            item.model_copy(update={"other_terms": found.terms(at)}) if at in found.by_line else item
            for at, item in enumerate(invoice.line_items)
        )
    return invoice.model_copy(update=changes) if changes else invoice


@dataclass
class _Kept:
    """The terms kept so far, by position of their line (`None`: the document) and name."""

    by_line: dict[int | None, dict[str, list[str]]] = field(default_factory=dict)
    count: int = 0
    chars: int = 0
    is_full: bool = False

    def has_room(self, text: str) -> bool:
        return self.count + 1 + len(text) // _PIECE <= MAX_TERMS and self.chars + len(text) <= MAX_CHARS

    def add(self, line: int | None, name: str, text: str) -> None:
        """Adds a text; one that is too long for a single value is cut into several."""
        pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
        self.by_line.setdefault(line, {}).setdefault(name, []).extend(pieces)
        self.count += len(pieces)
        self.chars += len(text)

    def terms(self, line: int | None) -> dict[str, tuple[str, ...]]:
        return {name: tuple(texts) for name, texts in self.by_line[line].items()}


def _name(term: _Term, names: Names) -> str:
    path, at = term.place.path, "" if term.attribute is None else f"/@{term.attribute}"
    number = term.number or names.get("/".join(path) + at)
    return number or visible(("/".join(path[term.place.depth :]) + at)[-MAX_KEY_CHARS:]) or "?"


def _unread(top: etree._Element, root: etree._Element, currency: str | None, reader: XmlFieldReader) -> Iterator[_Term]:
    """Every unread text and attribute, in the order of the document."""
    waiting = [(top, _Place())]
    while waiting:
        element, place = waiting.pop()
        if element is root:
            place = _Place()
        if element in reader.lines:
            place = _Place(place.path, reader.lines[element], len(place.path))
        text = (element.text or "").strip()
        if text and not reader.is_read(element):
            yield _Term(element, place, text, number=reader.numbers.get(element))
        for number, part in reader.parts.get(element, ()):
            yield _Term(element, place, part, number=number)
        for name, value in element.items():
            if value.strip() and not _is_plain(element, str(name), str(value), currency, reader):
                yield _Term(element, place, str(value).strip(), _local(str(name)))
        for child in element:
            # Text between elements is no part of any syntax, but somebody wrote it.
            if child.tail and child.tail.strip():
                yield _Term(element, place, child.tail.strip())
        waiting.extend((child, place.below(_local(str(child.tag)))) for child in reversed(element))


def _is_plain(element: etree._Element, name: str, value: str, currency: str | None, reader: XmlFieldReader) -> bool:
    """Whether an attribute says nothing more: it was read, or states what is usual (currency, UNTDID 2379 dates)."""
    if reader.is_attribute_read(element, name) or name.startswith(_XML_SCHEMA_INSTANCE):
        return True
    return (name, value) in (("currencyID", currency), ("format", "102"))


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
