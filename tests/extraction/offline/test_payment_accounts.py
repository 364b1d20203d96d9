"""Accounts to pay to that are no IBANs: with the routing code of the bank, by the habits of each country."""

from __future__ import annotations

import pytest

from cira_pipeline.invoice import Invoice
from tests.extraction.offline.invented import Placed, block, extracted, invoice, keyed, reading, right

# Habit -> lines of the bank's block; then scheme, routing code and account.
HABITS: dict[str, tuple[tuple[str, ...], tuple[str | None, str | None, str]]] = {
    "ABA": (("Routing No.: 111000025", "Account No.: 000123456789"), ("ABA", "111000025", "000123456789")),
    "ABA, one line": (("ABA: 111000025 / Account: 4401 2233 90",), ("ABA", "111000025", "4401223390")),
    "sort code": (("Sort Code: 20-00-00", "Account Number: 55779911"), ("SORT_CODE", "200000", "55779911")),
    "sort code, one line": (("Sort code 20-00-00 Account no 55779911",), ("SORT_CODE", "200000", "55779911")),
    "BSB": (("BSB: 062-000", "Account: 1234 5678"), ("BSB", "062000", "12345678")),
    "IFSC": (("A/c No: 50200012345678", "IFSC Code: HDFC0001234"), ("IFSC", "HDFC0001234", "50200012345678")),
    "CLABE": (("CLABE: 032180000118359719",), ("CLABE", None, "032180000118359719")),
    "Bankgiro": (("Bankgiro: 5050-1055",), ("BANKGIRO", None, "50501055")),
    "Plusgiro": (("Plusgiro 90 19 50-6",), ("PLUSGIRO", None, "9019506")),
    "Norway": (("Kontonummer: 8601 11 17947",), ("KONTONUMMER", None, "86011117947")),
    "Denmark": (("Reg.nr.: 3409", "Kontonr.: 0012345678"), ("REG_KONTO", "3409", "0012345678")),
    "Switzerland": (("Postkonto: 80-2-2",), ("POSTAL", None, "80-2-2")),
    "Canada": (
        ("Transit: 12345", "Institution: 003", "Account number: 1234567"),
        ("TRANSIT", "12345003", "1234567"),
    ),
    "New Zealand": (("Account number: 01-0242-0100194-00",), ("NZ_ACCOUNT", None, "01024201001940" + "0")),
    "South Africa": (("Branch Code: 632005", "Account Number: 4055123456"), ("BRANCH_CODE", "632005", "4055123456")),
    "Argentina": (("CBU: 2850590940090418135201",), ("CBU", None, "2850590940090418135201")),
    "Hong Kong": (("Account no: 012-345678-001", "SWIFT: HSBCHKHHHKH"), (None, None, "012345678001")),
}
WRONG = {
    "ABA": ("Routing No.: 111000026", "Account No.: 000123456789"),
    "CLABE": ("CLABE: 032180000118359718",),
    "Bankgiro": ("Bankgiro: 5050-1056",),
}


def page(*lines: str, currency: str = "USD") -> list[Placed]:
    return [
        *block(40, 40, "Fernhill Trading Ltd", "12 Market Street", "London W1A 1AA"),
        *block(320, 40, "Bill to:", "Hotel Lakeside Inc", "8 Shore Road", "Springfield, IL 62704"),
        *keyed(40, 160, 200, ("Invoice No.:", "R-4711"), ("Customer account:", "9077123")),
        (40, 300, "Total amount due"),
        right(500, 300, f"119.00 {currency}"),
        *block(40, 600, "Payment by bank transfer", *lines),
    ]


def offered(found: Invoice) -> list[tuple[str | None, str | None, str | None]]:
    return [(each.scheme, each.routing, each.account) for each in found.payment_accounts]


@pytest.mark.parametrize("habit", HABITS)
def test_an_account_is_read_with_its_routing_code(habit: str) -> None:
    lines, (scheme, routing, account) = HABITS[habit]
    found = invoice(page(*lines))
    assert offered(found) == [(scheme, routing, account)]
    assert (found.payment_account_scheme, found.payment_routing, found.payment_account) == (scheme, routing, account)
    assert found.payment_iban is None


@pytest.mark.parametrize("habit", HABITS)
def test_the_same_numbers_without_labels_are_no_account(habit: str) -> None:
    digits = [
        line.split(":")[-1].strip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz /") for line in HABITS[habit][0]
    ]
    assert offered(invoice(page(*(f"Serial {text}" for text in digits)))) == []


@pytest.mark.parametrize("habit", WRONG)
def test_wrong_check_digits_lower_the_confidence(habit: str) -> None:
    def confidence(lines: tuple[str, ...]) -> float:
        found = extracted(reading(page(*lines)))
        assert len(found.invoice.payment_accounts) == 1
        return min(each.confidence for each in found.evidence if each.field.startswith("payment_accounts[0]."))

    assert confidence(WRONG[habit]) < 0.7 < confidence(HABITS[habit][0])


def test_the_customers_own_account_with_the_supplier_is_no_bank_account() -> None:
    found = invoice(page("Please pay within 14 days"))
    assert (offered(found), found.payment_account) == ([], None)


def test_bic_and_name_belong_to_the_account_beside_them() -> None:
    found = invoice(
        page("Account name: Fernhill Trading Ltd", "Sort Code: 20-00-00", "Account No: 55779911", "SWIFT: BARCGB22")
    )
    assert (found.payment_bic, found.payment_account_name) == ("BARCGB22", "Fernhill Trading Ltd")
    assert found.payment_accounts[0].bic == "BARCGB22"


def test_an_iban_stays_in_its_field_and_gets_its_bic() -> None:
    found = invoice(page("IBAN: DE02 1203 0000 0000 2020 51", "BIC: BYLADEM1001", currency="EUR"))
    assert (found.payment_iban, found.payment_bic) == ("DE02120300000000202051", "BYLADEM1001")
    assert (found.payment_account, offered(found)) == (None, [("IBAN", None, "DE02120300000000202051")])


def test_of_several_accounts_the_one_in_the_invoices_currency_is_paid_to() -> None:
    found = invoice(
        page(
            "USD account", "ABA: 111000025", "Account No: 4401223390", "", "EUR account", "IBAN: DE02120300000000202051"
        )
    )
    assert (found.payment_account, found.payment_routing) == ("4401223390", "111000025")
    assert len(found.payment_accounts) == 2


def test_two_accounts_that_nothing_decides_between_are_listed_and_named_in_a_finding() -> None:
    found = extracted(reading(page("Bankgiro: 5050-1055", "Plusgiro: 90 19 50-6", currency="SEK")))
    assert found.invoice.payment_account is None
    assert {scheme for scheme, _, _ in offered(found.invoice)} == {"BANKGIRO", "PLUSGIRO"}
    assert [each.fields for each in found.findings if each.rule == "offline.several_accounts"] == [("payment_account",)]


def test_the_account_that_a_direct_debit_is_taken_from_is_not_offered() -> None:
    line = "We will debit your bank account, sort code 20-00-00 account no 55779911, on 12 May 2026."
    assert offered(invoice(page(line))) == []
