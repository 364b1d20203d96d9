"""Words into lines, and characters as print shows them."""

from __future__ import annotations

import pytest

from cira_pipeline.ocr.characters import as_printed, readable_count, unreadable_count
from cira_pipeline.ocr.lines import PlacedWord, lines_of


def words(*placed: tuple[str, float, float], height: float = 10.0, width: float = 5.0) -> list[PlacedWord]:
    """(text, left, top), every character `width` wide."""
    return [PlacedWord(text, left, top, left + width * len(text), top + height) for text, left, top in placed]


def read(found: list[PlacedWord], *, ink_boxes: bool = False) -> list[str]:
    return [line.text for line in lines_of(found, ink_boxes=ink_boxes)]


def test_a_column_gap_parts_and_a_space_does_not() -> None:
    row = words(("Steel", 0, 0), ("hammer", 28, 0), ("12", 68, 0), ("37,50", 92, 0))
    assert read(row) == ["Steel hammer", "12", "37,50"]


def test_justified_text_stays_one_line() -> None:
    assert read(words(("payable", 0, 0), ("within", 41, 0), ("30", 77, 0), ("days", 93, 0))) == [
        "payable within 30 days"
    ]


def test_kerned_pieces_of_a_word_are_joined_without_a_space() -> None:
    assert read(words(("(", 0, 0), (")", 10, 0), ("S", 5, 0))) == ["(S)"]


def test_words_of_a_scan_are_never_joined_without_a_space() -> None:
    assert read(words(("Total", 0, 0), ("due", 25.2, 0)), ink_boxes=True) == ["Total due"]


def test_rows_come_from_top_to_bottom_and_columns_from_left_to_right() -> None:
    found = words(("B2", 100, 20), ("A1", 0, 0), ("B1", 100, 1), ("A2", 0, 20))
    assert read(found) == ["A1", "B1", "A2", "B2"]


def test_closely_set_lines_do_not_run_into_each_other() -> None:
    found = words(("Ambossweg", 0, 0), ("7", 50, 0), ("42103", 0, 8.5), ("Wuppertal", 30, 8.5))
    assert read(found) == ["Ambossweg 7", "42103 Wuppertal"]


def test_a_larger_figure_on_the_same_baseline_joins_its_label() -> None:
    found = [*words(("Nr.", 0, 4)), *words(("4711", 19, 0), height=14, width=7)]
    assert read(found) == ["Nr. 4711"]


def test_a_page_of_ten_thousand_words_loses_none() -> None:
    found = words(*[(f"w{index}", 50.0 * (index % 100), 12.0 * (index // 100)) for index in range(10_000)])
    assert read(found) == [word.text for word in found]


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        ("o\ufb03ce", "office"),
        ("Ge\u00adbühr", "Ge-bühr"),
        ("2024\u20110017", "2024-0017"),
        ("\u221250,00", "-50,00"),
        ("DE\u200b136\ufeff695", "DE136695"),
        ("\u202eabc\u202c", "abc"),
        ("u\u0308ber", "über"),
        ("1\u00a0234,56", "1 234,56"),
        ("１２３．５０", "123.50"),
        ("10 m²", "10 m²"),
        ("½ kg", "½ kg"),
        ("29,99 €", "29,99 €"),
        ("a\x00b", "ab"),
    ],
)
def test_what_looks_the_same_is_spelt_the_same(given: str, printed: str) -> None:
    assert as_printed(given) == printed


@pytest.mark.parametrize("garbage", ["\ufffd\ufffd", "(cid:12)(cid:7)", "GLYPH<c=3,font=/AB>", "\uf0b7\ue001"])
def test_glyphs_without_letters_count_as_unreadable(garbage: str) -> None:
    assert (unreadable_count(garbage) > 0, readable_count(garbage)) == (True, 0)
