from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cira_pipeline.clock import utc_now
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.errors import (
    DocumentEncrypted,
    JobNotCancellable,
    JobNotFound,
    JobNotRetryable,
    ReadingTimedOut,
    SubmissionInvalid,
)
from cira_pipeline.jobs import JobStatus, Stage, new_job_id
from cira_pipeline.models import Verdict


def _urls(count: int, start: int = 0) -> list[Submission]:
    return [Submission(f"https://supplier.example/{number}.pdf") for number in range(start, start + count)]


def test_a_thousand_urls_become_jobs_in_the_order_given(jobs):
    submitted = jobs.submit(_urls(1_000))
    assert [each.job.url for each in submitted] == [each.url for each in _urls(1_000)]
    assert all(each.created and each.job.status is JobStatus.QUEUED for each in submitted)
    ids = [each.job.job_id for each in submitted]
    assert ids == sorted(set(ids))


def test_submitting_again_pays_for_nothing_twice(jobs):
    first = jobs.submit(_urls(3))
    again = jobs.submit(_urls(5))
    assert [each.created for each in again] == [False, False, False, True, True]
    assert [each.job.job_id for each in again[:3]] == [each.job.job_id for each in first]


def test_the_same_url_twice_in_one_call_is_one_job(jobs):
    submitted = jobs.submit([*_urls(2), *_urls(2)])
    assert [each.created for each in submitted] == [True, True, False, False]
    assert submitted[0].job.job_id == submitted[2].job.job_id
    assert jobs.counts()[JobStatus.QUEUED] == 2


def test_another_key_or_client_is_another_job(jobs):
    url = "https://supplier.example/1.pdf"
    submitted = jobs.submit(
        [Submission(url), Submission(url, idempotency_key="2024-05"), Submission(url, client="erp")]
    )
    assert [each.created for each in submitted] == [True, True, True]


def test_two_that_submit_the_same_urls_at_once_share_the_jobs(database):
    def submit(reverse: bool) -> list[str]:
        urls = _urls(200)
        submitted = JobRepository(database, None).submit(urls[::-1] if reverse else urls)
        return sorted(each.job.job_id for each in submitted)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(submit, [True, False, True, False]))
    assert answers[0] == answers[1] == answers[2] == answers[3]
    assert JobRepository(database, None).counts()[JobStatus.QUEUED] == 200


def test_urls_with_backslashes_and_long_tokens_are_found_again(jobs):
    urls = [r"file:///invoices/a\b\\c.pdf", "https://bucket.example/é.pdf?X-Amz-Signature=" + "a1" * 3_500]
    first = jobs.submit([Submission(url) for url in urls])
    again = jobs.submit([Submission(url) for url in urls])
    assert [each.created for each in (*first, *again)] == [True, True, False, False]


@pytest.mark.parametrize(
    "submission",
    [
        Submission(""),
        Submission("https://a.example/\n"),
        Submission("https://a.example/\x00"),
        Submission("https://a.example/\udc80"),
        Submission("https://a.example/" + "a" * 9_000),
        Submission("https://a.example/", client=""),
        Submission("https://a.example/", idempotency_key="k" * 201),
        Submission("https://a.example/", policy="free"),
        Submission("https://a.example/", source="fax"),  # type: ignore[arg-type]
    ],
)
def test_a_bad_submission_is_refused_in_words_and_takes_no_other_in(jobs, submission):
    with pytest.raises(SubmissionInvalid, match="submission 2"):
        jobs.submit([Submission("https://a.example/good.pdf"), submission])
    assert sum(jobs.counts().values()) == 0


def test_a_reference_with_characters_postgres_refuses_does_not_lose_the_job(jobs):
    [submitted] = jobs.submit([Submission("https://a.example/1.pdf", client_reference="PO\x00 12\ud800")])
    assert submitted.job.client_reference == "PO\ufffd 12\ufffd"


