"""Finds pages that repeat an earlier page, such as `Original` and `Copy` of one invoice in one file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.models import Reading


@dataclass(frozen=True, slots=True)
class _Tuned:
    coded_lines: int
    other_plain: float
    counter_letters: int


_TUNED = thresholds(_Tuned)


def copied_pages(reading: Reading) -> dict[int, int]:
    """The pages that repeat an earlier one, each with the number of that page.

    Every line with a digit is the same on both, the page counter aside, and of the other lines nearly all are.
    """
    if len(reading.pages) < 2:
        return {}
    pages = {page.number: _Print.of(reading, page.number) for page in reading.pages}
    copies: dict[int, int] = {}
    for number, page in pages.items():
        for earlier in range(1, number):
            if earlier in pages and earlier not in copies and page.repeats(pages[earlier]):
                copies[number] = earlier
                break
    return copies


def without_pages(reading: Reading, pages: Mapping[int, int]) -> Reading:
    """The reading without the lines of `pages`; the other lines keep their numbers."""
    lines = tuple(line for line in reading.lines if line.page not in pages)
    return reading.model_copy(update={"lines": lines}) if pages else reading


@dataclass(frozen=True)
class _Print:
    """The texts of a page: lines with digits, and lines without, each as often as it stands there."""

    coded: Counter[str]
    plain: Counter[str]

    @classmethod
    def of(cls, reading: Reading, page: int) -> _Print:
        texts = [line.text for line in reading.lines if line.page == page and not _is_counter(line.text, page)]
        coded = [any(char.isdigit() for char in text) for text in texts]
        return cls(
            Counter(compact(text) for text, has_digit in zip(texts, coded, strict=True) if has_digit),
            Counter(compact(text) for text, has_digit in zip(texts, coded, strict=True) if not has_digit),
        )

    def repeats(self, other: _Print) -> bool:
        if self.coded.total() < _TUNED.coded_lines or self.coded != other.coded:
            return False
        different = (self.plain - other.plain).total() + (other.plain - self.plain).total()
        return different <= _TUNED.other_plain * (self.plain.total() + other.plain.total())


def _is_counter(text: str, page: int) -> bool:
    """`Page 2 of 2`, `2/2`: the page's own number, with few letters."""
    numbers = re.findall(r"\d+", text)
    letters = sum(char.isalpha() for char in text)
    short = letters <= _TUNED.counter_letters and (letters > 0 or len(numbers) > 1)
    return len(numbers) in (1, 2) and int(numbers[0]) == page and short
