from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cira_pipeline.costs.budgets import check_cost
from cira_pipeline.costs.prices import PriceList
from cira_pipeline.errors import ConfigurationError
from cira_pipeline.models import Page, Reading, Usage

HASH = "a" * 64


def _usage(**values: Any) -> Usage:
    given = {"provider": "azure", "model": "gpt-4.1-mini", "input_tokens": 2_000, "output_tokens": 500}
    return Usage.model_validate(given | {"request_hash": HASH} | values)


def _price_list(tmp_path, text: str, name: str = "prices.toml", now: datetime | None = None) -> PriceList:
    path = tmp_path / name
    path.write_text(text)
    return PriceList.load(path, now=lambda: now or datetime(2026, 11, 24, tzinfo=UTC))


def test_tokens_cost_what_azure_publishes_to_the_last_digit() -> None:
    entries = PriceList.load().price_usage(_usage())
    assert {entry.unit: entry.amount_usd for entry in entries} == {
        "input_token": Decimal("0.0008"),
        "output_token": Decimal("0.0008"),
    }
    assert all(entry.amount_usd == entry.quantity * entry.unit_price_usd for entry in entries)
    assert all(entry.price_list.startswith("genai-prices ") for entry in entries)


def test_cached_tokens_are_billed_apart_and_not_twice() -> None:
    entries = {entry.unit: entry for entry in PriceList.load().price_usage(_usage(cached_input_tokens=1_500))}
    assert entries["input_token"].quantity == 500
    assert entries["cached_input_token"].quantity == 1_500
    assert entries["cached_input_token"].unit_price_usd < entries["input_token"].unit_price_usd


def test_an_answer_that_was_there_already_costs_nothing_now_but_can_still_be_booked() -> None:
    prices, reused = PriceList.load(), _usage(reused=True)
    assert prices.price_usage(reused) == ()
    assert prices.price_answer(reused) == prices.price_usage(_usage())


def test_dated_editions_of_a_model_have_its_price() -> None:
    edition = PriceList.load().price_usage(_usage(model="gpt-4.1-mini-2025-04-14"))
    assert sum(entry.amount_usd for entry in edition) == Decimal("0.0016")


def test_a_batch_costs_half_and_says_by_which_list() -> None:
    at_once, by_batch = (
        PriceList.load().price_answer(_usage(cached_input_tokens=800, by_batch=each)) for each in (0, 1)
    )
    assert [entry.amount_usd * 2 for entry in by_batch] == [entry.amount_usd for entry in at_once]
    assert [entry.unit for entry in by_batch] == [
        "batch_input_token",
        "batch_cached_input_token",
        "batch_output_token",
    ]
    assert all("genai-prices" in entry.price_list and "-50 % by cira" in entry.price_list for entry in by_batch)
    # An answer is bought once, however it came.
    assert [entry.dedupe_key for entry in by_batch] == [entry.dedupe_key for entry in at_once]


def test_ones_own_contract_goes_before_the_published_discount(tmp_path) -> None:
    prices = _price_list(
        tmp_path,
        """
        version = "contract"
        [[prices]]
        provider = "azure"
        model = "gpt-4.1-mini"
        unit = "batch_output_token"
        usd = "0.30"
        per = 1000000
        [[batch_discounts]]
        provider = "azure"
        model = "gpt-4.1-mini"
        share = "0.6"
        """,
    )
    entries = {entry.unit: entry for entry in prices.price_answer(_usage(by_batch=True))}
    assert entries["batch_input_token"].unit_price_usd == Decimal("0.4") * Decimal("0.4") / 1_000_000
    assert entries["batch_output_token"].unit_price_usd == Decimal("0.3") / 1_000_000
    assert entries["batch_output_token"].price_list == "contract"


def test_a_discount_that_nobody_grants_is_not_taken(tmp_path) -> None:
    prices = PriceList((), now=lambda: datetime(2026, 11, 24, tzinfo=UTC))
    at_once, by_batch = (prices.price_answer(_usage(by_batch=each)) for each in (False, True))
    assert [entry.amount_usd for entry in by_batch] == [entry.amount_usd for entry in at_once]


def test_an_unknown_model_is_an_error_and_never_free() -> None:
    prices = PriceList.load()
    with pytest.raises(ConfigurationError, match=r"house-model.*CIRA_PRICE_LIST"):
        prices.price_usage(_usage(model="house-model"))
    with pytest.raises(ConfigurationError):
        prices.require("azure", "house-model")
    assert not prices.knows("azure", "house-model")
    assert prices.knows("azure", "gpt-4o")


