from __future__ import annotations

import logging
import socket
from uuid import uuid4

import pytest
import redis
from sqlalchemy import text

from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.jobs.status_cache import PAUSE_S, StatusCache
from cira_pipeline.errors import ConfigurationError
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.settings import inherited_environment


@pytest.fixture
def cache(redis_url):
    return StatusCache(redis_url, ttl_s=60)


@pytest.fixture
def cached_jobs(database, cache):
    return JobRepository(database, cache)


@pytest.fixture
def nobody_url():
    """A Redis URL at which nobody answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def _submit(jobs: JobRepository) -> JobId:
    return jobs.submit([Submission(f"https://supplier.example/{uuid4().hex}.pdf")])[0].job.job_id


def test_every_change_of_a_job_is_in_the_cache(cached_jobs, cache):
    job_id = _submit(cached_jobs)
    assert cache.get(job_id).status is JobStatus.QUEUED
    cached_jobs.start(job_id, Stage.OCR_TEXT, "run-1")
    held = cache.get(job_id)
    assert (held.status, held.stage, held.attempts) == (JobStatus.RUNNING, Stage.OCR_TEXT, 1)
    cached_jobs.cancel(job_id)
    assert cache.get(job_id).status is JobStatus.CANCELLED


def test_an_older_status_never_overwrites_a_newer_one(cached_jobs, cache):
    job_id = _submit(cached_jobs)
    older = cache.get(job_id)
    cached_jobs.cancel(job_id)
    cache.put(older)
    assert cache.get(job_id).status is JobStatus.CANCELLED
    cache.put_all([cache.get(job_id).model_copy(update={"version": 99, "status": JobStatus.QUEUED}), older])
    assert cache.get(job_id).version == 99


def test_versions_compare_as_numbers(cached_jobs, cache):
    entry = cached_jobs.status(_submit(cached_jobs))
    cache.put(entry.model_copy(update={"version": 9}))
    cache.put(entry.model_copy(update={"version": 10}))
    assert cache.get(entry.job_id).version == 10


def test_a_status_is_answered_without_the_database_while_it_is_cached(cached_jobs, database):
    job_id = _submit(cached_jobs)
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE cira.jobs RENAME TO jobs_away"))
    assert cached_jobs.status(job_id).status is JobStatus.QUEUED


def test_a_status_that_fell_out_of_the_cache_comes_from_the_database_and_back_into_it(cached_jobs, cache, redis_url):
    job_id = _submit(cached_jobs)
    redis.Redis.from_url(redis_url).delete(f"cira:job:{job_id}")
    assert cache.get(job_id) is None
    assert cached_jobs.status(job_id).status is JobStatus.QUEUED
    assert cache.get(job_id) is not None


def test_entries_do_not_stay_for_ever(cached_jobs, redis_url):
    job_id = _submit(cached_jobs)
    assert 0 < redis.Redis.from_url(redis_url).pttl(f"cira:job:{job_id}") <= 60_000


def test_an_entry_of_another_version_of_cira_is_not_an_answer(cached_jobs, cache, redis_url):
    job_id = _submit(cached_jobs)
    redis.Redis.from_url(redis_url).hset(f"cira:job:{job_id}", "entry", '{"status": "unheard of"}')
    assert cache.get(job_id) is None
    assert cached_jobs.status(job_id).status is JobStatus.QUEUED


def test_jobs_work_on_without_redis_and_one_warning_says_so(database, nobody_url, caplog):
    cache = StatusCache(nobody_url, ttl_s=60)
    jobs = JobRepository(database, cache)
    with caplog.at_level(logging.WARNING):
        job_id = _submit(jobs)
        assert jobs.cancel(job_id).status is JobStatus.CANCELLED
        assert jobs.status(job_id).status is JobStatus.CANCELLED
    assert not cache.available
    assert cache.failures == 1
    assert len([each for each in caplog.records if "Redis is away" in each.message]) == 1


def test_redis_is_used_again_when_it_is_back(database, tmp_path, services_folder, caplog):
    now = [0.0]
    server = EmbeddedValkey(
        services_folder / f"valkey-{tmp_path.name}", environment=inherited_environment(), marked_by=services_folder
    )
    server.start()
    cache = StatusCache(server.url(), ttl_s=60, monotonic=lambda: now[0])
    jobs = JobRepository(database, cache)
    job_id = _submit(jobs)
    port = server.url()
    server.stop()
    assert jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1").status is JobStatus.RUNNING
    assert not cache.available
    server.start()
    assert server.url() == port
    try:
        now[0] += PAUSE_S
        with caplog.at_level(logging.WARNING):
            jobs.cancel(job_id)
        assert cache.available
        assert cache.get(job_id).status is JobStatus.CANCELLED
        assert "Redis is back" in caplog.text
    finally:
        server.stop()


def test_no_cache_configured_is_no_failure(database):
    cache = StatusCache(None, ttl_s=60)
    jobs = JobRepository(database, cache)
    assert jobs.status(_submit(jobs)).status is JobStatus.QUEUED
    assert not cache.available
    assert cache.failures == 0


def test_a_wrong_redis_url_is_named_without_its_password():
    with pytest.raises(ConfigurationError, match="CIRA_REDIS_URL") as caught:
        StatusCache("http://user:secret@host", ttl_s=60)
    assert "secret" not in str(caught.value)
