"""Which record a person is shown next."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.records.review_queue import next_in_review, waiting_for_review
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import Verdict
from tests.db.invoices import document


class Queue:
    def __init__(self, database, folder: Path) -> None:
        self._jobs = JobRepository(database)
        self._document = document()
        DocumentRepository(database, ObjectStore(str(folder))).put(self._document)

    def submit(self, *names: str, client: str = "acme") -> list[JobId]:
        submissions = [Submission(f"https://supplier.example/{name}", client=client) for name in names]
        return [each.job.job_id for each in self._jobs.submit(submissions)]

    def end(self, job_id: JobId, verdict: Verdict = Verdict.NEEDS_REVIEW) -> None:
        self._jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
        self._jobs.document_found(job_id, self._document.sha256)
        self._jobs.succeed(job_id, verdict)


@pytest.fixture
def queue(database, tmp_path) -> Queue:
    return Queue(database, tmp_path)


def test_who_waited_longest_comes_first_and_after_the_last_the_first(database, queue):
    third, first, second, fine = queue.submit("a", "b", "c", "d")
    [theirs] = queue.submit("e", client="globex")
    for job_id in (theirs, first, second, third):
        queue.end(job_id)
    queue.end(fine, Verdict.ACCEPTED)
    assert next_in_review(database, "acme") == first
    assert next_in_review(database, "acme", first) == second
    assert next_in_review(database, "acme", second) == third
    assert next_in_review(database, "acme", third) == first
    assert next_in_review(database, None) == theirs
    assert waiting_for_review(database, "acme") == 3
    assert waiting_for_review(database, None) == 4


def test_the_only_one_has_no_next_and_an_empty_queue_none_at_all(database, queue):
    assert next_in_review(database, "acme") is None
    only, fine = queue.submit("a", "b")
    queue.end(only)
    queue.end(fine, Verdict.ACCEPTED)
    assert next_in_review(database, "acme", only) is None
    assert next_in_review(database, "acme", fine) == only
    assert next_in_review(database, "acme", JobId("inv_00000000000000000000000000")) == only


def test_however_many_are_done_only_those_that_wait_are_looked_at(database, queue):
    job_ids = queue.submit(*(str(number) for number in range(2_000)))
    queue.end(job_ids[0])
    with database.begin() as connection:
        connection.execute(
            text("""
                UPDATE cira.jobs SET status = 'succeeded', verdict = 'accepted', started_at = now(),
                       finished_at = now(), stage = 'validated_record', attempts = 1,
                       document_sha256 = (SELECT document_sha256 FROM cira.jobs WHERE job_id = :first)
                WHERE job_id <> :first
            """),
            {"first": job_ids[0]},
        )
        connection.execute(text("ANALYZE cira.jobs"))
        plan = connection.execute(
            text("EXPLAIN SELECT 1 FROM cira.jobs WHERE status = 'succeeded' AND verdict = 'needs_review' LIMIT 1000")
        ).scalars()
        assert "jobs_review_idx" in "\n".join(plan)
