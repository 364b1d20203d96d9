"""No client waits behind another's backlog: planning over the real tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from cira_pipeline.clock import utc_now
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.batches import BatchRepository, RunSizes
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.jobs.source_jobs import SourceJobs
from cira_pipeline.errors import SourceBusy, SourceUnavailable
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.pipeline.source_waits import look_after_sources
from cira_pipeline.resilience.source_hosts import SourceHosts
from cira_pipeline.settings import Settings

SIZES = RunSizes(most_jobs=10, small_runs=2, wait_s=60, most_runs=5, jobs_at_once=30)
SILENT = "silent.example"


@pytest.fixture
def jobs(database: Database) -> JobRepository:
    return JobRepository(database)


@pytest.fixture
def batches(database: Database) -> BatchRepository:
    return BatchRepository(database)


def submit(jobs: JobRepository, client: str, count: int, host: str = "files.example") -> list[JobId]:
    submissions = [Submission(f"https://{host}/{client}/{number}.pdf", client=client) for number in range(count)]
    return [each.job.job_id for each in jobs.submit(submissions)]


def plan(
    batches: BatchRepository,
    avoid: Collection[str] = (),
    admitted: Collection[JobId] = (),
    sizes: RunSizes = SIZES,
) -> int:
    return batches.plan(
        sizes, open_runs=open_runs(batches), positions=_none, now=utc_now(), avoid=avoid, admitted=admitted
    )


def open_runs(batches: BatchRepository) -> Counter[str]:
    return Counter(batch.client for batch in batches.open())


def planned(batches: BatchRepository) -> Mapping[str, Sequence[JobId]]:
    by_client: dict[str, list[JobId]] = {}
    for batch in batches.open():
        by_client.setdefault(batch.client, []).extend(
            job.job_id for job in batches.jobs([batch.batch_id])[batch.batch_id]
        )
    return by_client


def _none(_job_ids: Collection[JobId]) -> Mapping[JobId, int]:
    return {}


def test_a_single_job_is_planned_at_once_behind_another_clients_thousands(
    jobs: JobRepository, batches: BatchRepository
) -> None:
    submit(jobs, "flood", 200)
    while plan(batches):
        pass
    assert open_runs(batches) == {"flood": 5}, "all runs there may be"
    (single,) = submit(jobs, "other", 1)
    assert plan(batches) == 1
    assert planned(batches)["other"] == [single]


def test_a_clients_backlog_waits_in_the_table_and_not_before_another_client_in_dagsters_queue(
    jobs: JobRepository, batches: BatchRepository
) -> None:
    sizes = replace(SIZES, most_runs_of_client=2)
    flood = submit(jobs, "flood", 60)
    while plan(batches, sizes=sizes):
        pass
    assert open_runs(batches) == {"flood": 2}
    other = submit(jobs, "other", 30)
    assert plan(batches, sizes=sizes) == 20
    assert planned(batches) == {"flood": flood[:20], "other": other[:20]}


def test_few_jobs_of_others_at_each_tick_never_put_off_a_clients_full_run(
    jobs: JobRepository, batches: BatchRepository
) -> None:
    sizes = replace(SIZES, jobs_at_once=SIZES.most_jobs)
    flood = submit(jobs, "flood", 60)
    few = submit(jobs, "few", 1)
    assert plan(batches, sizes=sizes) == 11
    assert planned(batches) == {"few": few, "flood": flood[:10]}


def test_a_run_holds_the_jobs_of_one_client(jobs: JobRepository, batches: BatchRepository) -> None:
    for number in range(6):
        for client in ("a", "b", "c"):
            jobs.submit([Submission(f"https://files.example/{client}/{number}.pdf", client=client)])
    plan(batches)
    for batch in batches.open():
        members = batches.jobs([batch.batch_id])[batch.batch_id]
        assert {jobs.get(job.job_id).client for job in members} == {batch.client}
    assert open_runs(batches) == {"a": 1, "b": 1, "c": 1}


def test_clients_with_backlogs_get_as_many_runs_each_and_their_oldest_jobs_first(
    jobs: JobRepository, batches: BatchRepository
) -> None:
    first, second = submit(jobs, "first", 100), submit(jobs, "second", 100)
    few = submit(jobs, "few", 3)
    assert plan(batches) == 23, "the few, and a full run of each of the others"
    assert plan(batches) == 20
    found = planned(batches)
    assert found["few"] == few
    assert found["first"] == first[:20]
    assert found["second"] == second[:20]


def test_jobs_of_a_silent_source_wait_without_a_run_and_go_on_when_it_answers(
    jobs: JobRepository, batches: BatchRepository
) -> None:
    waits, settings = SourceJobs(jobs), Settings(_env_file=None)
    silent = submit(jobs, "flood", 40, host=SILENT)
    others = submit(jobs, "flood", 5)
    hosts = SharedHosts(failures=1, pause_s=0.2)
    fail(hosts)
    done = look_after_sources(waits, hosts, settings, utc_now())
    assert (done.held, list(done.resumed), list(done.avoid)) == (40, [], [SILENT])
    job = jobs.get(silent[0])
    assert (job.status, job.error_code, job.attempts) == (JobStatus.WAITING, "source_paused", 0)
    assert plan(batches, done.avoid, done.resumed) == 5
    assert planned(batches)["flood"] == others

    later = utc_now() + timedelta(seconds=1)
    while hosts.look(SILENT).state == "open":
        pass
    probe = look_after_sources(waits, hosts, settings, later)
    assert len(probe.resumed) == 1, "one finds out whether it is back"
    assert plan(batches, probe.avoid, probe.resumed) == 1
    assert not look_after_sources(waits, hosts, settings, later).resumed, "while it is under way there is no second"
    with hosts.asking(SILENT, longest_s=60):
        pass
    assert len(look_after_sources(waits, hosts, settings, later).resumed) == 39


def test_a_job_whose_source_stays_silent_fails_in_the_end_and_says_why(jobs: JobRepository) -> None:
    waits, settings = SourceJobs(jobs), Settings(_env_file=None)
    (job_id,) = submit(jobs, "a", 1, host=SILENT)
    hosts = SharedHosts(failures=1)
    fail(hosts)
    look_after_sources(waits, hosts, settings, utc_now())
    nearly = utc_now() + timedelta(hours=settings.source_wait_hours - 1)
    assert look_after_sources(waits, hosts, settings, nearly).given_up == 0
    assert look_after_sources(waits, hosts, settings, nearly + timedelta(hours=2)).given_up == 1
    job = jobs.get(job_id)
    assert (job.status, job.stage, job.error_code) == (JobStatus.FAILED, Stage.RAW_DOCUMENT, "source_unavailable")
    assert "48 hours" in (job.error_message or "")
    assert jobs.retry(job_id).status is JobStatus.QUEUED


def test_a_slow_source_has_no_more_jobs_under_way_than_keep_it_busy(
    jobs: JobRepository, batches: BatchRepository
) -> None:
    waits, settings = SourceJobs(jobs), Settings(_env_file=None)
    submit(jobs, "flood", 40, host=SILENT)
    hosts = SharedHosts(limit=3)
    hosts.note_slow(SILENT)
    done = look_after_sources(waits, hosts, settings, utc_now())
    assert (done.held, len(done.resumed)) == (40, 6)
    assert plan(batches, done.avoid, done.resumed) == 6
    later = look_after_sources(waits, hosts, settings, utc_now() + timedelta(seconds=1))
    assert (later.held, len(later.resumed)) == (0, 0)


def test_jobs_with_a_document_or_a_file_have_no_source(jobs: JobRepository) -> None:
    urls = {
        "https://a.example:8443/x/y.pdf?z": "a.example:8443",
        "http://[::1]:80/x": "[::1]:80",
        "s3://bucket/key/a.pdf": "s3://bucket",
        "file:///tmp/a.pdf": None,
    }
    made = [each.job for each in jobs.submit([Submission(url) for url in urls])]
    assert [job.source_host for job in made] == list(urls.values())
    assert jobs.sources([job.job_id for job in made]) == {
        job.job_id: host for job, host in zip(made, urls.values(), strict=True) if host
    }


def test_jobs_that_are_put_back_have_lost_no_attempt(jobs: JobRepository) -> None:
    held, ended = submit(jobs, "a", 2, host=SILENT)
    jobs.fail(ended, Stage.RAW_DOCUMENT, SourceUnavailable("503"))
    not_before = utc_now()
    put_back = SourceJobs(jobs).hold([held, ended], SourceBusy("busy"), not_before=not_before, run_id="a run")
    assert put_back == [held]
    assert jobs.get(held).attempts == 0
    assert jobs.get(ended).status is JobStatus.FAILED


class SharedHosts(SourceHosts):
    """One process that knows what all processes know, as with Redis."""

    shared = True


def fail(hosts: SourceHosts) -> None:
    with pytest.raises(SourceUnavailable), hosts.asking(SILENT, longest_s=60):
        raise SourceUnavailable("sent nothing for 15 s")