def test_a_job_says_how_far_it_has_come_and_counts_runs_not_stages(running_job, jobs):
    job_id, sha256 = running_job()
    jobs.advance(job_id, Stage.OCR_TEXT, "run-1")
    job = jobs.get(job_id)
    assert (job.status, job.stage, job.attempts, job.document_sha256) == (
        JobStatus.RUNNING,
        Stage.OCR_TEXT,
        1,
        sha256,
    )
    began = job.started_at
    jobs.start(job_id, Stage.OCR_TEXT, "run-2", left_by="run-1")
    job = jobs.get(job_id)
    assert job.attempts == 2
    assert job.started_at > began


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.NEEDS_REVIEW])
def test_a_finished_job_tells_its_verdict(running_job, jobs, verdict):
    job_id, _ = running_job()
    job = jobs.succeed(job_id, verdict)
    assert (job.status, job.verdict, job.stage) == (JobStatus.SUCCEEDED, verdict, Stage.VALIDATED_RECORD)
    assert job.finished_at >= job.started_at


def test_a_record_nobody_may_pay_ends_its_job_as_rejected_with_the_reason(running_job, jobs):
    job_id, _ = running_job()
    job = jobs.succeed(job_id, Verdict.REJECTED)
    assert (job.status, job.verdict, job.error_code) == (JobStatus.REJECTED, Verdict.REJECTED, "verdict_rejected")
    assert job.error_hint


def test_a_failure_keeps_its_code_its_stage_and_what_to_do(running_job, jobs):
    job_id, _ = running_job()
    job = jobs.fail(job_id, Stage.OCR_TEXT, ReadingTimedOut("page 3 took 300 s"))
    assert (job.status, job.stage, job.error_code) == (JobStatus.FAILED, Stage.OCR_TEXT, "reading_timed_out")
    assert job.error_message == "page 3 took 300 s"
    assert job.error_hint == ReadingTimedOut.hint
    assert job.finished_at is not None


def test_a_document_that_can_never_be_an_invoice_rejects_its_job(running_job, jobs):
    job_id, _ = running_job()
    job = jobs.fail(job_id, Stage.RAW_DOCUMENT, DocumentEncrypted("has a password"))
    assert (job.status, job.error_code) == (JobStatus.REJECTED, "document_encrypted")


def test_the_first_error_stays_when_a_dying_run_reports_another(running_job, jobs):
    job_id, _ = running_job()
    jobs.fail(job_id, Stage.OCR_TEXT, ReadingTimedOut("page 3"))
    job = jobs.fail(job_id, Stage.RAW_DOCUMENT, DocumentEncrypted("late"))
    assert job.error_code == "reading_timed_out"


def test_a_late_failure_does_not_take_a_finished_record_back(running_job, jobs):
    job_id, _ = running_job()
    jobs.succeed(job_id, Verdict.ACCEPTED)
    assert jobs.fail(job_id, Stage.OCR_TEXT, ReadingTimedOut("late")).status is JobStatus.SUCCEEDED


def test_a_retry_starts_afresh_but_remembers_attempts_and_document(running_job, jobs):
    job_id, sha256 = running_job()
    jobs.fail(job_id, Stage.OCR_TEXT, ReadingTimedOut("page 3"))
    job = jobs.retry(job_id)
    assert (job.status, job.stage, job.batch_id, job.error_code, job.finished_at, job.run_id) == (
        JobStatus.QUEUED,
        *[None] * 5,
    )
    assert (job.attempts, job.document_sha256) == (1, sha256)
    assert job.queued_at > job.submitted_at


def test_a_job_that_has_not_failed_cannot_be_retried(running_job, jobs):
    job_id, _ = running_job()
    with pytest.raises(JobNotRetryable, match="running"):
        jobs.retry(job_id)
    jobs.succeed(job_id, Verdict.ACCEPTED)
    with pytest.raises(JobNotRetryable, match="succeeded"):
        jobs.retry(job_id)


