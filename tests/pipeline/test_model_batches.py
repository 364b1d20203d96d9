"""Backfills at half the price: nothing is lost, sent or paid twice, however a batch ends and whoever is killed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from cira_pipeline.clock import utc_now
from cira_pipeline.costs.budgets import Budgets
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.costs.prices import TOKEN_UNITS, PriceList
from cira_pipeline.db.answers.model_batches import ModelBatch, ModelBatchRepository
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.jobs.erasure import Erasure
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.extraction.azure_openai.batch_api import BatchApi
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.models import Verdict
from cira_pipeline.pipeline.model_batches import ModelBatchPoller, Moved, opened_batches
from cira_pipeline.pipeline.resuming import resume_held_jobs
from tests.azure_standin import BatchFault, Fault, changed
from tests.pipeline.conftest import House

BATCH = "invoices-batch"


@pytest.fixture
def backfill(house: House) -> House:
    """The house with a deployment for batches, for all clients, and batches sent at once."""
    house.given |= {
        "azure_openai_batch_deployment": BATCH,
        "model_batch_clients": ("*",),
        "model_batch_every_s": 0,
        "breaker_failures": 50,
    }
    house.azure.batches.looks = 0
    return house


def move(house: House, *, heard_of_after: timedelta = timedelta(0), **given: Any) -> Moved:
    """One round, as the Dagster job does it."""
    with mover(house, heard_of_after=heard_of_after, **given) as batches:
        return batches.move()


@contextmanager
def mover(house: House, heard_of_after: timedelta = timedelta(0), **given: Any) -> Iterator[ModelBatchPoller]:
    settings = house.settings(**given)
    ledger = Ledger(house.database, Budgets.from_settings(settings))
    with opened_batches(settings, house.database, PriceList.load(settings.price_list), ledger) as found:
        yield ModelBatchPoller(found.settings, found.batches, found.api, found.answers, heard_of_after=heard_of_after)


def resume(house: House) -> tuple[JobId, ...]:
    return resume_held_jobs(house.jobs, house.database, Budgets(), {}, utc_now())


def to_the_end(house: House, *job_ids: JobId, rounds: int = 12, **given: Any) -> int:
    """Runs, rounds and resumptions until all jobs have ended; returns how many batches were begun."""
    processor = house.processor(**given)
    house.process(processor, *job_ids)
    for _ in range(rounds):
        waiting = [job_id for job_id in job_ids if house.status(job_id) is JobStatus.WAITING]
        if not waiting:
            break
        move(house, **given)
        house.process(processor, *resume(house))
    return len(house.azure.batches.batches)


def batches_of(house: House) -> list[ModelBatch]:
    return ModelBatchRepository(house.database).newest()


def booked_usd(house: House) -> Decimal:
    with house.database.begin() as connection:
        booked = connection.scalar(text("SELECT sum(amount_usd) FROM cira.cost_entries WHERE provider = 'azure'"))
    return Decimal(booked or 0)


def billed_usd(house: House) -> Decimal:
    prices = PriceList.load()
    price: dict[str, Decimal] = {unit: prices.token_price("azure", "gpt-4.1-mini", unit).usd for unit in TOKEN_UNITS}
    return sum((billed.usd(price) for billed in house.azure.bill), Decimal(0))


def asked_for(house: House) -> list[str]:
    """The request hashes of all lines of all batches that were begun."""
    return [
        json.loads(line)["custom_id"]
        for batch in house.azure.batches.batches.values()
        for line in batch["content"].decode().splitlines()
    ]


def left_over(house: House) -> dict[str, int]:
    with house.database.begin() as connection:
        return {
            table: connection.scalar(text(f"SELECT count(*) FROM cira.{table}")) or 0
            for table in ("batched_questions", "batch_waits")
        } | {
            "claims": connection.scalar(text("SELECT count(*) FROM cira.model_answers WHERE answered_at IS NULL")) or 0
        }


NOTHING = {"batched_questions": 0, "batch_waits": 0, "claims": 0}


def test_a_backfill_is_answered_by_one_batch_at_half_the_price(backfill: House) -> None:
    house = backfill
    job_ids = house.submit("BT-1", "BT-2", "BT-3")
    processor = house.processor()
    house.process(processor, *job_ids)
    jobs = [house.jobs.get(job_id) for job_id in job_ids]
    assert {(job.status, job.stage, job.error_code) for job in jobs} == {
        (JobStatus.WAITING, Stage.EXTRACTED_FIELDS, "answer_in_batch")
    }
    assert [job.attempts for job in jobs] == [0, 0, 0], "waiting is no failed attempt"
    assert house.azure.requests == []

    assert len(move(house).sent) == 1
    assert resume(house) == (), "nothing is answered yet"
    moved = move(house)
    assert (moved.answers, len(moved.ended)) == (3, 1)
    assert set(resume(house)) == set(job_ids)
    house.process(processor, *job_ids)

    assert {house.status(job_id) for job_id in job_ids} == {JobStatus.SUCCEEDED}
    assert house.azure.requests == [], "nobody asked at the full price"
    assert [billed.by_batch for billed in house.azure.bill] == [True] * 3
    assert booked_usd(house) == billed_usd(house) > 0
    ledger = Ledger(house.database)
    for job_id in job_ids:
        tokens = [entry for entry in ledger.entries(job_id) if entry.provider == "azure"]
        assert {entry.unit for entry in tokens} <= {
            "batch_input_token",
            "batch_cached_input_token",
            "batch_output_token",
        }
        assert all("-50 %" in entry.price_list for entry in tokens)
    assert left_over(house) == NOTHING
    assert house.azure.batches.files == {}, "documents' text stays nowhere"
    [batch] = batches_of(house)
    assert (batch.state, batch.question_count, batch.answered_count) == ("done", 3, 3)


def test_a_job_says_itself_whether_it_waits_and_its_client_else(backfill: House) -> None:
    house = backfill
    cheap, dear = house.submit("BT-1", client="patient"), house.submit("BT-2", client="urgent")
    [told] = house.submit("BT-3", client="urgent", model_batch=True)
    house.process(house.processor(model_batch_clients="patient"), *cheap, *dear, told)
    assert [house.status(job_id) for job_id in (*cheap, *dear, told)] == [
        JobStatus.WAITING,
        JobStatus.SUCCEEDED,
        JobStatus.WAITING,
    ]


def test_two_jobs_with_one_document_are_asked_for_once(backfill: House) -> None:
    house = backfill
    job_ids = [*house.submit("BT-1", client="first"), *house.submit("BT-1", client="second")]
    assert to_the_end(house, *job_ids) == 1
    assert {house.status(job_id) for job_id in job_ids} == {JobStatus.SUCCEEDED}
    assert len(asked_for(house)) == len(house.azure.bill) == 1
    assert booked_usd(house) == billed_usd(house)


def test_who_cannot_wait_asks_at_once_while_a_question_is_not_sent_and_then_waits_too(backfill: House) -> None:
    house = backfill
    [patient, other] = house.submit("BT-1", "BT-2", client="patient")
    [urgent] = house.submit("BT-1", client="urgent")
    [late] = house.submit("BT-2", client="urgent")
    processor = house.processor(model_batch_clients="patient")
    house.process(processor, patient, other)
    house.process(processor, urgent)
    assert house.status(urgent) is JobStatus.SUCCEEDED
    assert resume(house) == (patient,), "its answer is there already"
    move(house)
    house.process(processor, late, patient)
    assert (house.status(patient), house.status(late)) == (JobStatus.SUCCEEDED, JobStatus.WAITING)
    move(house)
    assert set(resume(house)) == {other, late}
    house.process(processor, other, late)
    assert {house.status(job_id) for job_id in (other, late)} == {JobStatus.SUCCEEDED}
    assert len(house.azure.bill) == 2
    assert booked_usd(house) == billed_usd(house)


def test_what_goes_back_to_the_model_takes_the_next_batch(backfill: House) -> None:
    """A first answer without a total: the correction round is a question like any other."""
    house = backfill
    answering = house.azure.answering
    first = threading.Event()

    def forgetful(message: str) -> Any:
        answer = answering(message)
        if not first.is_set():
            first.set()
            return changed(answer, gross_total=None)  # type: ignore[arg-type]
        return answer

    house.azure.answering = forgetful
    [job_id] = house.submit("BT-1")
    assert to_the_end(house, job_id, azure_openai_correction_rounds=1) == 2
    assert house.status(job_id) is JobStatus.SUCCEEDED
    stored = RecordRepository(house.database).get(job_id)
    assert stored is not None
    assert stored.record.invoice.gross_total == Decimal("120.00")
    assert house.azure.requests == []
    assert booked_usd(house) == billed_usd(house)


def test_a_stronger_deployment_without_batches_is_asked_at_once(backfill: House) -> None:
    house = backfill
    house.azure.deployments = {"invoices": "gpt-4.1-mini-2025-04-14", "strong": "gpt-4.1-2025-04-14"}
    answering = house.azure.answering
    house.azure.answering = lambda message: changed(answering(message), gross_total=None)  # type: ignore[arg-type]
    [job_id] = house.submit("BT-1")
    to_the_end(house, job_id, azure_openai_escalation_deployment="strong")
    assert house.status(job_id) is JobStatus.SUCCEEDED
    assert [(billed.deployment, billed.by_batch) for billed in house.azure.bill] == [(BATCH, True), ("strong", False)]


def test_a_batch_is_sent_when_a_question_has_waited_long_enough_or_it_is_full(backfill: House) -> None:
    house = backfill
    processor = house.processor()
    house.process(processor, *house.submit("BT-1", "BT-2"))
    assert move(house, model_batch_every_s=3600).sent == []
    house.process(processor, *house.submit("BT-3"))
    moved = move(house, model_batch_every_s=3600, model_batch_max_questions=2)
    assert len(moved.sent) == 2
    assert sorted(batch.question_count for batch in batches_of(house)) == [1, 2]


def test_a_file_is_no_larger_than_the_provider_takes(backfill: House) -> None:
    house = backfill
    house.process(house.processor(), *house.submit(*(f"BT-{number}" for number in range(5))))
    with house.database.begin() as connection:
        largest = connection.scalar(text("SELECT max(size_bytes) FROM cira.batched_questions"))
    repository = ModelBatchRepository(house.database)
    sizes = []
    while gathered := repository.gather("azure", BATCH, most_questions=100, most_bytes=2 * largest):
        sizes.append(repository.get(gathered).question_count)
    assert sizes == [2, 2, 1]
    move(house)
    for batch in house.azure.batches.batches.values():
        assert len(batch["content"]) <= 2 * largest


def test_two_who_move_batches_at_once_send_each_question_once(backfill: House) -> None:
    house = backfill
    job_ids = house.submit(*(f"BT-{number}" for number in range(6)))
    house.process(house.processor(), *job_ids)
    done: list[Moved] = []
    movers = [threading.Thread(target=lambda: done.append(move(house))) for _ in range(4)]
    for each in movers:
        each.start()
    for each in movers:
        each.join()
    assert len(done) == 4
    move(house)
    assert sorted(asked_for(house)) == sorted(set(asked_for(house)))
    assert len(asked_for(house)) == 6
    assert set(resume(house)) == set(job_ids)
    assert booked_usd(house) == billed_usd(house)


class _Killed(BaseException):
    """Stands for SIGKILL: nothing of CIRA's catches it."""


