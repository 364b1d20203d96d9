"""What a client may say with a job besides its URL: whom to tell, and what is known to be right."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.jobs import JobId, Stage
from tests.api.stored import ended_job, kept_document
from tests.orchestration.invoice_pdf import invoice_pdf

CALLBACK = "https://client.example/hooks/cira?token=1"


def _submit(client, **job):
    return client.post("/v1/jobs", json={"jobs": [{"url": "https://a.example/1.pdf", **job}]})


def _secret(api, client: str = "acme") -> None:
    api.services.webhook_secrets.create(client, api.services.pepper.pepper_id)


def _only_id(answer) -> JobId:
    assert answer.is_success, answer.text
    [job] = answer.json()["jobs"]
    return JobId(job["job_id"])


def test_a_callback_is_kept_with_its_job(api):
    _secret(api)
    client = api.client()
    job_id = _only_id(_submit(client, callback="HTTPS://Client.example:443/hooks/cira?token=1#top"))
    [listed] = client.get("/v1/jobs").json()["jobs"]
    assert listed["callback"] == CALLBACK
    assert client.get(f"/v1/jobs/{job_id}").json()["links"]["deliveries"] == f"/v1/jobs/{job_id}/deliveries"
    told = client.get(f"/v1/jobs/{job_id}/deliveries").json()
    assert told == {"job_id": job_id, "callback": CALLBACK, "deliveries": []}


def test_an_uploaded_document_can_have_a_callback_too(api):
    _secret(api)
    answer = api.client().post("/v1/documents", params={"callback": CALLBACK}, content=invoice_pdf("U-1"))
    assert api.services.jobs.get(_only_id(answer)).callback == CALLBACK


def test_a_callback_that_could_not_be_signed_is_refused_at_once(api):
    _secret(api, "somebody else")
    answer = _submit(api.client(), callback=CALLBACK)
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_secret_missing")
    assert api.services.jobs.list() == []


@pytest.mark.parametrize(
    ("callback", "code"),
    [
        ("http://client.example/hook", "url_scheme_unsupported"),
        ("ftp://client.example/hook", "url_scheme_unsupported"),
        ("file:///etc/passwd", "url_scheme_unsupported"),
        ("https://user:secret@client.example/hook", "url_invalid"),
        ("nowhere", "url_invalid"),
        ("https://127.0.0.1/hook", "url_address_refused"),
        ("https://2130706433/hook", "url_address_refused"),
        ("https://[::1]/hook", "url_address_refused"),
        ("https://[::ffff:169.254.169.254]/hook", "url_address_refused"),
        ("https://10.1.2.3:8443/hook", "url_address_refused"),
        ("https://client.example/" + "x" * 2_030, "url_invalid"),
    ],
)
def test_a_callback_that_leads_where_it_must_not_is_refused_with_its_place(api, callback, code):
    _secret(api)
    answer = _submit(api.client(), callback=callback)
    assert answer.status_code == 422
    [wrong] = answer.json()["errors"]
    assert wrong["pointer"] == "/jobs/0/callback"
    assert code in wrong["detail"] or "2048" in wrong["detail"]
    assert "secret" not in answer.text
    uploaded = api.client().post("/v1/documents", params={"callback": callback}, content=invoice_pdf("U-1"))
    assert uploaded.status_code == 422
    assert api.services.jobs.list() == []


def test_labels_wait_with_their_job_and_become_its_documents(api):
    labels = {"invoice_number": "RE-1", "gross_total": "119.00", "purchase_order": None}
    job_id = _only_id(_submit(api.client(), labels=labels))
    sha256 = kept_document(api.services, invoice_pdf("RE-1"))
    assert api.services.labels.get(sha256) is None
    api.services.jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
    api.services.jobs.document_found(job_id, sha256)
    assert api.services.labels.get(sha256) == labels


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"line_items": []},
        {"invoice_nr": "RE-1"},
        {"gross_total": "a lot"},
        {"gross_total": "1e999999999"},
        {"gross_total": "1e-999999999"},
        {"gross_total": "0e999999999"},
        {"issue_date": 0},
        {"issue_date": "2026-12-31T00:00:00"},
        {"issue_date": "31.12.2026"},
        {"invoice_number": "  "},
        {"supplier_name": "x" * 2_001},
    ],
)
def test_labels_that_can_be_no_truth_are_refused_with_their_place(api, labels):
    answer = _submit(api.client(), labels=labels)
    assert answer.status_code == 422
    assert all(each["pointer"].startswith("/jobs/0/labels") for each in answer.json()["errors"]), answer.text
    assert api.services.jobs.list() == []


def test_labels_of_one_client_do_not_replace_what_others_know(api):
    content = invoice_pdf("RE-2")
    sha256 = kept_document(api.services, content)

    def submitted(client: str, number: str) -> JobId:
        answer = api.client(client).post(
            "/v1/jobs",
            json={"jobs": [{"url": "https://a.example/2.pdf", "labels": {"invoice_number": number}}]},
            headers={"Idempotency-Key": number},
        )
        job_id = _only_id(answer)
        api.services.jobs.document_found(job_id, sha256)
        return job_id

    submitted("acme", "first")
    submitted("globex", "not theirs")
    assert api.services.labels.get(sha256) == {"invoice_number": "first"}
    submitted("acme", "second")
    assert api.services.labels.get(sha256) == {"invoice_number": "second"}
    api.services.labels.put(sha256, {"invoice_number": "confirmed"}, "review", confirmed_by="Anna Berg")
    submitted("acme", "third")
    assert api.services.labels.get(sha256) == {"invoice_number": "confirmed"}


def test_an_erased_job_leaves_neither_callback_nor_labels(api, database):
    _secret(api)
    client = api.client("acme", Scope.SUBMIT, Scope.READ)
    job_id = _only_id(_submit(client, callback=CALLBACK, labels={"invoice_number": "RE-1"}))
    assert client.delete(f"/v1/jobs/{job_id}", params={"erase": True}).is_success
    with database.begin() as connection:
        left = [
            connection.scalar(text(f"SELECT count(*) FROM cira.{table} WHERE job_id = :job_id"), {"job_id": job_id})
            for table in ("job_labels", "webhook_events")
        ]
    assert left == [0, 0]
    assert client.get(f"/v1/jobs/{job_id}/deliveries").json()["callback"] is None


def test_another_clients_deliveries_are_answered_like_none(api):
    theirs = ended_job(api.services, "acme")
    assert api.client("globex").get(f"/v1/jobs/{theirs}/deliveries").status_code == 404


def test_query_parameters_that_are_not_known_are_refused(api):
    answer = api.client().get("/v1/jobs", params={"staus": "failed"})
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert answer.json()["errors"] == [{"pointer": "query/staus", "detail": "unknown"}]
