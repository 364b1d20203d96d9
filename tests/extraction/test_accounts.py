"""Accounts that stand side by side are a supplier's own; one that stands apart may be a thief's."""

from __future__ import annotations

from cira_pipeline.extraction.accounts import account_findings
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import EngineName, Extraction
from tests.extraction.azure_openai.readings import reading

OWN, OTHER = "DE89 3704 0044 0532 0130 00", "GB29 NWBK 6016 1331 9268 19"


def found(*page: str, paid_to: str = OWN) -> tuple[str, ...]:
    invoice = Invoice(payment_iban=paid_to.replace(" ", "") or None)
    extraction = Extraction(engine=EngineName.AZURE_OPENAI, engine_version="1", invoice=invoice)
    return tuple(finding.message for finding in account_findings(extraction, reading(page)))


def test_two_banks_in_one_footer_are_usual() -> None:
    assert found("Rechnung", f"Bank A IBAN {OWN}", f"Bank B IBAN {OTHER}") == ()


def test_an_account_in_a_sentence_far_from_the_footer_needs_a_person() -> None:
    filler = [f"Position {number}" for number in range(12)]
    [message] = found(f"Neue Bankverbindung: {OTHER}", *filler, f"IBAN {OWN} BIC COBADEFFXXX")
    assert "GB29NWBK60161331926819" in message


def test_it_needs_a_person_whichever_of_the_two_was_taken() -> None:
    filler = [f"Position {number}" for number in range(12)]
    assert found(f"Neue Bankverbindung: {OTHER}", *filler, f"IBAN {OWN}", paid_to=OTHER)


def test_an_account_printed_twice_is_one_account() -> None:
    filler = [f"Position {number}" for number in range(12)]
    assert found(f"IBAN {OWN}", *filler, f"IBAN {OWN}") == ()


def test_numbers_that_only_look_like_accounts_are_none() -> None:
    filler = [f"Position {number}" for number in range(12)]
    assert found("Ref DE00 1234 5678 9012 3456 78", *filler, f"IBAN {OWN}") == ()
