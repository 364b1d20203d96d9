"""From a page to what is remembered of its supplier and layout."""

from __future__ import annotations

from statistics import median

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.learn.supplier_keys import keys_on
from cira_pipeline.extraction.offline.memory.layout_marks import likeness, marks_of
from cira_pipeline.extraction.offline.memory.lesson import Recall
from cira_pipeline.extraction.offline.memory.supplier_memory import FORGETFUL, Memory

MOST_LESSONS = 12
"""More of one layout than these say nothing new."""


def recollect(facts: Facts, document_sha256: str, recall: Recall) -> Memory:
    """The lessons of whichever supplier the page names, where they are of the same layout."""
    lessons = recall(document_sha256, keys_on(facts))
    if not lessons:
        return FORGETFUL
    marks = marks_of(facts.canvas)
    alike = [(lesson, found) for lesson in lessons if (found := likeness(marks, lesson.marks)).same_layout]
    if not alike:
        return FORGETFUL
    alike = alike[:MOST_LESSONS]
    return Memory(
        lessons=tuple(lesson for lesson, _ in alike),
        dx=median(found.dx for _, found in alike),
        dy=median(found.dy for _, found in alike),
    )
