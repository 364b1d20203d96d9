"""No budget may be exceeded, whoever spends at the same time, and no job may wait longer than it must."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from cira_pipeline.costs.attribution import CostAttribution, attributed_to
from cira_pipeline.costs.budgets import Budget, Budgets
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.db.database import Database
from cira_pipeline.errors import BudgetReached
from cira_pipeline.settings import Settings
from tests.costs.paying import MODEL, PAID_USD, WORST_USD, answer, answers_of, pay, question_hash, worst_case

DAY = Budget("", "day", Decimal("0.01"))


def spent_and_reserved(database: Database) -> Decimal:
    """Both at one moment."""
    with database.begin() as connection:
        return connection.execute(
            text("""
                SELECT coalesce((SELECT spent_usd FROM cira.spending WHERE client = '' AND period = 'day'), 0)
                     + coalesce((SELECT sum(reserved_usd) FROM cira.model_answers WHERE answered_at IS NULL), 0)
            """)
        ).scalar_one()


def test_threads_that_pay_at_once_never_exceed_the_budget(database: Database, acme: CostAttribution) -> None:
    answers, seen = answers_of(database, DAY), []

    def watch_and_pay(number: int) -> str:
        return pay(answers, acme, number, lambda: seen.append(spent_and_reserved(database)))

    with ThreadPoolExecutor(8) as pool:
        said = Counter(pool.map(watch_and_pay, range(40)))

    assert max(seen) <= DAY.limit_usd
    assert said["paid"] * PAID_USD == spent_and_reserved(database)
    assert said["paid"] >= DAY.limit_usd // WORST_USD
    assert said["refused"] == 40 - said["paid"]
    # Those were refused while others had money reserved that they did not need in the end; it is there for the next.
    while pay(answers, acme, len(seen) + 100, lambda: seen.append(Decimal(0))) == "paid":
        pass
    assert DAY.limit_usd - WORST_USD < spent_and_reserved(database) <= DAY.limit_usd


def test_processes_that_pay_at_once_never_exceed_the_budget(
    database: Database, migrated_database_url: str, acme: CostAttribution
) -> None:
    command = (
        sys.executable,
        "-m",
        "tests.costs.paying",
        migrated_database_url,
        acme.job_id,
        acme.client,
        "0.01",
    )
    workers = [
        subprocess.Popen((*command, str(first), "12", "0.05"), stdout=subprocess.PIPE, text=True)
        for first in (0, 100, 200)
    ]
    seen = []
    while any(worker.poll() is None for worker in workers):
        seen.append(spent_and_reserved(database))
    said = Counter(word for worker in workers for word in worker.communicate()[0].split())
    assert max(seen) <= DAY.limit_usd
    assert said["paid"] * PAID_USD == spent_and_reserved(database) <= DAY.limit_usd
    assert said["paid"] + said["refused"] == 36
    assert said["refused"] > 0


def test_what_a_killed_worker_reserved_is_free_again_when_its_lease_has_ended(
    database: Database, migrated_database_url: str, acme: CostAttribution
) -> None:
    command = (
        sys.executable,
        "-m",
        "tests.costs.paying",
        migrated_database_url,
        acme.job_id,
        acme.client,
        "0.002",
    )
    with subprocess.Popen((*command, "0", "1", "600"), stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "asking\n"
        worker.kill()
    answers = answers_of(database, Budget("", "day", WORST_USD))
    assert pay(answers, acme, 1) == "refused"
    with database.begin() as connection:
        connection.execute(text("UPDATE cira.model_answers SET lease_until = now()"))
    assert pay(answers, acme, 1) == "paid"


def test_a_client_that_has_used_up_its_budget_stops_nobody_else(
    database: Database, acme: CostAttribution, shop: CostAttribution
) -> None:
    answers = answers_of(database, Budget("acme", "month", WORST_USD), Budget("", "month", Decimal(1)))
    assert [pay(answers, acme, number) for number in range(2)] == ["paid", "refused"]
    assert pay(answers, shop, 3) == "paid"
    assert pay(answers, acme, 0) == "kept", "an answer that is paid already costs nothing"


def test_a_new_day_has_a_new_budget_and_the_month_remembers(database: Database, acme: CostAttribution) -> None:
    daily, monthly = Budget("", "day", WORST_USD), Budget("", "month", WORST_USD + PAID_USD)
    answers = answers_of(database, daily, monthly)
    assert [pay(answers, acme, number) for number in range(2)] == ["paid", "refused"]
    with database.begin() as connection:
        connection.execute(text("UPDATE cira.spending SET starts_on = starts_on - 1 WHERE period = 'day'"))
    assert [pay(answers, acme, number) for number in (2, 3)] == ["paid", "refused"]
    with database.begin() as connection:
        connection.execute(text("UPDATE cira.spending SET starts_on = starts_on - 2 WHERE period = 'day'"))
    with attributed_to(acme), pytest.raises(BudgetReached, match="monthly budget of all clients"):
        answers.claim(question_hash(4), worst_case(4))


def test_who_waits_is_told_how_much_is_missing_and_until_when(database: Database, acme: CostAttribution) -> None:
    answers = answers_of(database, Budget("acme", "day", Decimal("0.001")))
    with attributed_to(acme), pytest.raises(BudgetReached) as refused:
        answers.claim(question_hash(1), worst_case(1))
    error = refused.value
    assert "the daily budget of client acme: 0.00 of 0.001 USD spent (0%)" in error.message
    assert "can cost up to 0.002 USD, which is more than the whole budget" in error.message
    assert error.detail["needs_usd"] == WORST_USD
    not_before = error.detail["not_before"]
    assert isinstance(not_before, datetime)
    assert timedelta(0) < not_before - datetime.now(UTC) <= timedelta(days=1)
    with database.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cira.model_answers")) == 0, "a refused question is claimed"


def test_the_warning_comes_once_when_the_threshold_is_crossed(
    database: Database, acme: CostAttribution, caplog: pytest.LogCaptureFixture
) -> None:
    answers = answers_of(database, Budget("", "day", Decimal("0.006")), alert_share=Decimal("0.5"))
    with caplog.at_level(logging.WARNING):
        assert [pay(answers, acme, number) for number in range(4)] == ["paid"] * 4
        assert caplog.messages == []
        assert [pay(answers, acme, number) for number in range(4, 7)] == ["paid"] * 3
    assert caplog.messages == [
        "budget alert: the daily budget of all clients: 0.003 of 0.006 USD spent (50%); 0.003 USD are left"
    ]


def test_an_answer_that_two_paid_for_is_booked_twice_because_it_was_billed_twice(
    database: Database, acme: CostAttribution
) -> None:
    slow, other = answers_of(database, DAY, owner="slow"), answers_of(database, DAY, owner="other")

    def takes_over() -> None:
        with database.begin() as connection:
            connection.execute(text("UPDATE cira.model_answers SET lease_until = now()"))
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(pay, other, acme, 0).result() == "paid"

    assert pay(slow, acme, 0, takes_over) == "paid"
    assert Ledger(database).total(acme.job_id) == 2 * PAID_USD


def test_an_answer_kept_again_after_a_broken_connection_is_booked_once(
    database: Database, acme: CostAttribution
) -> None:
    answers = answers_of(database, DAY)
    assert pay(answers, acme, 0) == "paid"
    with attributed_to(acme):
        answers.commit(answer(0), MODEL)
    assert Ledger(database).total(acme.job_id) == PAID_USD


def test_no_answer_is_kept_without_its_cost_nor_booked_without_being_kept(
    database: Database, acme: CostAttribution
) -> None:
    answers = answers_of(database, DAY)
    with attributed_to(acme):
        answers.claim(question_hash(0), worst_case(0))
    with pytest.raises(RuntimeError, match="without a job"):
        answers.commit(answer(0), MODEL)
    with database.begin() as connection:
        assert connection.scalar(text("SELECT answered_at FROM cira.model_answers")) is None
        assert connection.scalar(text("SELECT count(*) FROM cira.cost_entries")) == 0


def test_the_sums_budgets_are_held_to_are_those_of_the_ledger(
    database: Database, acme: CostAttribution, shop: CostAttribution
) -> None:
    answers = answers_of(database)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: pay(answers, acme if number % 3 else shop, number), range(30)))
    with database.begin() as connection:
        rows = connection.execute(text("SELECT client, period, spent_usd FROM cira.spending")).all()
    assert {(row.client, row.period): row.spent_usd for row in rows} == {
        (client, period): usd
        for client, usd in (("", 30 * PAID_USD), ("acme", 20 * PAID_USD), ("shop", 10 * PAID_USD))
        for period in ("day", "month")
    }


def test_budgets_of_clients_are_given_as_one_setting() -> None:
    settings = Settings(_env_file=None, daily_budget_usd="5", client_budgets="acme=10/day,200/month, shop=50/month")
    budgets = Budgets.from_settings(settings)
    assert {(budget.client, budget.period, budget.limit_usd) for budget in budgets.budgets} == {
        ("", "day", 5),
        ("acme", "day", 10),
        ("acme", "month", 200),
        ("shop", "month", 50),
    }
    assert {budget.client for budget in budgets.of_client("shop")} == {"", "shop"}
    assert Settings(_env_file=None, client_budgets=settings.as_environment()["CIRA_CLIENT_BUDGETS"]).client_budgets == (
        settings.client_budgets
    )


@pytest.mark.parametrize("given", ["10/day", "acme", "acme=10", "acme=10/week", "acme=x/day", "acme=1/day,2/day"])
def test_a_budget_that_could_be_misread_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="client_budgets"):
        Settings(_env_file=None, client_budgets=given)
