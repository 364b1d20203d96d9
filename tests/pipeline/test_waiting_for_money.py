"""A job that there is no money for waits, and goes on by itself when there is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from cira_pipeline.clock import utc_now
from cira_pipeline.costs.budgets import Budgets
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.pipeline.resuming import resume_held_jobs
from cira_pipeline.pipeline.stream import JobDeferred, StageDone
from tests.pipeline.conftest import House

ENOUGH, TOO_LITTLE = "1", "0.001"


def resume(house: House, **given: Any) -> tuple[JobId, ...]:
    """What the sensor does every few seconds."""
    budgets = Budgets.from_settings(house.settings(**given))
    return resume_held_jobs(house.jobs, house.database, budgets, {}, utc_now())


def test_without_money_a_job_waits_with_all_it_has_and_says_for_what(house: House) -> None:
    [job_id] = house.submit("BT-1")
    events = house.process(house.processor(daily_budget_usd=TOO_LITTLE), job_id)
    assert [type(event) for event in events] == [StageDone, StageDone, JobDeferred]
    job = house.jobs.get(job_id)
    assert (job.status, job.stage, job.error_code) == (
        JobStatus.NEEDS_BUDGET,
        Stage.EXTRACTED_FIELDS,
        "budget_reached",
    )
    assert "the daily budget of all clients" in (job.error_message or "")
    assert job.attempts == 0, "waiting is no failed attempt"
    assert job.needs_usd is not None
    assert job.needs_usd > Decimal(TOO_LITTLE)
    assert house.azure.requests == []
    with house.database.begin() as connection:
        waiting = connection.execute(text("SELECT job_id, waits_for, needs_usd FROM cira.waiting_jobs")).one()
    assert waiting == (job_id, "needs_budget", job.needs_usd)


def test_a_raised_budget_lets_it_go_on_and_it_ends(house: House) -> None:
    [job_id] = house.submit("BT-1")
    house.process(house.processor(daily_budget_usd=TOO_LITTLE), job_id)
    assert resume(house, daily_budget_usd=TOO_LITTLE) == ()
    assert resume(house, daily_budget_usd=ENOUGH) == (job_id,)
    assert house.status(job_id) is JobStatus.QUEUED
    house.process(house.processor(daily_budget_usd=ENOUGH), job_id)
    job = house.jobs.get(job_id)
    assert (job.status, job.error_code, job.needs_usd) == (JobStatus.SUCCEEDED, None, None)
    assert len(house.azure.bill) == 1


def test_the_next_day_lets_it_go_on(house: House) -> None:
    processor = house.processor(daily_budget_usd="0.02")
    spending, waiting = house.submit("BT-1", "BT-2")
    house.process(processor, spending)
    with house.database.begin() as connection:
        connection.execute(text("UPDATE cira.spending SET spent_usd = 0.02 WHERE period = 'day'"))
    house.process(processor, waiting)
    assert house.status(waiting) is JobStatus.NEEDS_BUDGET
    assert resume(house, daily_budget_usd="0.02") == ()
    with house.database.begin() as connection:
        connection.execute(text("UPDATE cira.spending SET starts_on = starts_on - 1 WHERE period = 'day'"))
    assert resume(house, daily_budget_usd="0.02") == (waiting,)


def test_only_as_many_go_on_as_there_is_money_for_oldest_first(house: House) -> None:
    job_ids = house.submit(*(f"BT-{number}" for number in range(5)))
    house.process(house.processor(daily_budget_usd=TOO_LITTLE), *job_ids)
    needs_usd = [house.jobs.get(job_id).needs_usd or Decimal(0) for job_id in job_ids]
    for_two = needs_usd[0] + needs_usd[1] + needs_usd[2] / 2
    assert resume(house, daily_budget_usd=for_two) == tuple(job_ids[:2])
    assert resume(house, daily_budget_usd=for_two) == (), "the money was promised twice"
    house.jobs.cancel(job_ids[0])
    assert resume(house, daily_budget_usd=for_two) == (job_ids[2],)


def test_a_client_without_money_holds_up_no_other(house: House) -> None:
    [poor] = house.submit("BT-1", client="poor")
    [rich] = house.submit("BT-2", client="rich")
    house.process(house.processor(client_budgets=f"poor={TOO_LITTLE}/day"), poor, rich)
    assert (house.status(poor), house.status(rich)) == (JobStatus.NEEDS_BUDGET, JobStatus.SUCCEEDED)


def test_what_needs_no_model_needs_no_money(house: House) -> None:
    [job_id] = house.submit("BT-1")
    house.process(house.processor(policy="cheapest", daily_budget_usd="0", accept_confidence="0"), job_id)
    assert house.status(job_id) is JobStatus.SUCCEEDED


@pytest.mark.parametrize("wish", ["retry", "cancel"])
def test_a_person_need_not_wait(house: House, wish: str) -> None:
    [job_id] = house.submit("BT-1")
    house.process(house.processor(daily_budget_usd=TOO_LITTLE), job_id)
    getattr(house.jobs, wish)(job_id)
    assert house.status(job_id) is (JobStatus.QUEUED if wish == "retry" else JobStatus.CANCELLED)


def test_every_stage_is_in_the_books_once_and_on_its_job(house: House) -> None:
    first, again = house.submit("BT-1"), house.submit("BT-1", client="another")
    for job_id in (*first, *again, *first):
        house.process(house.processor(), job_id)
    with house.database.begin() as connection:
        rows = connection.execute(text("SELECT job_id, stage, unit, quantity FROM cira.cost_entries")).all()
    assert {row.job_id for row in rows} == {first[0]}, "the second job used what the first had paid for"
    assert {(row.stage, row.unit) for row in rows} >= {
        ("raw_document", "stored_byte"),
        ("extracted_fields", "input_token"),
        ("extracted_fields", "output_token"),
    }
    assert len(rows) == len({row.unit for row in rows})


def test_a_job_cancelled_after_it_paid_has_what_it_paid_in_the_books(house: House) -> None:
    """The cost is booked with the answer, not when the stage that asked for it has ended."""
    [job_id] = house.submit("BT-1")
    answering = house.azure.answering

    def cancelled_meanwhile(message: str) -> Any:
        house.jobs.cancel(job_id)
        return answering(message)

    house.azure.answering = cancelled_meanwhile
    house.process(house.processor(), job_id)
    assert house.status(job_id) is JobStatus.CANCELLED
    with house.database.begin() as connection:
        booked = connection.scalar(text("SELECT sum(quantity) FROM cira.cost_entries WHERE unit LIKE '%token'"))
    [billed] = house.azure.bill
    assert booked == billed.input_tokens + billed.output_tokens
