"""Readings with words removed, which simulate a page of a supplier whose wording an engine does not know.

Only words without a digit are removed, and none of those to be kept: the values stay on the page, the labels printed
beside them go. So an engine makes the mistakes here that it makes on suppliers it has never seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Final

from cira_pipeline.models import Line, Reading, Word

_LONGEST_PREFIX: Final = 3


def with_lost_words(reading: Reading, share: float, seed: str, keep: Iterable[str]) -> Reading:
    """`reading` without about `share` (0 to 1) of its words; the same `seed` removes the same words.

    A line without any word left is removed. Words that occur in `keep` stay.
    """
    random = Random(seed)  # noqa: S311 - a sample, no secret
    kept = {word.casefold() for text in keep for word in text.split()}
    return reading.model_copy(update={"lines": tuple(_lines(reading.lines, share, random, kept))})


def _begins_code(word: Word, following: Word | None) -> bool:
    """`DE 434 964 964`: capitals before digits are a part of a value."""
    return (
        word.text.isupper() and len(word.text) <= _LONGEST_PREFIX and bool(following and following.text[:1].isdigit())
    )


def _lines(lines: Iterable[Line], share: float, random: Random, kept: set[str]) -> Iterator[Line]:
    for line in lines:
        lost = [
            word
            for word, following in zip(line.words, [*line.words[1:], None], strict=True)
            if word.text.casefold() not in kept
            and not any(char.isdigit() for char in word.text)
            and not _begins_code(word, following)
            and random.random() < share
        ]
        if not lost:
            yield line
            continue
        text = line.text
        for word in lost:
            text = text.replace(word.text, "", 1)
        words = tuple(word for word in line.words if word not in lost)
        if words and text.strip():
            yield line.model_copy(update={"text": " ".join(text.split()), "words": words})