def test_a_job_whose_run_died_waits_for_a_new_one(running_job, jobs):
    job_id, _ = running_job()
    in_the_run = jobs.get(job_id)
    job = jobs.requeue(in_the_run)
    assert in_the_run.run_id is not None
    assert (job.status, job.batch_id, job.run_id, job.attempts) == (JobStatus.QUEUED, None, in_the_run.run_id, 1)
    jobs.start(job_id, Stage.RAW_DOCUMENT, "run-2")
    assert jobs.requeue(in_the_run).run_id == "run-2"
    jobs.succeed(job_id, Verdict.ACCEPTED)
    assert jobs.requeue(jobs.get(job_id)).status is JobStatus.SUCCEEDED


def test_a_run_that_was_taken_for_dead_changes_nothing_of_a_job_that_another_one_has(running_job, jobs):
    job_id, _ = running_job()
    jobs.requeue(jobs.get(job_id))
    assert jobs.advance(job_id, Stage.OCR_TEXT, "run-1") is None
    jobs.start(job_id, Stage.RAW_DOCUMENT, "run-2")
    assert jobs.advance(job_id, Stage.OCR_TEXT, "run-1") is None
    jobs.succeed(job_id, Verdict.ACCEPTED, run_id="run-1")
    jobs.fail(job_id, Stage.OCR_TEXT, ReadingTimedOut("late"), run_id="run-1")
    jobs.hold(job_id, Stage.OCR_TEXT, ReadingTimedOut("late"), not_before=utc_now(), run_id="run-1")
    job = jobs.get(job_id)
    assert (job.status, job.run_id, job.stage) == (JobStatus.RUNNING, "run-2", Stage.RAW_DOCUMENT)
    assert jobs.succeed(job_id, Verdict.ACCEPTED, run_id="run-2").status is JobStatus.SUCCEEDED


def test_no_run_takes_a_job_from_another_one_that_may_live(running_job, jobs):
    job_id, _ = running_job()
    assert jobs.start(job_id, Stage.RAW_DOCUMENT, "run-2") is None
    assert jobs.start(job_id, Stage.RAW_DOCUMENT, "run-2", left_by="run-0") is None
    assert jobs.get(job_id).run_id == "run-1"


def test_a_run_that_was_planned_takes_only_what_is_open_in_its_batch(running_job, jobs):
    job_id, _ = running_job()
    jobs.fail(job_id, Stage.OCR_TEXT, ReadingTimedOut("page 3"))
    assert jobs.start(job_id, Stage.RAW_DOCUMENT, "run-2", planned_as="bat_other") is None
    assert jobs.get(job_id).status is JobStatus.FAILED


def test_a_rejected_document_is_processed_again_only_when_a_person_wants_it(running_job, jobs):
    job_id, _ = running_job()
    jobs.fail(job_id, Stage.RAW_DOCUMENT, DocumentEncrypted("has a password"))
    assert jobs.start(job_id, Stage.RAW_DOCUMENT, "backfill", rejected_too=False) is None
    assert jobs.get(job_id).status is JobStatus.REJECTED
    assert jobs.start(job_id, Stage.RAW_DOCUMENT, "by-hand") is not None


def test_a_retry_of_a_job_in_a_run_says_what_becomes_of_it(running_job, jobs):
    job_id, _ = running_job()
    with pytest.raises(JobNotRetryable, match=r"running in run run-1; if that run has died, .* within minutes"):
        jobs.retry(job_id)


def test_a_confirmation_is_not_counted_as_processing_time(running_job, jobs):
    job_id, _ = running_job()
    ended = jobs.succeed(job_id, Verdict.NEEDS_REVIEW)
    confirmed = jobs.confirm(job_id, Verdict.ACCEPTED)
    assert (confirmed.verdict, confirmed.finished_at) == (Verdict.ACCEPTED, ended.finished_at)
    assert jobs.confirm(job_id, Verdict.REJECTED).status is JobStatus.REJECTED
    jobs.cancel(other := jobs.submit([Submission("https://supplier.example/other.pdf")])[0].job.job_id)
    assert jobs.confirm(other, Verdict.ACCEPTED).status is JobStatus.CANCELLED


