"""The same commands over a REST service: the same screens and exit statuses, and the key never on the command line."""

from __future__ import annotations

import json
import os
import re
import threading
import time

import pytest

from cira_pipeline.errors import SourceNotFound
from cira_pipeline.jobs import JobId, Stage
from tests.api.conftest import api, api_settings, start_api  # noqa: F401 - fixtures
from tests.api.stored import ended_job
from tests.orchestration.invoice_pdf import invoice_pdf

NO_JOB = "inv_00000000000000000000000000"


@pytest.fixture
def remotely(api, without_services, monkeypatch):  # noqa: F811
    """`remotely("status")` asks the service; this machine knows no database."""
    monkeypatch.setenv("CIRA_API_KEY", api.key("acme"))

    def ask(*arguments: str):
        return without_services(*arguments, "--api", api.url)

    return ask


def test_urls_and_files_are_submitted_and_the_same_one_twice_is_the_same_job(api, remotely, tmp_path):  # noqa: F811
    (tmp_path / "here.pdf").write_bytes(invoice_pdf("HERE"))
    given = ("submit", "https://supplier.example/1.pdf", "here.pdf", "https://supplier.example/2.pdf")
    first = remotely(*given, "--reference", "order 7")
    assert first.status == 0, first.stderr
    assert [line.split()[1:3] for line in first.stdout.splitlines()[1:]] == [["new", "queued"]] * 3
    assert "3 new jobs, 0 already known." in first.stderr
    again = remotely(*given)
    assert [line.split()[1] for line in again.stdout.splitlines()[1:]] == ["known"] * 3
    jobs = api.services.jobs.list(limit=10)
    assert {job.client for job in jobs} == {"acme"}
    assert [job.url.partition(":")[0] for job in jobs[::-1]] == ["https", "upload", "https"]
    assert {job.client_reference for job in jobs} == {"order 7"}


def test_a_manifest_is_sent_with_its_own_keys_and_references(api, remotely, tmp_path):  # noqa: F811
    (tmp_path / "m.csv").write_text(
        "url,client_reference,idempotency_key,policy\n"
        "https://supplier.example/1.pdf,a,may,\nhttps://supplier.example/1.pdf,b,june,offline_only\n"
    )
    assert remotely("submit", "--manifest", "m.csv").status == 0
    jobs = api.services.jobs.list(limit=10)
    assert [(job.client_reference, job.idempotency_key, job.policy) for job in jobs[::-1]] == [
        ("a", "may", None),
        ("b", "june", "offline_only"),
    ]


def test_waiting_ends_with_1_and_what_to_do_when_a_job_failed(api, remotely):  # noqa: F811
    def fail() -> None:
        while not (jobs := api.services.jobs.list(limit=1)):
            time.sleep(0.05)
        api.services.jobs.start(jobs[0].job_id, Stage.RAW_DOCUMENT, "run-1")
        api.services.jobs.fail(jobs[0].job_id, Stage.RAW_DOCUMENT, SourceNotFound("supplier.example answers 404"))

    thread = threading.Thread(target=fail)
    thread.start()
    answer = remotely("submit", "https://supplier.example/1.pdf", "--wait")
    thread.join()
    assert answer.status == 1
    assert "1.pdf" in answer.stdout
    assert "supplier.example answers 404 [source_not_found]" in answer.stderr
    assert "There is no file at this URL" in answer.stderr


def test_what_the_service_refuses_is_one_line_with_what_to_do(remotely):
    for arguments, code in (
        (("submit", "https://supplier.example/1.pdf", "file:///no/such/file.pdf"), "source_not_found"),
        (("submit", "s3://bucket/1.pdf"), "request_invalid"),
        (("show", NO_JOB), "job_not_found"),
        (("status", NO_JOB), "job_not_found"),
        (("retry", NO_JOB), "job_not_found"),
        (("cancel", "4711"), "job_not_found"),
    ):
        answer = remotely(*arguments)
        assert answer.status == 1, arguments
        assert answer.stderr.splitlines()[0].startswith("Error: ")
        assert f"[{code}]" in answer.stderr


