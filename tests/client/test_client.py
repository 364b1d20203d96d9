"""The synchronous client against the service as it runs."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cira_pipeline.client import AnsweredError, Client, InvoiceFilter, JobRequest, Patience
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.errors import (
    JobNotFinished,
    JobNotFound,
    JobNotRetryable,
    KeyInvalid,
    RateExceeded,
    RequestInvalid,
    ScopeMissing,
    ServiceUnreachable,
)
from cira_pipeline.jobs import JobStatus, Stage, new_job_id
from cira_pipeline.models import Verdict
from tests.api.stored import ended_job
from tests.orchestration.invoice_pdf import invoice_pdf

URL = "https://supplier.example/invoices/4711.pdf"
HEAVY = ("dagster", "docling", "fastapi", "starlette", "sqlalchemy", "redis", "numpy", "pandas", "uvicorn", "boto3")


def test_importing_the_client_loads_no_server_no_database_and_no_dagster():
    code = "import sys, cira_pipeline.client; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "httpx" in loaded
    assert not set(loaded) & set(HEAVY)


def test_a_url_submitted_twice_is_one_job_and_asked_for_again_is_a_new_one(client):
    first = client.submit(URL, client_reference="order 7")
    assert (first.created, first.status, first.client_reference) == (True, JobStatus.QUEUED, "order 7")
    assert client.submit(URL) == first.model_copy(update={"created": False})
    assert client.submit(URL, again=True).job_id != first.job_id
    assert client.submit(URL, idempotency_key="may").job_id == client.submit(URL, idempotency_key="may").job_id


def test_many_urls_come_back_in_their_order_and_more_than_a_request_takes_are_split(client):
    urls = [f"https://supplier.example/{number}.pdf" for number in range(1_003)]
    answer = client.submit_many([*urls[:-1], JobRequest(url=urls[-1], client_reference="last")])
    assert answer.created == 1_003
    assert [job.url for job in answer.jobs] == urls
    assert answer.jobs[-1].client_reference == "last"


def test_wrong_urls_are_named_one_by_one(client):
    with pytest.raises(RequestInvalid, match=r"/jobs/1/url: .*\[url_scheme_unsupported\]") as raised:
        client.submit_many([URL, "file:///etc/passwd"])
    answered: Any = raised.value
    assert (answered.code, answered.status) == ("request_invalid", 422)


def test_an_uploaded_document_comes_back_byte_for_byte(client):
    content = invoice_pdf("CLIENT-1")
    job = client.upload(content, client_reference="by hand")
    assert client.upload(content).job_id == job.job_id
    assert client.document(job.job_id) == (content, "application/pdf")


def test_every_page_of_a_list_is_fetched_and_filters_hold(api, client):
    jobs = [client.submit(f"https://supplier.example/{number}.pdf").job_id for number in range(7)]
    assert [job.job_id for job in client.jobs(page_size=3)] == jobs[::-1]
    client.cancel(jobs[2])
    assert [job.job_id for job in client.jobs(status=JobStatus.CANCELLED)] == [jobs[2]]


def test_errors_are_the_ones_cira_names_with_what_to_do_and_the_request_in_the_log(client):
    missing = new_job_id()
    with pytest.raises(JobNotFound) as raised:
        client.status(missing)
    error = raised.value
    assert isinstance(error, AnsweredError)
    assert (error.code, error.status, error.retryable) == ("job_not_found", 404, False)
    assert len(error.request_id) == 16
    assert "cira status" in error.hint
    assert missing in error.message
    job = client.submit(URL)
    with pytest.raises(JobNotRetryable):
        client.retry(job.job_id)


@pytest.mark.parametrize("job_id", ["", "../costs", "inv_4711", "inv_01jdj5hx4fhk1n2x5vd8sbxy3m/../x"])
def test_what_is_no_job_id_never_becomes_a_path(client, job_id):
    for ask in (client.status, client.retry, client.cancel, client.erase, client.invoice, client.document):
        with pytest.raises(JobNotFound):
            ask(job_id)


def test_a_wrong_key_a_missing_scope_and_a_used_up_rate_are_told_apart(api):
    with Client(api.url, "cira_0000000000000000_" + "0" * 64) as wrong, pytest.raises(KeyInvalid):
        wrong.status(new_job_id())
    with Client(api.url, api.key("acme", Scope.READ)) as reader, pytest.raises(ScopeMissing):
        reader.submit(URL)
    with Client(api.url, api.key(requests_per_minute=1), patience=Patience(attempts=1)) as slow:
        list(slow.jobs())
        with pytest.raises(RateExceeded) as refused:
            list(slow.jobs())
    retry_after_s: Any = refused.value.detail["retry_after_s"]
    assert retry_after_s >= 1


def test_a_used_up_rate_is_waited_out(api):
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    with Client(api.url, api.key(requests_per_minute=60), sleep=sleep) as client:
        client.submit_many([URL])
        # A second gives one more: a busy machine needs more than 60 requests to use them up.
        for _ in range(1_000):
            list(client.jobs())
            if slept:
                break
    assert slept
    assert all(seconds >= 1 for seconds in slept), "Retry-After is in whole seconds"


def test_a_record_is_fetched_corrected_confirmed_and_exported(client, api):
    job_id = ended_job(api.services, number="RE-1")
    record = client.invoice(job_id)
    assert record.invoice.gross_total == Decimal("119.00")
    confirmed = client.confirm(job_id, {"invoice_number": "RE-2", "purchase_order": None}, confirmed_by="Anna Berg")
    assert confirmed.confirmation is not None
    assert confirmed.confirmation.changes == {"invoice_number": {"before": "RE-1", "after": "RE-2"}}
    assert confirmed.verdict is Verdict.ACCEPTED
    assert [each.invoice_number for each in client.invoices(InvoiceFilter(supplier="müller"))] == ["RE-2"]
    assert [each.job_id for each in client.invoices(InvoiceFilter(issued_from=date(2025, 1, 1)))] == []
    file = io.BytesIO()
    assert client.export(file, wanted=InvoiceFilter(verdict=Verdict.ACCEPTED)) == len(file.getvalue())
    assert b"RE-2" in file.getvalue()
    with pytest.raises(RequestInvalid, match="issue_date"):
        client.confirm(job_id, {"issue_date": "yesterday"})


def test_records_are_found_by_own_fields_and_their_taxes_exported(client, api):
    job_id = ended_job(api.services, number="RE-1", custom={"cost_centre": "4711"})
    ended_job(api.services, number="RE-2", custom={"cost_centre": "4712"})
    wanted = InvoiceFilter(custom={"cost_centre": "4711"})
    assert [each.job_id for each in client.invoices(wanted)] == [job_id]
    file = io.BytesIO()
    client.export(file, wanted=wanted, view="invoice_taxes")
    header, *rows = file.getvalue().decode().splitlines()
    assert "exemption_reason" in header
    assert [row.partition(",")[0] for row in rows] == [job_id]


def test_pictures_of_pages_costs_and_erasing(client, api):
    job_id = ended_job(api.services)
    assert client.page_picture(job_id) != client.page_picture(job_id, boxes=False)
    assert client.page_picture(job_id, fields=["customer_vat_id"]) == client.page_picture(job_id, boxes=False)
    assert client.costs(since=date.today()).total_usd == 0  # noqa: DTZ011
    client.erase(job_id)
    with pytest.raises(AnsweredError) as raised:
        client.invoice(job_id)
    assert raised.value.status == 404


def _end_later(api, job_ids) -> threading.Thread:
    def end() -> None:
        time.sleep(0.3)
        for job_id in job_ids:
            api.services.jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
            api.services.jobs.cancel(job_id)

    thread = threading.Thread(target=end)
    thread.start()
    return thread


@pytest.mark.parametrize("count", [1, 30])
def test_waiting_ends_when_the_jobs_end_and_tells_each(api, client, count):
    jobs = [client.submit(f"https://supplier.example/{number}.pdf").job_id for number in range(count)]
    ended: list[str] = []
    thread = _end_later(api, jobs)
    views = client.wait_for_all(jobs, timeout_s=60, on_end=ended.append)
    thread.join()
    assert [view.job_id for view in views] == jobs
    assert {view.status for view in views} == {JobStatus.CANCELLED}
    assert sorted(ended) == sorted(jobs)


def test_waiting_has_an_end_and_says_for_whom_it_waited(client):
    job_id = client.submit(URL).job_id
    with pytest.raises(JobNotFinished) as raised:
        client.wait(job_id, timeout_s=0.5)
    assert raised.value.detail["job_ids"] == [job_id]
    with pytest.raises(JobNotFound):
        client.wait_for_all([new_job_id() for _ in range(25)], timeout_s=60)


def test_waiting_works_where_the_stream_of_events_does_not_come_through(api, client, monkeypatch):
    monkeypatch.setattr("cira_pipeline.api.events.STREAMS_A_KEY", 0)
    job_id = client.submit(URL).job_id
    thread = _end_later(api, [job_id])
    assert client.wait(job_id, timeout_s=60).status is JobStatus.CANCELLED
    thread.join()


def test_no_service_there_is_said_in_one_line():
    client = Client("http://127.0.0.1:9", "cira_key", patience=Patience(attempts=2, first_pause_s=0.01))
    with client, pytest.raises(ServiceUnreachable, match=r"http://127\.0\.0\.1:9 does not answer"):
        client.status(new_job_id())
