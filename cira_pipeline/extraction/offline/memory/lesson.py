"""A lesson: what was learned from one confirmed invoice about its supplier's layout; plain data, stored as JSON.

It contains places and spellings of the confirmed values, never values for the next invoice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Relation = Literal["inline", "right", "below", "above"]
PagePart = Literal["first", "later", "last"]


class _Frozen(BaseModel):
    # Stored lessons stay valid when a later version adds fields.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Anchor(_Frozen):
    """A text next to a value, in the direction `relation`. `key`: `text` without case, spaces and punctuation."""

    relation: Relation
    key: str
    text: str


class Sighting(_Frozen):
    """One place of a confirmed value; `left`, `right` and `top` are shares of the page, 0 to 1."""

    page: PagePart
    left: float
    right: float
    top: float
    anchors: tuple[Anchor, ...] = ()


class Mark(_Frozen):
    """A text of the layout, hashed, with its position as in `Sighting`."""

    text: str
    page: PagePart
    left: float
    top: float


class Heading(_Frozen):
    """The text over a column of the item table."""

    key: str
    text: str


class Lesson(_Frozen):
    """What was learned from one invoice. `keys`: of the supplier, most specific first; `marks`: of its layout.

    `sightings`: field name -> the places of its value. `misleading`: concept -> labels of that concept which stood
    beside something else. `absent`: fields that a person confirmed to be on no page. `spelled`: what changes little
    between invoices of one supplier, as confirmed. `columns`: meaning of an item table's column -> its headings.
    `month_first` and `decimal` are `None` where the document does not show them.
    """

    keys: tuple[str, ...]
    supplier: str = ""
    marks: tuple[Mark, ...] = ()
    sightings: Mapping[str, tuple[Sighting, ...]] = Field(default_factory=dict)
    misleading: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    absent: tuple[str, ...] = ()
    spelled: Mapping[str, str] = Field(default_factory=dict)
    title: Heading | None = None
    columns: Mapping[str, tuple[Heading, ...]] = Field(default_factory=dict)
    number_shape: str | None = None
    month_first: bool | None = None
    decimal: Literal[".", ","] | None = None


Recall = Callable[[str, Sequence[str]], Sequence[Lesson]]
"""Lessons of the suppliers with any of the keys, newest first, but none of the document (a SHA-256) itself."""


def shape_of(number: str | None) -> str | None:
    """`RE-2024/0117` is `A-9/9`: letters and digits in runs, signs as they are."""
    if not number:
        return None
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "A", number))[:60]


def mark_of(key: str) -> str:
    """Hash of a text, which identifies it without storing it."""
    return hashlib.sha256(key.encode()).hexdigest()[:10]


def version_of(lessons: Sequence[Lesson]) -> str:
    """SHA-256 over `lessons`; empty without any."""
    if not lessons:
        return ""
    whole = "\n".join(lesson.model_dump_json() for lesson in lessons)
    return hashlib.sha256(whole.encode()).hexdigest()