def test_status_lists_the_same_lines_as_here(api, remotely, monkeypatch, without_services):  # noqa: F811
    remotely("submit", "https://supplier.example/1.pdf", "https://supplier.example/2.pdf")
    ended_job(api.services)
    there = remotely("status").stdout
    assert remotely("status", "--status", "succeeded").stdout.splitlines()[1].split()[1:3] == [
        "succeeded",
        "needs_review",
    ]
    assert len(remotely("status", "--json", "--limit", "2").stdout.splitlines()) == 2
    assert "No matching jobs." in remotely("status", "--status", "failed").stdout
    monkeypatch.setenv("CIRA_POSTGRES_URL", api.services.settings.postgres_url.get_secret_value())
    here = without_services("status").stdout
    # How long ago a job came goes on while the two are asked.
    assert re.sub(r"\d+ s\b", "s", there).splitlines()[1:] == re.sub(r"\d+ s\b", "s", here).splitlines()[3:]


def test_show_tells_the_record_as_here(api, remotely, monkeypatch, without_services):  # noqa: F811
    job_id = ended_job(api.services)
    there = remotely("show", job_id)
    assert there.status == 0
    monkeypatch.setenv("CIRA_POSTGRES_URL", api.services.settings.postgres_url.get_secret_value())
    here = without_services("show", job_id)
    # A service rounds the seconds that a job took, and tells neither the URL nor by whom it was submitted.
    other = ("url ", "submitted", "took")
    lines = [line for line in here.stdout.splitlines() if not any(each in line for each in other)]
    assert [line for line in lines if line not in there.stdout.splitlines()] == []
    told = json.loads(remotely("show", job_id, "--json").stdout)
    assert told["record"]["invoice"]["gross_total"] == "119.00"


def test_jobs_are_retried_and_cancelled_and_those_that_cannot_be_are_told(api, remotely):  # noqa: F811
    remotely("submit", "https://supplier.example/1.pdf", "https://supplier.example/2.pdf")
    second, first = (JobId(job.job_id) for job in api.services.jobs.list(limit=2))
    api.services.jobs.start(first, Stage.RAW_DOCUMENT, "run-1")
    api.services.jobs.fail(first, Stage.RAW_DOCUMENT, SourceNotFound("gone"))
    assert remotely("retry", "--failed").stdout == "1 job queued again.\n"
    refused = remotely("retry", second)
    assert (refused.status, refused.stdout) == (1, "0 jobs queued again.\n")
    assert "[job_not_retryable]" in refused.stderr
    assert remotely("cancel", first, second).stdout == "2 jobs cancelled.\n"


def test_records_and_costs_come_as_files_and_tables(api, remotely, tmp_path):  # noqa: F811
    ended_job(api.services, number="RE-77")
    assert (
        "RE-77" in (tmp_path / "out.csv").read_text() if not remotely("export", "--output", "out.csv").status else False
    )
    assert (tmp_path / "out.csv").read_text().count("\n") == 2
    assert remotely("export", "--format", "parquet", "--output", "out.parquet").status == 0
    assert (tmp_path / "out.parquet").read_bytes().startswith(b"PAR1")
    assert remotely("costs").status == 0
    assert remotely("costs", "--by", "supplier").status == 2
    assert remotely("export", "--view", "invoice_costs").status == 2
    assert remotely("submit", "https://a.example/", "--client", "globex").status == 2


def test_no_key_and_a_wrong_key_are_said_and_a_key_is_never_an_argument(api, remotely, without_services, monkeypatch):  # noqa: F811
    monkeypatch.setenv("CIRA_API_KEY", "cira_" + "0" * 16 + "_" + "a" * 64)
    assert "[key_invalid]" in remotely("status").stderr
    monkeypatch.delenv("CIRA_API_KEY")
    answer = remotely("status")
    assert (answer.status, "CIRA_API_KEY is not set" in answer.stderr) == (1, True)
    for command in ("submit", "status", "show", "retry", "cancel", "export", "costs"):
        described = without_services(command, "--help").stdout
        assert "--api" in described
        assert "--key" not in described.replace("--idempotency-key", "")
    assert "CIRA_API_KEY" not in os.environ
