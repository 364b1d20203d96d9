"""A printed number that means two things would be paid as the wrong one, so both are always known."""

from __future__ import annotations

from decimal import Decimal

import pytest
from babel import Locale
from babel.numbers import format_decimal
from hypothesis import given, settings
from hypothesis import strategies as st

from cira_pipeline.languages import LANGUAGES
from cira_pipeline.printed.numbers import (
    Convention,
    choose,
    convention_of,
    decimals_of,
    is_printed_whole,
    numbers_in,
    readings,
    values_in,
)

# Locales are loaded on first use.
UNHURRIED = settings(deadline=None)
AMOUNTS = st.decimals(min_value=0, max_value=10**12, places=2)
LOCALES = [*LANGUAGES, "de_CH", "de_AT", "en_IN", "hi_IN", "en_ZA", "es_MX", "pt_PT", "ja", "ko", "hu"]


def _values(text: str) -> set[Decimal]:
    return {each.value for each in readings(text)}


@UNHURRIED
@given(amount=AMOUNTS, locale=st.sampled_from(LOCALES))
def test_what_a_locale_prints_is_read_back(amount: Decimal, locale: str) -> None:
    text = format_decimal(amount, format=None if locale.endswith("_IN") else "#,##0.00", locale=locale)
    assert amount in _values(text)
    chosen = choose(text, Convention(_decimal_sign(locale), certain=True))
    assert chosen is not None
    assert (chosen[0].value, chosen[1]) == (amount, True)


@UNHURRIED
@given(amount=st.integers(min_value=0, max_value=10**12), locale=st.sampled_from(LOCALES))
def test_what_a_locale_prints_without_decimals_is_read_back(amount: int, locale: str) -> None:
    text = format_decimal(amount, locale=locale)
    chosen = choose(text, Convention(_decimal_sign(locale), certain=True))
    assert chosen is not None
    assert (chosen[0].value, chosen[0].decimals) == (amount, 0)


@UNHURRIED
@given(amount=st.decimals(min_value=0, max_value=10**9, places=3), locale=st.sampled_from(LOCALES))
def test_three_decimals_are_never_lost_where_the_convention_is_known(amount: Decimal, locale: str) -> None:
    text = format_decimal(amount, format="#,##0.000", locale=locale)
    chosen = choose(text, Convention(_decimal_sign(locale), certain=True))
    assert chosen is not None
    assert chosen[0].value == amount


@UNHURRIED
@given(
    amount=AMOUNTS, decimal=st.sampled_from(".,"), group=st.sampled_from([".", ",", " ", "\u00a0", "\u202f", "'", "’"])
)
def test_any_two_signs_print_an_amount_that_has_one_reading(amount: Decimal, decimal: str, group: str) -> None:
    if group == decimal:
        return
    whole, _, cents = f"{amount:,f}".partition(".")
    assert _values(whole.replace(",", group) + decimal + cents) == {amount}


@UNHURRIED
@given(st.text(alphabet="0123456789.,' -٣²", max_size=30))
def test_no_text_breaks_the_grammar(text: str) -> None:
    for each in readings(text):
        assert each.value.is_finite()
        assert each.decimals == max(0, -int(each.value.as_tuple().exponent))
    assert {number.text for number in numbers_in(text)} <= {
        text[start:end] for start in range(len(text)) for end in range(len(text) + 1)
    }
    list(values_in(text))


