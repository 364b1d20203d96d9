"""`cira costs`: a finance team must find every cent, by whatever it asks for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from cira_pipeline.cli import app
from cira_pipeline.cli.health_checks import State, checks
from cira_pipeline.costs.attribution import CostAttribution
from cira_pipeline.costs.report import month_costs
from cira_pipeline.db.database import Database
from cira_pipeline.settings import Settings
from tests.costs.paying import PAID_USD, answers_of, pay


@pytest.fixture
def spent(
    database: Database, acme: CostAttribution, shop: CostAttribution, migrated_database_url: str, monkeypatch
) -> Database:
    """Three answers for acme, one for shop, all today; one of acme's was paid 40 days ago."""
    answers = answers_of(database)
    for number, payer in enumerate((acme, acme, acme, shop)):
        assert pay(answers, payer, number) == "paid"
    with database.begin() as connection:
        connection.execute(
            text("UPDATE cira.cost_entries SET created_at = now() - interval '40 days' WHERE dedupe_key LIKE :first"),
            {"first": f"{0:064x}%"},
        )
    monkeypatch.setenv("CIRA_POSTGRES_URL", migrated_database_url)
    return database


def costs(*options: str) -> str:
    result = CliRunner().invoke(app, ["costs", *options])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("client", {"acme": (1, 3 * PAID_USD), "shop": (1, PAID_USD)}),
        ("engine", {"azure_openai": (2, 4 * PAID_USD)}),
        ("model", {"azure gpt-4.1-mini-2025-04-14": (2, 4 * PAID_USD)}),
        ("supplier", {None: (2, 4 * PAID_USD)}),
    ],
)
def test_every_cent_is_found_by_whatever_one_sums(spent: Database, by: str, expected: dict) -> None:
    shown = json.loads(costs("--by", by, "--since", "2026-01-01", "--json"))
    assert {row[by]: (row["jobs"], Decimal(row["amount_usd"])) for row in shown["rows"]} == expected
    assert Decimal(shown["total_usd"]) == 4 * PAID_USD


def test_days_are_apart_and_earlier_ones_are_left_out_unless_asked_for(spent: Database) -> None:
    today = datetime.now(UTC).date()
    long_ago = today - timedelta(days=40)
    by_day = json.loads(costs("--since", long_ago.isoformat(), "--json"))["rows"]
    assert [(row["day"], Decimal(row["amount_usd"])) for row in by_day] == [
        (long_ago.isoformat(), PAID_USD),
        (today.isoformat(), 3 * PAID_USD),
    ]
    assert Decimal(json.loads(costs("--json"))["total_usd"]) == 3 * PAID_USD
    assert Decimal(json.loads(costs("--json", "--client", "shop"))["total_usd"]) == PAID_USD


def test_the_analysts_view_sums_to_the_same_cent(spent: Database) -> None:
    with spent.begin() as connection:
        rows = connection.execute(
            text("SELECT day, client, unit, quantity, amount_usd, jobs FROM cira.daily_costs WHERE client = 'acme'")
        ).all()
    assert sum(row.amount_usd for row in rows) == 3 * PAID_USD
    assert {(row.unit, row.quantity, row.jobs) for row in rows if row.day == datetime.now(UTC).date()} == {
        ("input_token", 1_000, 1),
        ("output_token", 500, 1),
    }


def test_the_month_is_projected_at_the_pace_of_the_last_days(spent: Database) -> None:
    # Twenty days before the month's end, 3 payments in a day: 3 a day for 20 days more.
    now = datetime.now(UTC)
    with spent.begin() as connection:
        connection.execute(text("UPDATE cira.cost_entries SET created_at = '2026-03-11T12:00Z'"))
    noon = datetime(2026, 3, 12, 0, tzinfo=UTC)
    month = month_costs(spent, noon)
    assert month.spent_usd == 4 * PAID_USD
    assert month.projected_usd == 4 * PAID_USD * 21
    assert month_costs(spent, datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)).projected_usd == 4 * PAID_USD
    assert month_costs(spent, now).spent_usd == 0


def test_budgets_near_their_end_are_said_by_costs_and_doctor(
    spent: Database, acme: CostAttribution, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRA_DAILY_BUDGET_USD", "0.0025")
    monkeypatch.setenv("CIRA_CLIENT_BUDGETS", "shop=1/month")
    shown = costs()
    assert "The daily budget of all clients: 0.0024 of 0.0025 USD spent (96%), 0.0001 USD left." in shown
    assert "monthly budget of client shop: 0.0006 of 1.00 USD spent (0%)" in shown
    settings = Settings(postgres_url=migrated_database_url, azure_openai_endpoint=None)
    [budgets] = [check for check in checks(settings, up_is_running=False) if check.name == "Budgets"]
    assert budgets.state is State.WARNING
    assert "96%" in budgets.message


def test_nothing_spent_is_said_and_no_error(migrated_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIRA_POSTGRES_URL", migrated_database_url)
    assert "Nothing was spent" in costs()
