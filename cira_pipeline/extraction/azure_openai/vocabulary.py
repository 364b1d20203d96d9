"""Names that the model may answer with: those of the table of fields that a page can print, and fields of one's own.

A table whose rows are of one of several kinds is asked for by kind (`allowance`, `charge` for `allowances_charges`), so
that the model chooses a name and does not write a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from cira_pipeline.custom.declaration import NO_DECLARATIONS, CustomField, CustomType, Declarations
from cira_pipeline.fields import Detail, FieldKind, Term
from cira_pipeline.invoice import HEADER_FIELDS, ROW_TERMS, TERMS

LINES = "line_items"
_FEW_CODES = 10
_NOTHING_CHOSEN: Mapping[str, str] = MappingProxyType({})
# Their notes say how a value is stored (ISO 3166, one line), not where it is found.
_STORED_OTHERWISE = frozenset({FieldKind.ADDRESS, FieldKind.COUNTRY, FieldKind.CURRENCY, FieldKind.TYPE})
# `BT-99 for a charge`: numbers of the standard mean nothing to a model.
_STANDARD = re.compile(r"\b(BT|BG|UNTDID|UN/ECE|ISO)\b")


_KINDS: Mapping[CustomType, FieldKind] = MappingProxyType(
    {
        CustomType.TEXT: FieldKind.TEXT,
        CustomType.IDENTIFIER: FieldKind.REFERENCE,
        CustomType.DATE: FieldKind.DATE,
        CustomType.AMOUNT: FieldKind.AMOUNT,
        CustomType.NUMBER: FieldKind.QUANTITY,
        CustomType.CODE: FieldKind.REFERENCE,
    }
)


@dataclass(frozen=True)
class Own:
    """A field of one's own, with the term that a field of the invoice would have."""

    declared: CustomField
    term: Term

    @classmethod
    def of(cls, declared: CustomField) -> Own:
        return cls(declared, Detail("", _KINDS[declared.type], declared.shown, declared.description))

    @property
    def about(self) -> str:
        """Its name and description, one of its labels, and its codes where they are few."""
        label = next((label for labels in self.declared.labels.values() for label in labels), "")
        codes = " or ".join(self.declared.codes) if len(self.declared.codes) <= _FEW_CODES else ""
        parts = (self.declared.shown, self.declared.description, label and f"labelled `{label}`", codes)
        return " ".join(", ".join(filter(None, parts)).split())


_NO_OWN: Mapping[str, Own] = MappingProxyType({})


@dataclass(frozen=True)
class AskedTable:
    """A table as the model is asked for it. `chosen`: what the name says of its rows, by column."""

    name: str
    table: str
    columns: Mapping[str, Term]
    chosen: Mapping[str, str]
    own: Mapping[str, Own]

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset((*self.columns, *self.own))


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """All names of one question, the same object for all questions of an engine. `declared`: fields of one's own.

    Values of own fields go into `Invoice.custom`, those of lines into `LineItem.custom`.
    """

    declared: Declarations = NO_DECLARATIONS

    @cached_property
    def own(self) -> Mapping[str, Own]:
        """Header fields of one's own."""
        return {name: Own.of(declared) for name, declared in self.declared.header.items()}

    @cached_property
    def own_of_lines(self) -> Mapping[str, Own]:
        return {name: Own.of(declared) for name, declared in self.declared.line.items()}

    @cached_property
    def header(self) -> Mapping[str, Term]:
        """Header fields, without own ones."""
        return {name: TERMS[name] for name in HEADER_FIELDS if TERMS[name].printed}

    @cached_property
    def tables(self) -> Mapping[str, AskedTable]:
        """By the name that the model is asked for; the line items come first."""
        names = sorted((name for name in ROW_TERMS if TERMS[name].printed), key=lambda name: name != LINES)
        return {asked.name: asked for name in names for asked in self._asked(name)}

    @cached_property
    def fields(self) -> tuple[str, ...]:
        return (*self.header, *self.own)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns of all tables, each name once."""
        return tuple(dict.fromkeys(name for table in self.tables.values() for name in (*table.columns, *table.own)))

    def described_tables(self) -> str:
        """One line for each table, with its columns."""
        names_of: dict[tuple[str, ...], list[str]] = {}
        for asked in self.tables.values():
            names_of.setdefault((asked.table, *asked.columns, *asked.own), []).append(f"`{asked.name}`")
        return "\n".join(f"- {', '.join(names)}: {', '.join(columns)}" for (_, *columns), names in names_of.items())

    def described_fields(self, explained: str) -> str:
        """One line for each name with a note that the text `explained` does not explain, and for each own field."""
        terms = [*self.header.items(), *(pair for asked in self.tables.values() for pair in asked.columns.items())]
        # The first of several columns of one name describes it.
        notes = {name: _about(term) for name, term in reversed(terms) if f"`{name}`" not in explained}
        names = dict.fromkeys(name for name, _ in terms)
        own = [
            *(f"- `{name}`: {each.about}" for name, each in self.own.items()),
            *(f"- `{name}` of `{LINES}`: {each.about}" for name, each in self.own_of_lines.items()),
        ]
        lines = [f"- `{name}`: {notes[name]}" for name in names if notes.get(name)]
        return "\n".join((*lines, *own))

    def _asked(self, table: str) -> Iterator[AskedTable]:
        terms = {
            name: term for name, term in ROW_TERMS[table].items() if term.printed and term.kind is not FieldKind.MAP
        }
        own = self.own_of_lines if table == LINES else _NO_OWN
        column = next((name for name, term in terms.items() if term.values), None)
        if column is None:
            yield AskedTable(table, table, terms, _NOTHING_CHOSEN, own)
            return
        columns = {name: term for name, term in terms.items() if name != column}
        for value in terms[column].values:
            yield AskedTable(value, table, columns, {column: value}, own)


def _about(term: Term) -> str:
    """What the note of `term` adds to its name; nothing where it only says how the value is stored."""
    if term.kind in _STORED_OTHERWISE or _STANDARD.search(term.note):
        return ""
    return term.note


STANDARD = Vocabulary()
"""Without own fields."""
