"""What may be the supplier's name: not a receiver's line, the value of another key, a town, a code or a sentence."""

from __future__ import annotations

import pytest

from cira_pipeline.extraction.offline.parties.names import company_score, reads_like_a_sentence
from tests.extraction.offline.invented import Placed, block, extracted, invoice, keyed, reading

CUSTOMER = block(40, 200, "Bill To:", "Fairweather Mills", "9 Harbour Road", "Boise, ID 83702")
NUMBERS = keyed(380, 480, 120, ("INVOICE #", "A-4711"), ("DATE:", "July 8, 2026"))


def supplier(*lines: Placed) -> str | None:
    return invoice([*lines, *CUSTOMER, *NUMBERS, (380, 40, "INVOICE")]).supplier_name


def test_the_value_of_another_key_is_not_the_supplier() -> None:
    assert supplier(*keyed(380, 480, 160, ("FOR:", "Laundry Service"))) is None


def test_a_town_or_a_countrys_code_is_not_the_supplier() -> None:
    found = supplier(*block(40, 60, "12 Mill Lane", "New York, NY 10001", "US"))
    assert found not in {"New York", "US", "NY"}


def test_a_sentence_with_a_small_word_like_a_legal_form_is_not_the_supplier() -> None:
    sentence = "Our Responsibility Ceases as soon as goods leave our Premises"
    assert reads_like_a_sentence(sentence)
    assert supplier((40, 40, "HARLOW FREIGHT TOOLS"), (40, 700, sentence)) != sentence


@pytest.mark.parametrize(("name", "score"), [("Fjord Last AS", 1.0), ("Fjord Last as", 1.0), ("as soon as goods", 0.0)])
def test_a_short_form_in_small_letters_counts_only_as_the_last_word(name: str, score: float) -> None:
    assert company_score(name) == score


def test_a_company_beside_to_is_the_customer() -> None:
    page = [*keyed(40, 90, 60, ("To", "Fairweather Mills Ltd")), *NUMBERS, (40, 30, "INVOICE")]
    found = invoice(page)
    assert (found.customer_name, found.supplier_name) == ("Fairweather Mills Ltd", None)


def test_who_is_to_be_paid_does_not_replace_the_letterhead() -> None:
    remittance = block(40, 600, "REMIT TO:", "Harlow Billing", "12 Mill Lane", "New York, NY 10001")
    letterhead = block(40, 40, "HARLOW TOOLS LTD.", "7 Quay Street", "New York, NY 10002")
    assert supplier(*letterhead, *remittance) == "HARLOW TOOLS LTD"


def test_a_customer_whose_name_begins_with_the_word_customer_is_read() -> None:
    page = [*block(40, 60, "Cliente: Cliente Norte S.A."), *block(40, 100, "Número de Factura: F-4711")]
    assert invoice(page).customer_name == "Cliente Norte S.A."


def test_a_name_that_only_its_place_speaks_for_goes_to_a_person() -> None:
    def rules(*lines: Placed) -> set[str]:
        return {finding.rule for finding in extracted(reading([*lines, *CUSTOMER, *NUMBERS])).findings}

    slogan = [(40.0, 40.0, "TOMORROW"), (40.0, 60.0, "TODAY")]
    assert "offline.supplier_unconfirmed" in rules(*slogan) or supplier(*slogan) is None
    letterhead = block(40, 40, "Harlow Tools Ltd", "7 Quay Street", "New York, NY 10002")
    assert "offline.supplier_unconfirmed" not in rules(*letterhead)
