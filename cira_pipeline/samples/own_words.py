"""Invents supplier-specific labels that are in no lexicon, as some companies' software prints them.

Made of syllables, so that no lexicon can hold them; the same for all documents of a supplier, as its labels are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from cira_pipeline.samples.catalogue import Words

LABELS: Sequence[str] = (
    "title.380",
    "number.380",
    "issue_date",
    "due_date",
    "purchase_order",
    "supplier_vat_id",
    "customer_vat_id",
    "bill_to",
    "column.description",
    "column.quantity",
    "column.unit_price",
    "column.tax_rate",
    "column.net_amount",
    "total.net_total",
    "total.tax",
    "total.gross_total",
    "total.amount_due",
)
"""Paths of words that name a value (catalogue.Words)."""

_SYLLABLES = (
    "bra",
    "dol",
    "fen",
    "gis",
    "hul",
    "jor",
    "kep",
    "lun",
    "mav",
    "nox",
    "pil",
    "quo",
    "rud",
    "siv",
    "tel",
    "vor",
)


def own_words(usual: Words, random: Random, share: float) -> Words:
    """`usual` with each of `LABELS` replaced by a word of its own, with a chance of `share` (0 to 1)."""
    entries = _copied(usual.entries)
    taken: set[str] = set()
    for path in LABELS:
        own = _invented(random, taken)
        if random.random() < share:
            _put(entries, path.split("."), f"{own} {{rate}}%" if path == "total.tax" else own)
    return Words(usual.locale, entries)


def _invented(random: Random, taken: set[str]) -> str:
    while True:
        word = "".join(random.sample(_SYLLABLES, 3)).capitalize()
        if word not in taken:
            taken.add(word)
            return word


def _copied(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(value) if isinstance(value, Mapping) else value for name, value in entries.items()}


def _put(entries: dict[str, Any], path: Sequence[str], word: str) -> None:
    for part in path[:-1]:
        entries = entries[part]
    entries[path[-1]] = word