def test_a_retried_run_knows_which_of_its_jobs_were_in_flight_when_the_last_one_died(jobs):
    urls = [
        f"https://suppliers.example/{name}.pdf" for name in ("often", "once", "own", "waiting", "done", "elsewhere")
    ]
    often, once, own, waiting, done, elsewhere = (each.job.job_id for each in jobs.submit(map(Submission, urls)))
    jobs.start(often, Stage.OCR_TEXT, "run-0")
    jobs.start(often, Stage.OCR_TEXT, "run-1", left_by="run-0")
    for job_id in (once, done, elsewhere):
        jobs.start(job_id, Stage.OCR_TEXT, "run-1")
    jobs.start(own, Stage.OCR_TEXT, "run-2")
    jobs.fail(done, Stage.OCR_TEXT, ReadingTimedOut("page 3"))
    assert jobs.left_by_dead_runs([often, once, own, waiting, done], "run-2") == [once, often]


def test_a_cancelled_job_is_left_alone_by_its_run(running_job, jobs):
    job_id, _ = running_job()
    assert jobs.cancel(job_id).status is JobStatus.CANCELLED
    assert jobs.start(job_id, Stage.OCR_TEXT, "run-1") is None
    assert jobs.succeed(job_id, Verdict.ACCEPTED).status is JobStatus.CANCELLED
    assert jobs.fail(job_id, Stage.OCR_TEXT, ReadingTimedOut("late")).status is JobStatus.CANCELLED
    assert jobs.cancel(job_id).status is JobStatus.CANCELLED


def test_a_finished_job_cannot_be_cancelled(running_job, jobs):
    job_id, _ = running_job()
    jobs.succeed(job_id, Verdict.ACCEPTED)
    with pytest.raises(JobNotCancellable, match="succeeded"):
        jobs.cancel(job_id)


def test_a_job_materialised_again_by_hand_runs_again(running_job, jobs):
    job_id, _ = running_job()
    jobs.fail(job_id, Stage.OCR_TEXT, ReadingTimedOut("page 3"))
    assert jobs.start(job_id, Stage.OCR_TEXT, "by-hand") is not None
    job = jobs.get(job_id)
    assert (job.status, job.error_code, job.finished_at, job.attempts) == (JobStatus.RUNNING, None, None, 2)


def test_every_change_raises_the_version(running_job, jobs):
    job_id, _ = running_job()
    versions = [jobs.get(job_id).version]
    jobs.start(job_id, Stage.OCR_TEXT, "run-1")
    versions.append(jobs.get(job_id).version)
    versions.append(jobs.fail(job_id, Stage.OCR_TEXT, ReadingTimedOut("x")).version)
    versions.append(jobs.retry(job_id).version)
    versions.append(jobs.cancel(job_id).version)
    assert versions == list(range(versions[0], versions[0] + 5))


def test_an_unknown_job_is_named_as_unknown(jobs):
    unknown = new_job_id()
    for ask in (jobs.get, jobs.status, jobs.retry, jobs.cancel):
        with pytest.raises(JobNotFound, match=unknown):
            ask(unknown)
    with pytest.raises(JobNotFound):
        jobs.start(unknown, Stage.OCR_TEXT, "run-1")


def test_jobs_are_listed_newest_first_page_by_page(jobs):
    ids = [each.job.job_id for each in jobs.submit(_urls(7))]
    jobs.submit([Submission("https://other.example/1.pdf", client="erp")])
    jobs.cancel(ids[6])
    first = jobs.list(client="default", status=JobStatus.QUEUED, limit=4)
    second = jobs.list(client="default", status=JobStatus.QUEUED, limit=4, before=first[-1].job_id)
    assert [job.job_id for job in (*first, *second)] == ids[5::-1]
    assert jobs.counts() == {**dict.fromkeys(JobStatus, 0), JobStatus.QUEUED: 7, JobStatus.CANCELLED: 1}
