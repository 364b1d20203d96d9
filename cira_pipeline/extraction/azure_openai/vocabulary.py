"""Names that the model may answer with: those of the table of fields that a page can print, and fields of one's own.

A table whose rows are of one of several kinds is asked for by kind (`allowance`, `charge` for `allowances_charges`), so
that the model chooses a name and does not write a value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from cira_pipeline.fields import FieldKind, Term
from cira_pipeline.invoice import HEADER_FIELDS, ROW_TERMS, TERMS

LINES = "line_items"
_EMPTY: Mapping[str, Term] = MappingProxyType({})
_NOTHING_CHOSEN: Mapping[str, str] = MappingProxyType({})
# Their notes say how a value is stored (ISO 3166, one line), not where it is found.
_STORED_OTHERWISE = frozenset({FieldKind.ADDRESS, FieldKind.COUNTRY, FieldKind.CURRENCY, FieldKind.TYPE})
# `BT-99 for a charge`: numbers of the standard mean nothing to a model.
_STANDARD = re.compile(r"\b(BT|BG|UNTDID|UN/ECE|ISO)\b")


@dataclass(frozen=True)
class OwnFields:
    """Fields of one's own, by name: values go into `Invoice.custom`, those of `lines` into `LineItem.custom`.

    `label` and `note` of a term describe the field to the model.
    """

    header: Mapping[str, Term] = field(default_factory=dict)
    lines: Mapping[str, Term] = field(default_factory=dict)


NO_OWN_FIELDS = OwnFields()


@dataclass(frozen=True)
class AskedTable:
    """A table as the model is asked for it. `chosen`: what the name says of its rows, by column."""

    name: str
    table: str
    columns: Mapping[str, Term]
    chosen: Mapping[str, str]
    own: Mapping[str, Term]

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset((*self.columns, *self.own))


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """All names of one question, the same object for all questions of an engine.

    Raises: ValueError for an own field named like another field.
    """

    own: OwnFields = NO_OWN_FIELDS

    def __post_init__(self) -> None:
        taken = (self.own.header.keys() & TERMS.keys()) | (self.own.lines.keys() & ROW_TERMS[LINES].keys())
        if taken:
            raise ValueError(f"own fields named like fields of the invoice: {', '.join(sorted(taken))}")

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
        return (*self.header, *self.own.header)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns of all tables, each name once."""
        return tuple(dict.fromkeys(name for table in self.tables.values() for name in (*table.columns, *table.own)))

    @cached_property
    def digest(self) -> str:
        """Identifies own fields in an engine's version; empty without any."""
        if self.own == NO_OWN_FIELDS:
            return ""
        described = repr((sorted(self.own.header.items()), sorted(self.own.lines.items())))
        return hashlib.sha256(described.encode()).hexdigest()[:8]

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
            *((f"`{name}`", term) for name, term in self.own.header.items()),
            *((f"`{name}` of `{LINES}`", term) for name, term in self.own.lines.items()),
        ]
        lines = [f"- `{name}`: {notes[name]}" for name in names if notes.get(name)]
        lines += [f"- {name}: {', '.join(filter(None, (term.label, term.note)))}" for name, term in own]
        return "\n".join(lines)

    def _asked(self, table: str) -> Iterator[AskedTable]:
        terms = {
            name: term for name, term in ROW_TERMS[table].items() if term.printed and term.kind is not FieldKind.MAP
        }
        own = self.own.lines if table == LINES else _EMPTY
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