CONTRACT = """
version = "contract 7"

[[prices]]
provider = "azure"
model = "gpt-4.1-mini"
unit = "input_token"
usd = 0.30
per = 1000000

[[prices]]
provider = "azure"
model = "gpt-4.1-mini"
unit = "input_token"
usd = "0.20"
per = 1000000
valid_from = 2027-01-01

[[prices]]
provider = "azure"
model = "house-model"
unit = "input_token"
usd = "0"

[[prices]]
provider = "azure"
model = "house-model"
unit = "output_token"
usd = "0"

[[prices]]
provider = "cira"
model = "rapidocr"
unit = "ocr_page"
usd = "0.001"
"""


def test_ones_own_contract_goes_before_published_prices_and_changes_on_its_day(tmp_path) -> None:
    for now, expected in (
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), "0.0006"),
        (datetime(2027, 1, 1, tzinfo=UTC), "0.0004"),
    ):
        entries = {entry.unit: entry for entry in _price_list(tmp_path, CONTRACT, now=now).price_usage(_usage())}
        assert entries["input_token"].amount_usd == Decimal(expected)
        assert entries["input_token"].price_list == "contract 7"
        assert entries["output_token"].price_list.startswith("genai-prices ")


def test_a_model_in_ones_own_house_can_be_listed_as_free(tmp_path) -> None:
    entries = _price_list(tmp_path, CONTRACT).price_usage(_usage(model="house-model", cached_input_tokens=10))
    assert [entry.amount_usd for entry in entries] == [0, 0, 0]


def test_pages_read_by_ocr_cost_what_the_price_list_says_and_are_counted_where_they_cost_nothing(tmp_path) -> None:
    pages = tuple(
        Page(number=number, width=1, height=1, source=source) for number, source in ((1, "ocr"), (2, "native"))
    )
    reading = Reading(reader="local", reader_version="1", pages=pages, lines=(), seconds=1)
    counted = PriceList.load().price_reading(reading, HASH) + PriceList.load().price_storage(1_000, HASH)
    assert {entry.unit: (entry.quantity, entry.amount_usd) for entry in counted} == {
        "ocr_page": (1, 0),
        "ocr_second": (1, 0),
        "stored_byte": (1_000, 0),
    }
    by_contract = {entry.unit: entry for entry in _price_list(tmp_path, CONTRACT).price_reading(reading, HASH)}
    assert by_contract["ocr_page"].amount_usd == Decimal("0.001")
    assert by_contract["ocr_page"].price_list == "contract 7"


def test_pages_docling_serve_read_are_counted_apart_from_ones_own(tmp_path) -> None:
    page = Page(number=1, width=1, height=1, source="native")
    reading = Reading(reader="docling_serve", reader_version="1", pages=(page, page), lines=(), seconds=9)
    [entry] = PriceList.load().price_reading(reading, HASH)
    assert (entry.provider, entry.unit, entry.quantity) == ("docling-serve", "page", 2)


def test_a_text_document_read_here_uses_no_ocr_and_books_none() -> None:
    page = Page(number=1, width=1, height=1, source="native")
    reading = Reading(reader="local", reader_version="1", pages=(page,), lines=(), seconds=9)
    assert PriceList.load().price_reading(reading, HASH) == ()


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("prices.toml", "version = ", "not valid TOML"),
        ("prices.json", '{"version": "1"}', "prices: Field required"),
        (
            "prices.json",
            '{"version": "1", "prices": [{"provider": "azure", "model": "m", "unit": "u", "usd": -1}]}',
            "usd",
        ),
        (
            "prices.json",
            '{"version": "1", "prices": [{"provider": "a", "model": "m", "unit": "u", "usd": "NaN"}]}',
            "usd",
        ),
    ],
)
def test_a_wrong_price_list_is_one_clear_error(tmp_path, name: str, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        _price_list(tmp_path, text, name)


def test_a_missing_price_list_is_one_clear_error(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        PriceList.load(tmp_path / "nowhere.toml")


def test_the_budget_is_broken_only_above_it() -> None:
    assert check_cost(Decimal("0.05"), Decimal("0.05")).passed
    assert not check_cost(Decimal("0.0500001"), Decimal("0.05")).passed
