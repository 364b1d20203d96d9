"""A date whose day and month change places is paid a month late, so both readings are always known."""

from __future__ import annotations

from datetime import date

import pytest
from babel.dates import format_date
from hypothesis import given, settings
from hypothesis import strategies as st

from cira_pipeline.languages import LANGUAGES
from cira_pipeline.printed.dates import (
    DateReading,
    DateText,
    DayOrder,
    broken_date,
    choose,
    dates_in,
    day_order_of,
)

# Locales are loaded on first use.
UNHURRIED = settings(deadline=None)
DAYS = st.dates(min_value=date(1970, 1, 1), max_value=date(2069, 12, 31))


def _values(text: str) -> set[date]:
    return {each.value for printed in dates_in(text) for each in printed.readings}


@UNHURRIED
@given(
    day=DAYS,
    language=st.sampled_from(LANGUAGES),
    pattern=st.sampled_from(["full", "long", "medium", "d MMMM y", "dd MMM y"]),
)
def test_a_month_by_its_name_is_read_back_in_every_language(day: date, language: str, pattern: str) -> None:
    order = DayOrder(month_first=False, certain=False)
    chosen = [choose(printed, order, {language: 1}) for printed in dates_in(format_date(day, pattern, locale=language))]
    assert chosen == [(day, True)]


@UNHURRIED
@given(
    day=DAYS,
    language=st.sampled_from([language for language in LANGUAGES if language != "vi"]),
    pattern=st.sampled_from(["y. MMMM d.", "y MMMM d", "y-MMM-dd", "MMMM d, y", "MMM d. y", "dd-MMM-yy", "d/MMM/y"]),
)
def test_day_month_and_year_are_read_in_any_order_in_every_language(day: date, language: str, pattern: str) -> None:
    assert day in _values(format_date(day, pattern, locale=language))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("3 May 15, 2024", ["2024-05-15"]),
        ("5 May - 17 June 2026", ["2026-06-17"]),
        ("Pos 12 vom 15. März 2024", ["2024-03-15"]),
        ("order 2024, Mar 12, 2025", ["2025-03-12"]),
        ("1er mars 2024, 2 mars 24", ["2024-03-01", "2024-03-02"]),
        ("10 set 25,00", []),
        ("Mai 12/2024", []),
        ("INV-2024 March 5", []),
        ("Ngày 5 tháng 3 năm 2024", ["2024-03-05"]),
        ("ngày (date) 05 tháng (month) 03 năm (year) 2024", ["2024-03-05"]),
        ("5 tháng ba 2024", ["2024-03-05"]),
        ("2024 m. kovo 5 d.", ["2024-03-05"]),
        ("2024. gada 5. martā, 12 gab.", ["2024-03-05"]),
        ("2024. március 5-én", ["2024-03-05"]),
        ("5. 3. 2024. godine", ["2024-03-05"]),
        ("Zagreb, 5. ožujka 2024. god.", ["2024-03-05"]),
        ("5 MAYIS 2024", ["2024-05-05"]),
    ],
)
def test_the_words_and_numbers_beside_a_date_are_no_part_of_it(text: str, days: list[str]) -> None:
    assert sorted(str(day) for day in _values(text)) == days


def test_a_month_that_two_languages_mean_differently_is_decided_by_the_documents_language() -> None:
    october, november = date(2024, 10, 5), date(2024, 11, 5)
    printed = DateText(
        0,
        15,
        "",
        (
            DateReading(october, "day", frozenset({"hr"})),
            DateReading(november, "day", frozenset({"cs", "pl"})),
        ),
    )
    order = DayOrder(month_first=False, certain=True)
    assert choose(printed, order, {"hr": 40, "cs": 12}) == (october, True)
    assert choose(printed, order, {"pl": 40, "hr": 12}) == (november, True)
    for undecided in ({}, {"hr": 40, "cs": 30}, {"de": 90}, {"de": 90, "hr": 40}):
        chosen = choose(printed, order, undecided)
        assert chosen is None or not chosen[1]


@UNHURRIED
@given(day=DAYS, sign=st.sampled_from("-/."), year=st.sampled_from(["%Y", "%y"]))
def test_a_numeric_date_is_read_back_in_the_order_of_its_document(day: date, sign: str, year: str) -> None:
    for month_first in (False, True) if sign != "." else (False,):
        parts = ["%m", "%d"] if month_first else ["%d", "%m"]
        [printed] = dates_in(day.strftime(sign.join([*parts, year])))
        chosen = choose(printed, DayOrder(month_first, certain=True))
        assert chosen == (day, True)


@UNHURRIED
@given(day=DAYS, text=st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y년 %m월 %d일"]))
def test_a_date_with_the_year_first_means_one_day(day: date, text: str) -> None:
    assert _values(f"on {day.strftime(text)}, or so") == {day}


def test_a_date_that_may_be_two_days_is_both_and_never_certain_without_an_order() -> None:
    [printed] = dates_in("03/04/2025")
    assert {each.value for each in printed.readings} == {date(2025, 4, 3), date(2025, 3, 4)}
    assert choose(printed, DayOrder(month_first=False, certain=False)) == (date(2025, 4, 3), False)
    assert choose(printed, DayOrder(month_first=True, certain=False)) == (date(2025, 3, 4), False)


@pytest.mark.parametrize("text", ["03/03/2025", "25/03/2025", "03/25/2025", "03.04.2025"])
def test_a_date_that_may_be_one_day_only_is_certain_in_any_document(text: str) -> None:
    [printed] = dates_in(text)
    [only] = printed.readings
    assert choose(printed, DayOrder(month_first=True, certain=False)) == (only.value, True)


@pytest.mark.parametrize("text", ["2025-02-30", "31/02/2025", "03.14.2025"])
def test_a_day_that_the_calendar_lacks_is_written_like_a_date_and_means_none(text: str) -> None:
    [printed] = dates_in(text)
    assert printed.readings == ()
    assert choose(printed, DayOrder(month_first=False, certain=True)) is None


@pytest.mark.parametrize("text", ["31 pieces, order 2026, room 1", "1.2.3.4", "12/3456/2025", "tel. 030/12/1234567"])
def test_numbers_beside_each_other_are_no_date(text: str) -> None:
    assert _values(text) == set()


@pytest.mark.parametrize(
    ("texts", "american", "order"),
    [
        (["03/04/2025", "25/04/2025"], True, DayOrder(month_first=False, certain=True)),
        (["03/04/2025", "04/25/2025"], False, DayOrder(month_first=True, certain=True)),
        (["03/04/2025"], True, DayOrder(month_first=True, certain=False)),
        (["03/04/2025", "25.04.2025", "2025-04-25"], False, DayOrder(month_first=False, certain=True)),
    ],
)
def test_a_document_shows_its_order_by_dates_that_allow_no_other(
    texts: list[str], american: bool, order: DayOrder
) -> None:
    assert day_order_of(texts, american=american) == order


def test_a_date_whose_year_stands_in_the_next_line_is_read() -> None:
    printed = broken_date("Data faktury: 18 stycznia", "2024, Termin")
    assert printed is not None
    assert [each.value for each in printed.readings] == [date(2024, 1, 18)]


@UNHURRIED
@given(st.text(alphabet="0123456789./- abcdIVX年月日", max_size=40))
def test_no_text_breaks_the_grammar(text: str) -> None:
    for printed in dates_in(text):
        assert 0 <= printed.start < printed.end <= len(text)
