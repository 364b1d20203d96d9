"""Labels and column headings of declared fields, beside those of the lexicon.

A label that the lexicon knows gets a further meaning and keeps its own: declaring a field takes nothing away from the
fields of every invoice. A heading that the lexicon knows keeps its meaning, and the declared field reads the same
column (`extraction/offline/custom/line_values.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cira_pipeline.custom.declaration import ALL_LANGUAGES, Declarations, Place
from cira_pipeline.extraction.offline.lexicon import STRONG, Entries, Meaning, lexicon
from cira_pipeline.extraction.offline.normal import compact


@dataclass(frozen=True)
class OwnLabels:
    """`labels`: meanings of labels of header fields; `headings`: meanings of headings of lines' fields."""

    labels: Mapping[str, tuple[Meaning, ...]] = field(default_factory=dict)
    headings: Mapping[str, tuple[Meaning, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, declarations: Declarations) -> OwnLabels:
        return cls(_meanings(declarations, Place.HEADER), _meanings(declarations, Place.LINE))

    def with_labels(self, entries: Entries) -> Entries:
        """`entries` with the labels; those of the lexicon alone are joined once."""
        if not self.labels:
            return entries
        return self._lexicon_labels if entries is lexicon().labels else _joined(entries, self.labels)

    def with_columns(self, entries: Entries) -> Entries:
        if not self.headings:
            return entries
        return self._lexicon_columns if entries is lexicon().columns else _added(entries, self.headings)

    @cached_property
    def _lexicon_labels(self) -> Entries:
        return _joined(lexicon().labels, self.labels)

    @cached_property
    def _lexicon_columns(self) -> Entries:
        return _added(lexicon().columns, self.headings)


def is_declared(meaning: Meaning) -> bool:
    """Whether it is a declared field's meaning: no name of the lexicon has a dot."""
    return "." in meaning.concept


def _meanings(declarations: Declarations, place: Place) -> Mapping[str, tuple[Meaning, ...]]:
    found: dict[str, dict[str, Meaning]] = {}
    for declared, language, label in declarations.labelled(place):
        languages = frozenset[str]() if language == ALL_LANGUAGES else frozenset({language})
        known = found.setdefault(compact(label), {})
        same = known.get(declared.path, Meaning(declared.path, STRONG))
        known[declared.path] = Meaning(declared.path, STRONG, same.languages | languages)
    return {key: tuple(meanings.values()) for key, meanings in found.items() if key}


def _joined(entries: Entries, own: Mapping[str, tuple[Meaning, ...]]) -> Entries:
    return entries.with_own({key: (*entries.get(key, ()), *meanings) for key, meanings in own.items()})


def _added(entries: Entries, own: Mapping[str, tuple[Meaning, ...]]) -> Entries:
    return entries.with_own({key: meanings for key, meanings in own.items() if key not in entries})


NO_OWN_LABELS = OwnLabels()
