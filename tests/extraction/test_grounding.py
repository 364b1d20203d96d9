"""What counts as standing in the document, and what does not: both sides of each bound."""

from __future__ import annotations

import pytest

from cira_pipeline.extraction.grounding import Grounder, Place
from tests.extraction.azure_openai.readings import reading


def find(
    page: str | tuple[str, ...], text: str, line: int = 1, *, literal: bool = True, ocr: bool = False
) -> Place | None:
    lines = (page,) if isinstance(page, str) else page
    return Grounder(reading(lines, ocr=ocr)).find(text, line, literal=literal)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("Rechnungsnr. 30064443", "30064443"),
        ("IBAN DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("Gesamtbetrag 1.064,43 EUR", "1.064,43 €"[:8]),
        ("SUMME 12,00", "summe"),
        ("Überweisung", "Uberweisung"),
        ("Betrag −12,00", "-12,00"),
        ("Gesamt 12,00 €", "€"),
        ("l’Équipe d'été", "l'équipe d’ete"),
    ],
)
def test_case_accents_spaces_and_dashes_do_not_matter(page: str, text: str) -> None:
    place = find(page, text)
    assert place is not None
    assert place.exact


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("Betrag 1.064,43", "64,43"),
        ("Betrag 64,431", "64,43"),
        ("Nr. 130064443", "30064443"),
        ("Nr. 30064443", "3006444"),
        ("Gesamtbetrag", "betrag"),
        ("Gesamtbetrag 119,00", "118,00"),
        ("Gesamtbetrag 119,00", "119.00"),
        ("Gesamtbetrag", "119,00"),
        ("Gesamt 12,00 €", "$"),
        ("Gesamt", "..."),
    ],
)
def test_a_part_of_a_number_or_word_and_another_number_are_not_found(page: str, text: str) -> None:
    assert find(page, text) is None
    assert find(page, text, ocr=True) is None


@pytest.mark.parametrize(
    ("printed", "text"),
    [("ll9,00", "119,00"), ("1l9,OO", "119,00")],
)
def test_ocr_may_take_one_character_in_three_for_a_letter_like_it(printed: str, text: str) -> None:
    few = sum(mine != theirs for mine, theirs in zip(printed, text, strict=True)) <= 1
    place = find(f"Gesamt {printed}", text, ocr=True)
    assert (place is not None) is few
    if place is not None:
        assert not place.exact
        assert place.confidence < find(f"Gesamt {text}", text, ocr=True).confidence


@pytest.mark.parametrize(
    ("printed", "text", "found"),
    [
        ("3OO64443", "30064443", True),
        ("3OO644A3", "30064443", False),
        ("INV-S001", "INV-5001", True),
        ("SOLO", "5010", False),
        ("OI5", "015", False),
        ("O15", "015", True),
        ("118,00", "119,00", False),
        ("719,00", "119,00", False),
    ],
)
def test_the_bound_of_look_alikes(printed: str, text: str, found: bool) -> None:
    assert (find(f"Nummer {printed}", text, ocr=True) is not None) is found


def test_print_that_is_no_scan_has_no_look_alikes() -> None:
    assert find("Nummer 3OO64443", "30064443") is None


@pytest.mark.parametrize(
    ("printed", "text", "found"),
    [
        ("Nordlicht Handels GmbH", "Nordlioht Handels GmbH", True),
        ("Nordlicht Handels GmbH", "Nordwind Handels AG", False),
        ("Nordlicht Handels GmbH 24", "Nordlicht Handels GmbH 25", False),
        ("Kabel", "Gabel", False),
    ],
)
def test_the_bound_of_similar_words_on_scans(printed: str, text: str, found: bool) -> None:
    assert (find(printed, text, literal=False, ocr=True) is not None) is found
    assert find(printed, text, literal=True, ocr=True) is None, "identifiers are never found by similarity"
    assert find(printed, text, literal=False) is None, "print is not read by OCR"


def test_a_text_is_found_near_where_it_was_claimed_before_it_is_found_elsewhere() -> None:
    page = ("Summe 100,00", "x", "x", "x", "x", "x", "Summe 100,00", "Ende")
    near = find(page, "100,00", line=8)
    assert near.pieces[0].line.number == 7
    assert find(page, "100,00", line=99).pieces[0].line.number == 1


def test_what_is_claimed_elsewhere_is_believed_less() -> None:
    page = ("a", "b", "c", "d", "e", "f", "Summe 100,00")
    at, near, far = (find(page, "100,00", line=line) for line in (7, 5, 1))
    assert at.confidence > near.confidence > far.confidence


def test_a_lone_figure_far_from_where_it_was_claimed_proves_nothing() -> None:
    page = ("Menge 1", "b", "c", "d", "e", "f", "g")
    assert find(page, "1", line=2) is not None
    assert find(page, "1", line=7) is None


def test_a_name_wrapped_over_lines_keeps_a_place_on_each() -> None:
    place = find(("Nordlicht Handels-", "gesellschaft mbH", "Hamburg"), "Handels- gesellschaft mbH", literal=False)
    assert [piece.text for piece in place.pieces] == ["Handels-", "gesellschaft mbH"]


def test_the_box_is_the_texts_own_and_not_its_lines() -> None:
    place = find("Gesamtbetrag 119,00", "119,00")
    line = place.pieces[0].line
    assert line.box.left < place.pieces[0].box.left < place.pieces[0].box.right <= line.box.right
