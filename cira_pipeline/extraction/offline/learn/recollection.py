"""Finds the lessons of a page's supplier and layout."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.learn.supplier_keys import keys_on
from cira_pipeline.extraction.offline.memory.layout_marks import likeness, marks_of
from cira_pipeline.extraction.offline.memory.lesson import Recall
from cira_pipeline.extraction.offline.memory.supplier_memory import FORGETFUL, Memory
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    most_lessons: int


_TUNED = thresholds(_Tuned)


def recollect(facts: Facts, document_sha256: str, recall: Recall) -> Memory:
    """The lessons with the same layout of the suppliers that the page names."""
    lessons = recall(document_sha256, keys_on(facts))
    if not lessons:
        return FORGETFUL
    marks = marks_of(facts.canvas)
    alike = [(lesson, found) for lesson in lessons if (found := likeness(marks, lesson.marks)).same_layout]
    if not alike:
        return FORGETFUL
    alike = alike[: _TUNED.most_lessons]
    return Memory(
        lessons=tuple(lesson for lesson, _ in alike),
        dx=median(found.dx for _, found in alike),
        dy=median(found.dy for _, found in alike),
    )
