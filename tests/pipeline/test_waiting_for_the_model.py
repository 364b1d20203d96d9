"""A model that is down loses no job: another engine stands in and a person looks, or the job waits until it is back."""

from __future__ import annotations

import pytest

from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.jobs import JobStatus, Stage
from cira_pipeline.models import Verdict
from cira_pipeline.pipeline.deferral import MOST_ATTEMPTS
from tests.azure_standin import Fault
from tests.pipeline.conftest import House, resume, time_has_come


@pytest.fixture
def deployment(house: House, redis_url: str, request: pytest.FixtureRequest) -> House:
    """The house with a shared breaker of its own."""
    name = f"deployment-{request.node.name}"[:60]
    house.azure.deployments = {name: "gpt-4.1-mini-2025-04-14"}
    house.given |= {"redis_url": redis_url, "azure_openai_deployment": name}
    return house


def test_another_engine_stands_in_and_a_person_must_look(house: House) -> None:
    house.azure.faults.then(*[Fault.server_error(503)] * 9)
    processor = house.processor(model_outage_policy="offline")
    job_ids = house.submit("BT-1", "BT-2", "BT-3", "BT-4")
    for job_id in job_ids:
        house.process(processor, job_id)
    assert [house.status(job_id) for job_id in job_ids] == [JobStatus.SUCCEEDED] * 4
    assert len(house.azure.requests) == 2, "the circuit is open after two failures, and nobody asks any more"
    for job_id in job_ids:
        stored = RecordRepository(house.database).get(job_id)
        assert stored is not None
        assert stored.record.verdict is Verdict.NEEDS_REVIEW
        assert "model_failed" in {finding.rule for finding in stored.record.findings}


def test_jobs_wait_for_a_model_that_is_down_and_go_on_when_it_is_back(deployment: House) -> None:
    house = deployment
    house.azure.faults.then(*[Fault.server_error(503)] * 3)
    settings = house.settings(model_outage_policy="wait")
    processor = house.processor(model_outage_policy="wait")
    job_ids = house.submit(*(f"BT-{number}" for number in range(6)))
    for job_id in job_ids:
        house.process(processor, job_id)
    jobs = [house.jobs.get(job_id) for job_id in job_ids]
    assert {(job.status, job.stage) for job in jobs} == {(JobStatus.WAITING, Stage.EXTRACTED_FIELDS)}
    assert [job.error_code for job in jobs] == ["model_unavailable"] * 2 + ["circuit_open"] * 4
    assert [job.attempts for job in jobs] == [1] * 2 + [0] * 4

    time_has_come(house, settings)
    [probe] = resume(house, settings)
    assert probe == job_ids[0], "while it may still be down, one job finds out"
    house.process(processor, probe)
    assert house.status(probe) is JobStatus.WAITING, "the third failure was the probe's"

    time_has_come(house, settings)
    [probe] = resume(house, settings)
    house.process(processor, probe)
    assert house.status(probe) is JobStatus.SUCCEEDED

    time_has_come(house, settings)
    assert set(resume(house, settings)) == set(job_ids) - {probe}
    house.process(processor, *(job_id for job_id in job_ids if job_id != probe))
    assert {house.status(job_id) for job_id in job_ids} == {JobStatus.SUCCEEDED}
    assert len(house.azure.bill) == 6


def test_a_document_the_model_never_answers_does_not_go_round_for_ever(house: House) -> None:
    house.azure.faults.then(*[Fault.server_error()] * 20)
    processor = house.processor(model_outage_policy="wait", breaker_failures=100)
    [job_id] = house.submit("BT-1")
    for _ in range(MOST_ATTEMPTS):
        assert house.status(job_id) in (JobStatus.QUEUED, JobStatus.WAITING)
        house.process(processor, job_id)
    job = house.jobs.get(job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, "model_unavailable")
    assert len(house.azure.requests) == MOST_ATTEMPTS


def test_what_the_model_refuses_for_good_is_not_waited_for(house: House) -> None:
    house.azure.faults.then(Fault.prompt_filtered())
    [job_id] = house.submit("BT-1")
    house.process(house.processor(model_outage_policy="wait"), job_id)
    assert house.status(job_id) is JobStatus.SUCCEEDED
    stored = RecordRepository(house.database).get(job_id)
    assert stored is not None
    assert stored.record.verdict is Verdict.NEEDS_REVIEW


def test_a_record_that_needs_no_model_does_not_wait_for_one(house: House) -> None:
    house.azure.faults.then(*[Fault.server_error()] * 5)
    [job_id] = house.submit("BT-1")
    house.process(house.processor(policy="cheapest", model_outage_policy="wait", accept_confidence="0"), job_id)
    assert house.status(job_id) is JobStatus.SUCCEEDED


def test_a_full_quota_is_no_outage(house: House) -> None:
    """429 says that the deployment is well and busy: its circuit stays closed, and who waits is let in again."""
    house.azure.faults.then(*[Fault.rate_limited(0)] * 6)
    processor = house.processor(azure_openai_attempts=7)
    [job_id] = house.submit("BT-1")
    house.process(processor, job_id)
    assert house.status(job_id) is JobStatus.SUCCEEDED
    assert len(house.azure.requests) == 7


def test_without_redis_a_few_at_a_time_find_out(house: House) -> None:
    house.azure.faults.then(*[Fault.server_error()] * 2)
    settings = house.settings(model_outage_policy="wait")
    processor = house.processor(model_outage_policy="wait")
    job_ids = house.submit("BT-1", "BT-2", "BT-3")
    for job_id in job_ids:
        house.process(processor, job_id)
    assert resume(house, settings) == (), "nobody is taken up before its time"
    time_has_come(house)
    assert set(resume(house, settings)) == set(job_ids)
