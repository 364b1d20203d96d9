"""Bounds of an invoice's texts and tables for every engine: longer values would break the tools that show them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from .invoice import MAPS, ROW_TERMS, TABLES, TERMS, Invoice

MAX_CHARS: Final[Mapping[str, int]] = MappingProxyType(
    {
        name: most
        for terms in (TERMS, *ROW_TERMS.values())
        for name, term in terms.items()
        if (most := term.kind.max_chars) is not None
    }
)
"""Maximum characters of each text field. A longer text is dropped."""
MAX_MAP_CHARS: Final = 10_000
"""Maximum characters of a text among the named values of a field such as `other_terms`."""
MAX_KEY_CHARS: Final = 200
"""Maximum characters of a name among them."""
MAX_ROWS: Final = 10_000
"""Maximum number of rows of a table, and of values of a field such as `other_terms`."""

# Control characters except tab and line ends, zero-width and direction marks, BOM, tag characters and surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Bounded(NamedTuple):
    """Result of `bounded`: `too_long` names dropped fields, `reordered` fields with direction-changing characters."""

    invoice: Invoice
    too_long: tuple[str, ...]
    reordered: tuple[str, ...]


def visible(text: str) -> str | None:
    """`text` without invisible characters; `None` when nothing is left."""
    return _INVISIBLE.sub("", text).strip() or None


def bounded(invoice: Invoice) -> Bounded:
    """`invoice` with only the visible characters of its texts, and without values and tables beyond the bounds."""
    bounds = _Bounds()
    changes = bounds.changes(invoice, "")
    for table in TABLES:
        rows = getattr(invoice, table)
        if len(rows) > MAX_ROWS:
            bounds.too_long[table] = None
            changes[table] = ()
            continue
        changed = [bounds.changes(row, f"{table}[{at}].") for at, row in enumerate(rows)]
        if any(changed):
            changes[table] = tuple(row.model_copy(update=each) for row, each in zip(rows, changed, strict=True))
    return Bounded(
        invoice.model_copy(update=changes) if changes else invoice, tuple(bounds.too_long), tuple(bounds.reordered)
    )


@dataclass
class _Bounds:
    """What was found beyond the bounds: keys of dictionaries, as sets that keep their order."""

    too_long: dict[str, None] = field(default_factory=dict)
    reordered: dict[str, None] = field(default_factory=dict)

    def changes(self, model: BaseModel, path: str) -> dict[str, object]:
        """The fields of `model` that must change, with their new values; tables are left out."""
        found: dict[str, object] = {}
        for name, value in model:
            kept: object = value
            if isinstance(value, str):
                kept = self._text(value, path + name, MAX_CHARS[name])
            elif name in MAPS and value:
                kept = self._map(value, path + name)
            if kept != value:
                found[name] = kept
        return found

    def _text(self, value: str, path: str, most: int) -> str | None:
        if _REORDERING.search(value):
            self.reordered[path] = None
        kept = visible(value) if _INVISIBLE.search(value) else value
        if kept is not None and len(kept) > most:
            self.too_long[path] = None
            return None
        return kept

    def _map(self, values: Mapping[str, Any], path: str) -> dict[str, Any]:
        """Named values, each a text or a tuple of texts, without those whose name or texts are beyond the bounds."""
        found: dict[str, Any] = {}
        for name, value in values.items():
            texts = value if isinstance(value, tuple) else (value,)
            if len(name) > MAX_KEY_CHARS or visible(name) != name or max(len(values), len(texts)) > MAX_ROWS:
                self.too_long[path] = None
                continue
            kept = tuple(text for each in texts if (text := self._text(each, path, MAX_MAP_CHARS)) is not None)
            if kept:
                found[name] = kept if isinstance(value, tuple) else kept[0]
        return found