_STEPS: dict[str, tuple[type, str, bool]] = {
    "before the file is uploaded": (BatchApi, "upload", False),
    "after the file was uploaded": (BatchApi, "upload", True),
    "before the batch is begun": (BatchApi, "begin", False),
    "after the batch was begun, before its id is kept": (BatchApi, "begin", True),
    "after the first look": (BatchApi, "look", True),
    "while answers come down": (BatchApi, "download", True),
    "before the batch is ended": (ModelBatchRepository, "finish", False),
    "after the batch was ended": (ModelBatchRepository, "finish", True),
    "while files are deleted": (BatchApi, "delete_file", True),
}


@pytest.mark.parametrize("step", _STEPS)
def test_killed_at_any_step_nothing_is_sent_or_paid_twice_or_lost(
    backfill: House, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = backfill
    owner, name, after = _STEPS[step]
    job_ids = house.submit("BT-1", "BT-2", "BT-3")
    processor = house.processor()
    house.process(processor, *job_ids)
    original = getattr(owner, name)
    killed: list[str] = []

    def dies(self: Any, *args: Any, **kwargs: Any) -> Any:
        if killed:
            return original(self, *args, **kwargs)
        if after:
            original(self, *args, **kwargs)
        killed.append(step)
        raise _Killed

    monkeypatch.setattr(owner, name, dies)
    for _ in range(6):
        try:
            move(house)
        except _Killed:
            continue
        house.process(processor, *resume(house))
    assert killed == [step]
    assert {house.status(job_id) for job_id in job_ids} == {JobStatus.SUCCEEDED}
    assert len(house.azure.batches.batches) == house.azure.batches.uploads == 1
    assert len(house.azure.bill) == 3
    assert booked_usd(house) == billed_usd(house)
    assert left_over(house) == NOTHING
    assert house.azure.batches.files == {}


def test_killed_between_two_answers_each_is_booked_once(backfill: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = backfill
    job_ids = house.submit("BT-1", "BT-2", "BT-3")
    processor = house.processor()
    house.process(processor, *job_ids)
    move(house)
    keep, kept = ModelBatchPoller._keep, []

    def dies_after_the_second(self: ModelBatchPoller, *args: Any) -> int:
        result = keep(self, *args)
        kept.append(result)
        if len(kept) == 2:
            raise _Killed
        return result

    monkeypatch.setattr(ModelBatchPoller, "_keep", dies_after_the_second)
    with pytest.raises(_Killed):
        move(house)
    assert len(resume(house)) == 2, "who has an answer need not wait for the others"
    assert booked_usd(house) < billed_usd(house)
    move(house)
    assert sum(kept) == 3
    house.process(processor, *job_ids)
    assert {house.status(job_id) for job_id in job_ids} == {JobStatus.SUCCEEDED}
    assert booked_usd(house) == billed_usd(house)
    [batch] = batches_of(house)
    assert batch.answered_count == 3


def test_a_begin_nobody_heard_the_end_of_is_looked_for_before_another(backfill: House) -> None:
    """Also while the provider's list does not hold it yet."""
    house = backfill
    house.process(house.processor(), *house.submit("BT-1"))
    # Requests of a first round: list of files, upload, the file's state, the batch.
    house.azure.batches.faults.then(None, None, None, Fault("lost"))
    house.azure.batches.lists = False
    assert move(house, heard_of_after=timedelta(minutes=1)).troubled
    assert move(house, heard_of_after=timedelta(minutes=1)).sent == []
    house.azure.batches.lists = True
    assert len(move(house, heard_of_after=timedelta(minutes=1)).sent) == 1
    assert len(house.azure.batches.batches) == 1


def test_a_file_the_provider_has_not_read_yet_is_waited_for(backfill: House) -> None:
    house = backfill
    house.azure.batches.file_looks = 2
    [job_id] = house.submit("BT-1")
    assert to_the_end(house, job_id) == 1
    assert house.status(job_id) is JobStatus.SUCCEEDED
    assert house.azure.batches.uploads == 1


@pytest.mark.parametrize("ends", ["expired", "cancelled"])
def test_what_a_batch_leaves_out_goes_into_the_next_one(backfill: House, ends: str) -> None:
    house = backfill
    house.azure.batches.spoil(BatchFault(ends, answered=1))
    job_ids = house.submit("BT-1", "BT-2", "BT-3")
    assert to_the_end(house, *job_ids) == 2
    assert {house.status(job_id) for job_id in job_ids} == {JobStatus.SUCCEEDED}
    assert house.azure.requests == []
    assert len(house.azure.bill) == 3
    assert booked_usd(house) == billed_usd(house)
    assert sorted((each.answered_count, each.unanswered_count) for each in batches_of(house)) == [(1, 2), (2, 0)]


def test_lines_that_fail_are_told_apart_and_hold_up_no_other(backfill: House) -> None:
    house = backfill
    lines: dict[int, Fault | str] = {
        0: Fault.server_error(),
        1: "malformed",
        2: "not_chat",
        3: "missing",
        4: "twice",
        5: Fault.rate_limited(),
    }
    house.azure.batches.spoil(BatchFault(lines=lines))
    job_ids = house.submit(*(f"BT-{number}" for number in range(7)))
    assert to_the_end(house, *job_ids) == 2
    assert {house.status(job_id) for job_id in job_ids} == {JobStatus.SUCCEEDED}
    assert house.azure.requests == []
    assert booked_usd(house) == billed_usd(house)
    assert len(house.azure.bill) == 7
    assert left_over(house) == NOTHING


def test_what_no_batch_can_answer_is_asked_at_once_and_ends_as_it_would_have(backfill: House) -> None:
    house = backfill
    house.azure.batches.spoil(BatchFault(lines={0: Fault.prompt_filtered()}))
    house.azure.faults.then(Fault.prompt_filtered())
    [job_id] = house.submit("BT-1")
    assert to_the_end(house, job_id) == 1
    stored = RecordRepository(house.database).get(job_id)
    assert stored is not None
    assert stored.record.verdict is Verdict.NEEDS_REVIEW
    assert any("model_content_filtered" in finding.message for finding in stored.record.findings)
    assert house.azure.bill == []


@pytest.mark.parametrize("fallback", ["live", "none"])
def test_a_deployment_that_takes_no_batches_ends_in_what_the_setting_says(backfill: House, fallback: str) -> None:
    house = backfill
    house.azure.batches.deployments = {"another": "gpt-4.1-mini"}
    [job_id] = house.submit("BT-1")
    assert to_the_end(house, job_id, model_batch_fallback=fallback) == 2
    assert house.status(job_id) is JobStatus.SUCCEEDED
    assert {(each.state, each.error_code) for each in batches_of(house)} == {("failed", "model_batch_refused")}
    assert "was not found" in (batches_of(house)[0].error_message or "")
    stored = RecordRepository(house.database).get(job_id)
    assert stored is not None
    findings = " ".join(finding.message for finding in stored.record.findings)
    assert ("model_batch_failed" in findings) is (fallback == "none")
    assert len(house.azure.bill) == (1 if fallback == "live" else 0)
    assert booked_usd(house) == billed_usd(house)
    assert left_over(house) == NOTHING


NO_SUCH_PATH = Fault("status", 404, {"error": {"code": "404", "message": "Resource not found"}})


@pytest.mark.parametrize("refusal", [(NO_SUCH_PATH,), (None, None, None, Fault.bad_request())])
def test_a_provider_without_a_batch_api_is_told_and_the_job_goes_on(
    backfill: House, refusal: tuple[Fault | None, ...]
) -> None:
    house = backfill
    [job_id] = house.submit("BT-1")
    house.process(house.processor(), job_id)
    for _ in range(2):
        house.azure.batches.faults.then(*refusal)
        move(house)
    assert [each.error_code for each in batches_of(house)] == ["model_batch_refused"] * 2
    house.process(house.processor(), *resume(house))
    assert house.status(job_id) is JobStatus.SUCCEEDED
    assert [billed.by_batch for billed in house.azure.bill] == [False]


def test_a_quota_of_enqueued_tokens_is_kept_to_by_smaller_batches(backfill: House) -> None:
    house = backfill
    house.azure.batches.looks = 1
    job_ids = house.submit(*(f"BT-{number}" for number in range(6)))
    house.process(house.processor(), *job_ids)
    with house.database.begin() as connection:
        one = connection.scalar(text("SELECT max(size_bytes) FROM cira.batched_questions"))
    house.azure.batches.enqueued_tokens = 3 * one // 4
    to_the_end(house, *job_ids, rounds=40)
    assert {house.status(job_id) for job_id in job_ids} == {JobStatus.SUCCEEDED}
    assert house.azure.requests == [], "a full queue is no reason to pay the full price"
    assert {each.error_code for each in batches_of(house)} == {None, "model_batch_quota_exceeded"}
    assert booked_usd(house) == billed_usd(house)


def test_a_wrong_key_is_said_and_what_waits_goes_on_with_the_right_one(backfill: House) -> None:
    house = backfill
    [job_id] = house.submit("BT-1")
    house.process(house.processor(), job_id)
    move(house, azure_openai_api_key="wrong")
    [batch] = batches_of(house)
    assert (batch.state, batch.error_code) == ("preparing", "model_unauthorised")
    assert house.status(job_id) is JobStatus.WAITING
    assert to_the_end(house, job_id) == 1
    assert batches_of(house)[0].error_code is None


def test_what_a_deployment_does_not_take_is_left_out_from_then_on(backfill: House) -> None:
    """Reasoning models mind `max_tokens`, `temperature` and `seed`, and a batch says so of every line."""
    house = backfill
    house.azure.rejects = frozenset({"max_tokens", "temperature"})
    first, second = house.submit("BT-1", "BT-2")
    assert to_the_end(house, first) == 3, "one for each parameter it minds"
    assert house.status(first) is JobStatus.SUCCEEDED
    assert to_the_end(house, second) == 4
    assert house.status(second) is JobStatus.SUCCEEDED
    assert house.azure.requests == []
    assert booked_usd(house) == billed_usd(house)


def test_what_batches_can_cost_is_held_back_from_the_budget_at_their_price(backfill: House) -> None:
    house = backfill
    first, second = house.submit("BT-1", "BT-2")
    house.process(house.processor(daily_budget_usd="0"), first)
    needs_usd = house.jobs.get(first).needs_usd
    assert house.status(first) is JobStatus.NEEDS_BUDGET
    assert needs_usd is not None
    live = house.processor(daily_budget_usd="0", model_batch_clients=())
    house.process(live, second)
    full_usd = house.jobs.get(second).needs_usd
    assert full_usd is not None
    assert needs_usd < full_usd * Decimal("0.51")
    for job_id in (first, second):
        house.jobs.resume(job_id)
    budget = needs_usd * Decimal("1.5")
    house.process(house.processor(daily_budget_usd=budget), first, second)
    assert {house.status(job_id) for job_id in (first, second)} == {JobStatus.WAITING, JobStatus.NEEDS_BUDGET}


def test_a_cancelled_jobs_question_is_not_sent(backfill: House) -> None:
    house = backfill
    wanted, unwanted = house.submit("BT-1", "BT-2")
    house.process(house.processor(), wanted, unwanted)
    house.jobs.cancel(unwanted)
    assert to_the_end(house, wanted) == 1
    assert len(asked_for(house)) == 1
    assert left_over(house) == NOTHING


def test_a_question_that_was_given_up_is_kept_no_longer_than_its_job(backfill: House) -> None:
    house = backfill
    house.azure.batches.deployments = {}
    [job_id] = house.submit("BT-1")
    house.process(house.processor(), job_id)
    for _ in range(4):
        move(house)
    assert left_over(house) == {"batched_questions": 1, "batch_waits": 0, "claims": 0}
    house.jobs.cancel(job_id)
    move(house)
    assert left_over(house) == NOTHING


def erase(house: House, job_id: JobId) -> None:
    objects = ObjectStore(house.settings().object_store_url)
    Erasure(house.database, objects, house.jobs, stopping_s=0).erase(job_id)


def test_an_erased_job_leaves_no_question_behind(backfill: House) -> None:
    house = backfill
    [job_id] = house.submit("BT-1")
    house.process(house.processor(), job_id)
    house.jobs.cancel(job_id)
    erase(house, job_id)
    assert left_over(house) == NOTHING
    assert move(house).sent == []


def test_an_answer_that_comes_after_its_job_was_erased_is_booked_and_not_kept(backfill: House) -> None:
    house = backfill
    erased, kept = house.submit("BT-1", "BT-2")
    house.process(house.processor(), erased, kept)
    move(house)
    house.jobs.cancel(erased)
    erase(house, erased)
    with house.database.begin() as connection:
        assert connection.scalar(text("SELECT count(body) FROM cira.batched_questions")) == 1
    move(house)
    assert len(house.azure.bill) == 2
    assert booked_usd(house) == billed_usd(house)
    with house.database.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cira.model_answers")) == 1
    assert left_over(house) == NOTHING


def test_a_run_killed_before_its_job_was_put_aside_asks_no_second_time(backfill: House) -> None:
    house = backfill
    [job_id] = house.submit("BT-1")
    processor = house.processor()
    house.process(processor, job_id)
    house.jobs.retry(job_id)
    house.process(processor, job_id)
    assert house.status(job_id) is JobStatus.WAITING
    assert to_the_end(house, job_id) == 1
    assert len(house.azure.bill) == 1


def test_a_round_is_begun_only_when_there_is_something_to_do(backfill: House) -> None:
    house = backfill
    repository = ModelBatchRepository(house.database)
    patient = house.settings(model_batch_every_s=3600)
    assert not repository.has_work(patient)
    [job_id] = house.submit("BT-1")
    house.process(house.processor(), job_id)
    assert not repository.has_work(patient)
    assert repository.has_work(house.settings())
    move(house)
    assert repository.has_work(patient), "somebody must look how the batch stands"
    move(house)
    assert not repository.has_work(patient)
