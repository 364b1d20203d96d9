from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cira_pipeline.cli import following
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.repository import Job, JobRepository, Submission
from cira_pipeline.errors import DocumentDamaged
from cira_pipeline.jobs import Stage
from cira_pipeline.models import Verdict
from tests.db.invoices import document

URL = "https://supplier.example/4711.pdf"


def test_a_url_becomes_a_job_and_the_same_url_again_is_the_same_job(cira, jobs: JobRepository) -> None:
    first = cira("submit", URL, "--client", "anna", "--reference", "order 12", "--policy", "offline_only")
    assert (first.status, first.stderr) == (0, "1 new job, 0 already known.\n")
    [job] = jobs.list()
    assert (job.url, job.client, job.client_reference, job.policy, job.source) == (
        URL,
        "anna",
        "order 12",
        "offline_only",
        "cli",
    )
    assert first.stdout.splitlines()[1].split() == [job.job_id, "new", "queued", URL]

    again = cira("submit", "HTTPS://Supplier.Example:443/4711.pdf", "--client", "anna")
    assert again.stdout.splitlines()[1].split() == [job.job_id, "known", "queued", URL]
    assert again.stderr == "0 new jobs, 1 already known.\n"

    cira("submit", URL, "--client", "anna", "--idempotency-key", "second")
    assert len(jobs.list()) == 2


def test_a_path_is_submitted_as_the_file_it_names(cira, jobs: JobRepository) -> None:
    (cira.folder / "an invoice #1.pdf").write_bytes(b"%PDF-")
    assert cira("submit", "an invoice #1.pdf").status == 0
    assert jobs.list()[0].url == (cira.folder / "an invoice #1.pdf").as_uri()


def test_a_manifest_and_urls_are_submitted_together(cira, jobs: JobRepository) -> None:
    manifest = cira.folder / "invoices.csv"
    manifest.write_text("url;client_reference\nhttps://a.example/1.pdf;eins\nhttps://a.example/2.pdf;zwei\n")
    answer = cira("submit", "--manifest", str(manifest), URL)
    assert answer.status == 0
    assert {(job.url, job.client_reference, job.source) for job in jobs.list()} == {
        (URL, None, "cli"),
        ("https://a.example/1.pdf", "eins", "manifest"),
        ("https://a.example/2.pdf", "zwei", "manifest"),
    }


def test_a_callback_is_kept_when_it_can_be_signed_and_may_be_called(cira, jobs: JobRepository) -> None:
    manifest = cira.folder / "invoices.csv"
    manifest.write_text("url,callback\nhttps://a.example/1.pdf,https://Own.example/hook\nhttps://a.example/2.pdf,\n")
    asked = ("submit", "--manifest", str(manifest), "--callback", "https://client.example/hook", "--client", "anna")
    unsigned = cira(*asked)
    assert (unsigned.status, jobs.list()) == (1, [])
    assert "webhook_secret_missing" in unsigned.stderr
    assert cira("webhooks", "secret", "create", "--client", "anna").stdout.startswith("whsec_")
    inside = cira("submit", URL, "--callback", "https://127.0.0.1/hook", "--client", "anna")
    assert (inside.status, jobs.list()) == (1, [])
    assert "url_address_refused" in inside.stderr
    assert cira(*asked).status == 0
    assert {job.url[-5:]: job.callback for job in jobs.list()} == {
        "1.pdf": "https://own.example/hook",
        "2.pdf": "https://client.example/hook",
    }


def test_one_bad_line_of_a_manifest_is_named_and_nothing_is_submitted(cira, jobs: JobRepository) -> None:
    manifest = cira.folder / "invoices.csv"
    manifest.write_text("url\nhttps://a.example/1.pdf\nftp://a.example/2.pdf\n")
    answer = cira("submit", "--manifest", str(manifest))
    assert answer.status == 1
    assert "line 3" in answer.stderr
    assert "[manifest_invalid]" in answer.stderr
    assert jobs.list() == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ftp://a.example/1.pdf", "url_scheme_unsupported"),
        ("https://", "https://: the URL has no host [url_invalid]"),
        ("no-such-file.pdf", "no-such-file.pdf is neither an existing file"),
        (".", ". is a folder; give the files in it"),
        ("", "[source_not_found]"),
        ("https://me:hunter2@a.example/1.pdf", "user name or password [url_invalid]"),
    ],
)
def test_what_is_no_url_is_refused_in_one_line_with_what_to_do(
    cira, jobs: JobRepository, given: str, said: str
) -> None:
    answer = cira("submit", URL, given)
    error, hint = answer.stderr.splitlines()
    assert (answer.status, answer.stdout) == (1, "")
    assert error.startswith("Error: ")
    assert said in error
    assert hint.startswith("  ")
    assert "hunter2" not in answer.stderr
    assert jobs.list() == []


def test_nothing_to_submit_is_wrong_usage(cira) -> None:
    answer = cira("submit")
    assert answer.status == 2
    assert "--manifest" in answer.stderr


def test_waiting_ends_with_the_jobs_and_tells_failure_by_the_exit_status(cira, jobs: JobRepository, database) -> None:
    """The worker's changes do not reach Redis here: who waits must hear of them all the same."""
    cira.monkeypatch.setattr(following, "POLL_S", 0.05)
    found = document()
    DocumentRepository(database, ObjectStore(str(cira.folder / "objects"))).put(found)
    [good, bad, back] = [
        each.job.job_id
        for each in jobs.submit(Submission(f"https://a.example/{n}.pdf") for n in ("good", "bad", "back"))
    ]

    waits = threading.Event()

    def follow(*given: Any) -> list[Job]:
        waits.set()
        return following.follow(*given)

    cira.monkeypatch.setattr("cira_pipeline.cli.submit.follow", follow)

    def work() -> None:
        # Not before they were submitted: what has ended already is not waited for.
        assert waits.wait(60)
        time.sleep(0.2)
        for job_id in (good, bad):
            jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
        jobs.document_found(good, found.sha256)
        jobs.succeed(good, Verdict.NEEDS_REVIEW)
        jobs.fail(bad, Stage.RAW_DOCUMENT, DocumentDamaged("cut off after 12 bytes"))
        jobs.cancel(back)

    worker = threading.Thread(target=work)
    worker.start()
    both = cira(
        "submit", "--wait", "https://a.example/good.pdf", "https://a.example/bad.pdf", "https://a.example/back.pdf"
    )
    worker.join()
    assert both.status == 1
    *others, cancelled = [row.split() for row in both.stdout.splitlines()[1:]]
    assert [row[:3] for row in others] == [
        [good, "succeeded", "needs_review"],
        [bad, "rejected", "document_damaged"],
    ]
    assert cancelled[:2] == [back, "cancelled"]
    assert cancelled[2].isdigit(), "no verdict and no error: the seconds it took follow"
    assert f"{bad}: cut off after 12 bytes [document_damaged]" in both.stderr
    assert "None" not in both.stderr
    assert cira("submit", "--wait", "https://a.example/good.pdf").status == 0


def test_without_services_it_says_how_to_start_them(without_services, tmp_path: Path) -> None:
    answer = without_services("submit", URL)
    assert answer.status == 1
    assert "`cira up`" in answer.stderr
    assert "[service_unreachable]" in answer.stderr
    assert not (tmp_path / ".cira").exists()
