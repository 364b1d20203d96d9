"""Ten generated invoices of one supplier, before and after two of them were confirmed.

The supplier is chosen by a rule: of the benchmark's suppliers of seed 1, the first whose labels are all words that no
lexicon holds. For the ones whose labels are usual the first, too.
"""

from __future__ import annotations

import pytest

from benchmarks.supplier_memory import CONFIRMED, SHARES, Series, judged, lessons_from, read, series
from cira_pipeline.evaluation.score import Score

SEED = 1


@pytest.fixture(scope="module")
def odd() -> Series:
    return series(SEED, SHARES.index(1.0))


@pytest.fixture(scope="module")
def usual() -> Series:
    return series(SEED, SHARES.index(0.0))


def _header(scores: list[Score]) -> float:
    right = sum(len(each.right) for each in scores)
    return right / sum(len(each.right) + len(each.wrong) + len(each.missing) for each in scores)


def test_two_confirmed_of_ten_invoices_lift_the_accuracy_of_the_other_eight(odd):
    assert odd.share == 1.0
    lessons, rest = lessons_from(odd.pages[:CONFIRMED]), odd.pages[CONFIRMED:]
    assert len(rest) == 8
    before, after = ([judged(page, each)[0] for page in rest] for each in ((), lessons))
    assert _header(before) < 0.75, "then there would be nothing to show"
    assert _header(after) >= 0.97
    assert not any(each.wrong for each in after)
    assert sum(each.lines is not None and each.lines.exact for each in after) >= 7
    assert not any(each.lines is not None and each.lines.exact for each in before)


def test_nothing_gets_worse_for_a_supplier_whose_words_are_usual(usual):
    lessons = lessons_from(usual.pages[:CONFIRMED])
    for page in usual.pages[CONFIRMED:]:
        (before, verdict_before), (after, verdict_after) = judged(page), judged(page, lessons)
        assert set(before.right) <= set(after.right)
        assert after.lines == before.lines
        assert verdict_after is verdict_before


def test_nothing_changes_for_another_supplier(odd, usual):
    """Even where a store hands out lessons of somebody else, the layout is not theirs."""
    lessons = lessons_from(odd.pages)
    for page in usual.pages:
        assert read(page, lessons).model_copy(update={"seconds": 0}) == read(page).model_copy(update={"seconds": 0})
