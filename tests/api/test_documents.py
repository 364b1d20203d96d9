"""Uploading a document, and erasing it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from cira_pipeline.db.jobs.stage_timings import StageTimings
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import EngineName, Extraction, ModelAnswer, Usage
from tests.api.stored import ended_job
from tests.orchestration.invoice_pdf import invoice_pdf


def _upload(client, content: bytes, **options):
    return client.post("/v1/documents", content=content, **options)


def test_an_uploaded_document_is_a_job_that_needs_no_fetching(api):
    content = invoice_pdf("UP-1")
    answer = _upload(api.client(), content, params={"client_reference": "order 7", "policy": "offline_only"})
    assert answer.status_code == 202, answer.text
    [job] = answer.json()["jobs"]
    stored = api.services.jobs.get(JobId(job["job_id"]))
    assert (stored.status, stored.client_reference, stored.policy) == ("queued", "order 7", "offline_only")
    assert api.services.documents.load(stored.document_sha256).content == content
    assert api.client().get(f"/v1/invoices/{job['job_id']}/document").content == content


def test_the_pipeline_takes_an_uploaded_document_as_it_is(api):
    from datetime import date
    from types import SimpleNamespace

    from cira_pipeline.costs.prices import PriceList
    from cira_pipeline.pipeline.processor import JobContext, Processor

    [job] = _upload(api.client(), invoice_pdf("UP-2")).json()["jobs"]
    services = api.services
    unused: Any = SimpleNamespace()
    processor = Processor(
        settings=services.settings,
        jobs=services.jobs,
        documents=services.documents,
        readings=services.readings,
        extractions=services.extractions,
        records=services.records,
        confirmations=services.confirmations,
        labels=services.labels,
        timings=StageTimings(services.database),
        ledger=services.ledger,
        prices=PriceList.load(None),
        fetcher=unused,
        recognise=unused,
        reader=unused,
        engines={},
        today=date.today,
    )
    obtained = processor.run(JobContext(services.jobs.get(JobId(job["job_id"]))), Stage.RAW_DOCUMENT)
    assert obtained.reused
    assert obtained.document.page_count == 1


def test_the_same_bytes_twice_are_one_job(api):
    client = api.client()
    first, again = (_upload(client, invoice_pdf("UP-3")) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["jobs"][0]["job_id"] == again.json()["jobs"][0]["job_id"]
    other = _upload(client, invoice_pdf("UP-3"), headers={"Idempotency-Key": "second try"})
    assert other.json()["created"] == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "document_empty"),
        (b"MZ\x90\x00 a program", "document_type_unsupported"),
        (b"%PDF-1.7 cut off", "document_damaged"),
        (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "xml_forbidden"),
    ],
)
def test_what_can_never_become_an_invoice_is_refused_at_once(api, content, code):
    client = api.client()
    answer = _upload(client, content)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert client.get("/v1/jobs").json()["jobs"] == []


def test_an_upload_has_a_limit_of_its_own(start_api, api_settings, database):
    api = start_api(api_settings.model_copy(update={"api_max_body_bytes": 500, "fetch_max_bytes": 5_000}))
    client = api.client()
    assert _upload(client, invoice_pdf("UP-4")).status_code == 202, "larger than other bodies may be"
    assert _upload(client, b"%PDF" + b"x" * 5_000).json()["code"] == "request_too_large"
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    chunks = iter([head, b"x" * 5_000, b"\r\n--b--\r\n"])
    in_a_form = client.post("/v1/documents", content=chunks, headers=form)
    assert (in_a_form.status_code, in_a_form.json()["code"]) == (413, "request_too_large")


def test_another_client_gets_nothing_by_uploading_the_same_document(api):
    content = invoice_pdf("UP-5")
    theirs = ended_job(api.services, "acme", content=content)
    client = api.client("globex")
    [job] = _upload(client, content).json()["jobs"]
    assert job["job_id"] != theirs
    assert client.get(f"/v1/invoices/{job['job_id']}").json()["code"] == "record_not_found"


def _with_answer(api, job_id: JobId) -> str:
    """A paid answer and the extraction made from it."""
    sha256 = api.services.jobs.get(job_id).document_sha256
    request_hash = "a" * 64
    from cira_pipeline.db.answers.repository import AnswerRepository

    answers = AnswerRepository(api.services.database, owner="test")
    answers.claim(request_hash)
    answers.commit(
        ModelAnswer(
            request_hash=request_hash,
            provider="azure",
            model="m",
            content="Müller & Söhne GmbH",
            finish_reason="stop",
            input_tokens=1,
            output_tokens=1,
        )
    )
    usage = Usage(provider="azure", model="m", input_tokens=1, output_tokens=1, request_hash=request_hash)
    extraction = Extraction(
        engine=EngineName.AZURE_OPENAI,
        engine_version="1",
        invoice=api.services.records.get(job_id).record.invoice,
        usage=(usage,),
    )
    api.services.extractions.put_outcome(job_id, sha256, [(extraction, "b" * 64)], 0, "enough")
    return sha256


def _left(api, *words: str) -> list[str]:
    """Tables in which one of the words still stands."""
    with api.services.database.begin() as connection:
        names = connection.scalars(
            text("SELECT relname FROM pg_class WHERE relnamespace = 'cira'::regnamespace AND relkind = 'r'")
        ).all()
        return [
            name
            for name in names
            for word in words
            if connection.scalar(
                text(f"SELECT count(*) FROM cira.{name} t WHERE t::text LIKE :word"), {"word": f"%{word}%"}
            )
        ]


def test_an_erased_job_leaves_nothing_of_its_invoice_behind(api):
    client = api.client()
    job_id = ended_job(api.services, number="SECRET-77")
    sha256 = _with_answer(api, job_id)
    client.put(f"/v1/invoices/{job_id}/confirmation", json={"fields": {"purchase_order": "SECRET-78"}})
    assert _left(api, "SECRET-77", "SECRET-78", "Müller")
    store = api.services.settings.home / "objects"
    assert any(sha256 in str(path) for path in store.rglob("*") if path.is_file())

    answer = client.delete(f"/v1/jobs/{job_id}", params={"erase": True})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["url"]) == ("cancelled", f"erased:{job_id}")
    assert _left(api, "SECRET-77", "SECRET-78", "Müller", sha256, "supplier.example") == []
    assert not [path for path in store.rglob("*") if path.is_file()]
    for path in (f"/v1/invoices/{job_id}", f"/v1/invoices/{job_id}/document", f"/v1/invoices/{job_id}/pages/1.png"):
        assert client.get(path).status_code == 404
    assert client.get(f"/v1/jobs/{job_id}").json()["status"] == "cancelled"
    assert client.delete(f"/v1/jobs/{job_id}", params={"erase": True}).status_code == 200


def test_what_was_spent_stays_in_the_books_when_a_job_is_erased(api, database):
    job_id = ended_job(api.services)
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cira.cost_entries (job_id, stage, provider, model, unit, quantity, unit_price, "
                "amount_usd, price_list, dedupe_key) "
                "VALUES (:job_id, 'extracted_fields', 'azure', 'm', 'token', 10, 1, 10, '1', 'k')"
            ),
            {"job_id": job_id},
        )
    client = api.client()
    client.delete(f"/v1/jobs/{job_id}", params={"erase": True})
    assert client.get("/v1/costs").json()["total_usd"] == "10"


def test_a_document_that_another_job_has_too_stays_for_that(api):
    content = invoice_pdf("SHARED-1")
    mine, theirs = ended_job(api.services, "acme", content=content), ended_job(api.services, "globex", content=content)
    api.client("acme").delete(f"/v1/jobs/{mine}", params={"erase": True})
    assert api.client("globex").get(f"/v1/invoices/{theirs}/document").content == content
    assert api.client("globex").get(f"/v1/invoices/{theirs}").status_code == 200
    assert api.services.records.get(mine) is None


def test_a_job_that_a_run_works_on_is_cancelled_and_erased_only_when_the_run_has_stopped(api, database):
    client = api.client()
    [job] = client.post("/v1/jobs", json={"jobs": [{"url": "https://a.example/1.pdf"}]}).json()["jobs"]
    api.services.jobs.start(JobId(job["job_id"]), Stage.OCR_TEXT, "run-1")
    path = f"/v1/jobs/{job['job_id']}"
    answer = client.delete(path, params={"erase": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "job_not_finished")
    assert client.get(path).json()["status"] == "cancelled"
    with database.begin() as connection:
        connection.execute(text("UPDATE cira.jobs SET finished_at = now() - interval '1 hour'"))
    assert client.delete(path, params={"erase": True}).status_code == 200
    [waiting] = client.post("/v1/jobs", json={"jobs": [{"url": "https://a.example/2.pdf"}]}).json()["jobs"]
    assert client.delete(f"/v1/jobs/{waiting['job_id']}", params={"erase": True}).status_code == 200


def test_a_form_with_one_file_is_the_same_document_as_its_bytes(api):
    """`curl -F file=@invoice.pdf`, whatever its part is called."""
    client, content = api.client(), invoice_pdf("FORM-1")
    answer = client.post("/v1/documents", files={"invoice": ("invoice.pdf", content, "application/pdf")})
    assert answer.status_code == 202, answer.text
    [job] = answer.json()["jobs"]
    [raw] = _upload(client, content).json()["jobs"]
    stored = api.services.jobs.get(JobId(job["job_id"]))
    assert stored.document_sha256 == api.services.jobs.get(JobId(raw["job_id"])).document_sha256
    assert api.services.documents.load(stored.document_sha256).content == content


@pytest.mark.parametrize(
    "form",
    [
        {"files": [("a", ("1.pdf", b"1", None)), ("b", ("2.pdf", b"2", None))]},
        {"files": {"a": ("1.pdf", b"1", None)}, "data": {"client_reference": "7"}},
        {"content": b"--x\r\n\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"--x--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"nothing", "headers": {"Content-Type": "multipart/form-data"}},
    ],
    ids=["two files", "a field", "cut off", "empty", "no boundary"],
)
def test_a_form_that_is_no_single_file_is_refused_with_what_to_send(api, form):
    answer = api.client().post("/v1/documents", **form)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
