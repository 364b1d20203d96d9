"""A credit note is booked under its own number and date, never under those of the invoice it takes back."""

from __future__ import annotations

import pytest

from tests.extraction.offline.invented import RECIPIENT, SENDER, Placed, invoice, keyed

# As wide as a letter, for what is narrow is a receipt.
HEAD: list[Placed] = [*SENDER, *RECIPIENT, (400, 300, "Menge"), (500, 300, "Betrag"), (500, 700, "Seite 1 von 1")]


@pytest.mark.parametrize(
    ("title", "sentence"),
    [
        ("Gutschrift", "Wir schreiben Ihnen zu unserer Rechnung RE-2024-101 vom 02.02.2024 gut:"),
        ("Credit note", "We credit you for our invoice RE-2024-101 of 02.02.2024 as follows:"),
        ("Avoir", "Avoir sur notre facture RE-2024-101 du 02.02.2024 :"),
        ("Creditnota", "Wij crediteren onze factuur RE-2024-101 van 02-02-2024:"),
        ("Kreditfaktura", "Vi krediterar vår faktura RE-2024-101 av den 2024-02-02:"),
    ],
)
def test_the_invoice_that_is_taken_back_gives_neither_number_nor_date(title: str, sentence: str) -> None:
    found = invoice([*HEAD, (40, 230, title), (40, 260, sentence)])
    assert found.invoice_number is None
    assert found.issue_date is None


def test_the_credit_notes_own_number_and_date_stand_beside_those_of_the_invoice() -> None:
    own = keyed(380, 480, 130, ("Gutschrift Nr.:", "GS-17"), ("Datum:", "14.03.2024"))
    sentence = (40, 260, "Zu unserer Rechnung RE-2024-101 vom 02.02.2024 schreiben wir gut:")
    found = invoice([*HEAD, *own, (40, 230, "Gutschrift"), sentence])
    assert found.invoice_number == "GS-17"
    assert str(found.issue_date) == "2024-03-14"


def test_an_invoice_that_speaks_of_itself_in_a_sentence_keeps_its_number() -> None:
    sentence = (40, 260, "Bitte nennen Sie unsere Rechnungsnummer RE-2024-101 vom 02.02.2024")
    found = invoice([*HEAD, (40, 230, "Rechnung"), sentence])
    assert found.invoice_number == "RE-2024-101"
    assert str(found.issue_date) == "2024-02-02"


@pytest.mark.parametrize(
    "sentence",
    [
        "Der Betrag wird mit offenen Posten verrechnet.",
        "The amount will be set off against open invoices.",
        "Ce montant sera déduit de votre prochain règlement.",
        "Kwota zostanie rozliczona z otwartymi fakturami.",
        "Zahlbar sofort ohne Abzug.",
        "Payment due on receipt.",
    ],
)
def test_terms_without_days_are_terms(sentence: str) -> None:
    assert invoice([*HEAD, (40, 600, sentence)]).payment_terms == sentence


def test_a_sentence_on_something_else_is_no_term() -> None:
    assert invoice([*HEAD, (40, 600, "Bitte direkt beim Fahrer quittieren.")]).payment_terms is None