@pytest.mark.parametrize("text", ["1.234", "1,234", "12.345", "999,000"])
def test_a_thousand_and_a_fraction_are_both_told(text: str) -> None:
    whole = Decimal(text.replace(".", "").replace(",", ""))
    assert _values(text) == {whole, whole / 1000}
    sign = "." if "." in text else ","
    other = "," if sign == "." else "."
    for certain in (True, False):
        for decimal, value in ((sign, whole / 1000), (other, whole)):
            chosen = choose(text, Convention(decimal, certain=certain))
            assert chosen is not None
            assert (chosen[0].value, chosen[1]) == (value, certain)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"),
        ("1 234.567", "1234.567"),
        ("12,34,567.00", "1234567.00"),
        ("1,20,000", "120000"),
        ("1234.560", "1234.560"),
        ("0,075", "0.075"),
        (".50", "0.50"),
        ("007", "7"),
    ],
)
def test_a_number_that_can_be_one_thing_only_has_one_reading(text: str, value: str) -> None:
    assert [str(each.value) for each in readings(text)] == [value]


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1.23,4,5", "1,23.456,7", "1 2", "1.234.5", "0.123.456", "1e9", "-1", "9" * 65]
)
def test_what_is_no_number_has_no_reading(text: str) -> None:
    assert readings(text) == ()


def test_a_comma_that_ocr_took_for_a_point_is_read_but_never_certain() -> None:
    chosen = choose("1.234.56", Convention(",", certain=True))
    assert chosen is not None
    assert (chosen[0].value, chosen[0].is_regular, chosen[1]) == (Decimal("1234.56"), False, False)


@pytest.mark.parametrize(
    ("numbers", "language", "convention"),
    [
        (["1.234,56", "1.234"], "en", Convention(",", certain=True)),
        (["12.50", "1,234"], "de", Convention(".", certain=True)),
        (["12.50", "12,50"], "de", Convention(".", certain=False)),
        (["1.234", "1.5", "7"], "de", Convention(",", certain=False)),
        (["1.234.56"], "en", Convention(".", certain=False)),
        ([], None, Convention(".", certain=False)),
    ],
)
def test_a_document_shows_its_decimal_sign_by_numbers_that_allow_no_other(
    numbers: list[str], language: str | None, convention: Convention
) -> None:
    assert convention_of([(text, ()) for text in numbers], language) == convention


@pytest.mark.parametrize(
    ("numbers", "convention"),
    [
        ([("110.000", ("HUF",)), ("60.000", ("HUF",))], Convention(",", certain=True)),
        ([("110,000", ("VND",))], Convention(".", certain=True)),
        ([("1.234", ("EUR",))], Convention(",", certain=False)),
        ([("1.234", ("USD", "CLP"))], Convention(",", certain=False)),
        ([("1.234", ("KWD",))], Convention(".", certain=False)),
        ([("1.759", ("EUR",)), ("45.20", ("EUR",))], Convention(".", certain=True)),
        ([("110.000", ("HUF",)), ("60,000", ("HUF",))], Convention(",", certain=False)),
    ],
)
def test_amounts_of_a_currency_without_thousandths_show_what_parts_their_thousands(
    numbers: list[tuple[str, tuple[str, ...]]], convention: Convention
) -> None:
    assert convention_of(numbers, "en") == convention


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Rs.500.00 of 12", ["500.00", "12"]),
        ("31.01.2026", []),
        ("Total 1 234,50 EUR", ["1 234,50"]),
        ("CHF 1’190.--", ["1’190"]),
        ("RM16.82", ["16.82"]),
        ("12 3456,00", ["12", "3456,00"]),
        ("1.234.56789", []),
        ("(1,000.50)", ["1,000.50"]),
    ],
)
def test_numbers_are_found_whole_and_never_cut_out_of_longer_ones(text: str, numbers: list[str]) -> None:
    assert [each.text for each in numbers_in(text)] == numbers


def test_two_columns_that_look_like_thousands_give_all_their_values() -> None:
    assert set(values_in("2 190,00")) == {Decimal(2), Decimal("190.00"), Decimal("2190.00")}


def test_currencies_have_the_decimals_that_they_are_counted_in() -> None:
    assert [decimals_of(code) for code in ("EUR", "JPY", "KRW", "KWD", "HUF", None)] == [2, 0, 0, 3, 2, 2]
    assert [is_printed_whole(code) for code in ("EUR", "JPY", "HUF", None)] == [False, True, True, False]


def _decimal_sign(locale: str) -> str:
    symbols = Locale.parse(locale).number_symbols
    return str(symbols.get("latn", symbols)["decimal"])
