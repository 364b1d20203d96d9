"""Restores spaces that OCR lost in names, where the document, a legal form or initials show them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Canvas, Segment
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    shortest_form: int
    most_lost_spaces: int


_TUNED = thresholds(_Tuned)

_CASE_CHANGE = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-Þ])")
_AFTER_INITIALS = re.compile(r"(?<=[A-Z]{3})(?=[A-Z][a-zß-öø-ÿ]{3})")
# `mbH` and `GmbH` change case inside the word.
_MIXED_FORMS = re.compile(r"(?:g?mbh|ohg|kgaa|sàrl)$", re.IGNORECASE)


def spelled(text: str, segment: Segment, canvas: Canvas) -> str:
    """`text` with lost spaces, for pages read by OCR; native text is returned as it is."""
    if segment.page not in canvas.ocr_pages:
        return text
    twin = _spaced_twin(text, canvas)
    if twin is not None:
        return twin
    return " ".join(part for word in text.split() for part in _parts(word))


def _spaced_twin(text: str, canvas: Canvas) -> str | None:
    """The same letters elsewhere in the document, with more spaces."""
    key = compact(text)
    best: str | None = None
    for other in canvas.segments:
        if len(other.text) <= len(text) or len(other.text) > len(text) + _TUNED.most_lost_spaces:
            continue
        if compact(other.text) == key and other.text.count(" ") > (best or text).count(" "):
            best = other.text.strip(" :,;")
    return best


def _parts(word: str) -> list[str]:
    form = _MIXED_FORMS.search(word)
    if form and form.start() >= _TUNED.shortest_form and word[: form.start()][-1:].isalpha():
        return [*_parts(word[: form.start()]), word[form.start() :]]
    if form and form.start() == 0:
        return [word]
    pieces = _CASE_CHANGE.split(word)
    if len(pieces) == 2 and pieces[1].lower() in lexicon().legal_forms:
        return pieces
    pieces = _AFTER_INITIALS.split(word)
    if len(pieces) == 2:
        return pieces
    lowered = word.lower()
    for legal in sorted(lexicon().legal_forms, key=len, reverse=True):
        glued = lowered.endswith(legal) and (word.isupper() or word[-len(legal)].isupper())
        if len(legal) >= _TUNED.shortest_form and glued and len(word) - len(legal) >= _TUNED.shortest_form:
            return [word[: -len(legal)], word[-len(legal) :]]
    return [word]
