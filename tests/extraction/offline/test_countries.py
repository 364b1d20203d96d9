"""What `$` means and which number is the month depends on the country: a wrong guess pays another sum or too late."""

from __future__ import annotations

from datetime import date

import pytest

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.models import Extraction
from tests.extraction.offline.invented import Placed, block, extracted, keyed, reading, right

FROM_US = ("12 Main Street", "Cheyenne, WY, 82001")


def page(
    *address: str, issued: str = "04/05/2026", due: str = "", sign: str = "$", more: tuple[Placed, ...] = ()
) -> list[Placed]:
    keys = [("Invoice number", "BH-1204"), ("Invoice date", issued), *([("Due date", due)] if due else [])]
    return [
        *block(40, 40, "Blue Heron Works", *address),
        *keyed(350, 460, 100, *keys),
        *block(40, 150, "Bill to:", "Acme Tooling"),
        (40, 210, "INVOICE"),
        *((left, 250.0, text) for left, text in ((40.0, "Description"), (300.0, "Qty"), (380.0, "Unit price"))),
        right(550, 250, "Amount"),
        *((left, 265.0, text) for left, text in ((40.0, "Gloves"), (305.0, "1"), (390.0, f"{sign}99.00"))),
        right(550, 265, f"{sign}99.00"),
        (350, 300, "Total"),
        right(550, 300, f"{sign}99.00"),
        *more,
    ]


def of(*placed: Placed) -> Extraction:
    return extracted(reading(placed))


def rules(extraction: Extraction) -> set[str]:
    return {finding.rule for finding in extraction.findings}


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("Cheyenne, WY, 82001", "US"),
        ("Cheyenne, WY 82001-1234", "US"),
        ("Toronto ON M5V 2B1", "CA"),
        ("Bristol BS1 6XN", "GB"),
        ("8 Queen's Road Central, Hong Kong", "HK"),
        ("10 Anson Road, Singapore 079903", "SG"),
        ("Auckland 1010, New Zealand", "NZ"),
        ("orders@heron.com.au", "AU"),
        ("www.heron.co.uk", "GB"),
        ("Karoo Stone (Pty) Ltd", "ZA"),
        ("Merlion Print Pte. Ltd.", "SG"),
        ("VAT No. DE136695976", "DE"),
        ("IBAN DE89 3704 0044 0532 0130 00", "DE"),
    ],
)
def test_an_address_or_id_names_its_country(address: str, country: str) -> None:
    assert Facts(reading([(40.0, 40.0, "INVOICE"), (40.0, 60.0, address)])).countries == {country}


@pytest.mark.parametrize("text", ["Please pay by 5 May", "hello@heron.io", "Model WY 82001-B", "Invoice BS1 6X"])
def test_what_only_looks_like_one_names_none(text: str) -> None:
    assert not Facts(reading([(40.0, 40.0, text)])).countries


@pytest.mark.parametrize(
    ("address", "issued"),
    [
        (FROM_US, date(2026, 4, 5)),
        (("2 Dock Street", "Bristol BS1 6XN"), date(2026, 5, 4)),
        (("5 Quay St, Auckland 1010, New Zealand",), date(2026, 5, 4)),
    ],
)
def test_the_country_decides_the_order_of_day_and_month(address: tuple[str, ...], issued: date) -> None:
    found = of(*page(*address))
    assert found.invoice.issue_date == issued
    assert "offline.date_order_unknown" not in rules(found)


@pytest.mark.parametrize(
    "address",
    [
        (),
        ("200 Front Street, Toronto ON M5V 2B1",),
        (*FROM_US, "London SW1A 1AA"),
        ("12 Main Street", "Phone (307) 555-0100"),
    ],
)
def test_an_order_that_nothing_decides_goes_to_a_person(address: tuple[str, ...]) -> None:
    assert "offline.date_order_unknown" in rules(of(*page(*address)))


def test_a_phone_number_of_north_america_makes_the_month_the_likelier_first() -> None:
    assert of(*page("Phone (307) 555-0100")).invoice.issue_date == date(2026, 4, 5)


@pytest.mark.parametrize(
    ("issued", "due", "expected"),
    [("04/05/2026", "05/05/2026", date(2026, 4, 5)), ("10/09/2026", "10/10/2026", date(2026, 9, 10))],
)
def test_the_usual_term_decides_the_order(issued: str, due: str, expected: date) -> None:
    """From 5 April to 5 May is a month, from 4 May a day; from 10 September to 10 October a month."""
    found = of(*page(issued=issued, due=due))
    assert found.invoice.issue_date == expected
    assert "offline.date_order_unknown" not in rules(found)


@pytest.mark.parametrize(
    ("address", "sign", "currency"),
    [
        (FROM_US, "$", "USD"),
        (("8 Queen's Road Central, Hong Kong",), "$", "HKD"),
        (("5 Quay St, Auckland 1010, New Zealand",), "$", "NZD"),
        (("10 Anson Road, Singapore 079903",), "$", "SGD"),
        (("Karoo Stone (Pty) Ltd", "Cape Town 8001"), "R ", "ZAR"),
        (("14 Mall Road, Lahore, Pakistan",), "Rs ", "PKR"),
        (("Laugavegur 3, 101 Reykjavik, Iceland",), "kr ", "ISK"),
        (("4 Marina, Lagos, Nigeria",), "NGN ", "NGN"),
        (("Rue 12, Dakar, Senegal",), "XOF ", "XOF"),
    ],
)
def test_a_sign_means_the_currency_of_the_country(address: tuple[str, ...], sign: str, currency: str) -> None:
    found = of(*page(*address, issued="4 May 2026", sign=sign))
    assert found.invoice.currency == currency
    assert "offline.currency_undecided" not in rules(found)


@pytest.mark.parametrize("address", [(), (*FROM_US, "Wellington 6011, New Zealand")])
def test_a_sign_that_no_country_decides_goes_to_a_person(address: tuple[str, ...]) -> None:
    assert "offline.currency_undecided" in rules(of(*page(*address, issued="4 May 2026")))


def test_a_printed_code_decides_what_the_sign_means() -> None:
    found = of(*page(issued="4 May 2026", more=((40.0, 400.0, "All amounts in AUD"),)))
    assert found.invoice.currency == "AUD"
    assert "offline.currency_undecided" not in rules(found)


def test_the_letter_r_in_a_code_is_no_currency() -> None:
    found = of(*page(*FROM_US, issued="4 May 2026", more=((40.0, 400.0, "Gloves of size R 12 on request"),)))
    assert found.invoice.currency == "USD"
