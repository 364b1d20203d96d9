"""Submitting and following jobs over HTTP."""

from __future__ import annotations

import pytest

from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.settings import Settings
from tests.api.stored import ended_job


def _submit(client, *urls: str, **headers: str):
    answer = client.post("/v1/jobs", json={"jobs": [{"url": url} for url in urls]}, headers=headers)
    assert answer.is_success, answer.text
    return answer


def _ids(answer) -> list[str]:
    return [job["job_id"] for job in answer.json()["jobs"]]


def test_submitted_urls_become_jobs_in_their_order(api):
    urls = [f"https://supplier.example/{number}.pdf" for number in range(20)]
    answer = _submit(api.client(), *urls)
    assert answer.status_code == 202
    assert [job["url"] for job in answer.json()["jobs"]] == urls
    assert _ids(answer) == sorted(_ids(answer))
    assert [api.services.jobs.get(JobId(job_id)).url for job_id in _ids(answer)] == urls


def test_a_request_that_is_sent_again_makes_no_second_job_and_costs_no_quota(api):
    client = api.client()
    first = _submit(client, "https://a.example/1.pdf", **{"Idempotency-Key": "k"})
    again = _submit(client, "https://a.example/1.pdf", **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (202, 200)
    assert _ids(first) == _ids(again)
    assert first.headers["Quota-Remaining"] == again.headers["Quota-Remaining"]
    other = _submit(client, "https://a.example/1.pdf", **{"Idempotency-Key": "another"})
    assert _ids(other) != _ids(first)


def test_a_backfill_says_that_it_may_wait_for_half_the_price(api):
    body = {"jobs": [{"url": f"https://a.example/{wish}.pdf", "model_batch": wish} for wish in (True, False, None)]}
    jobs = [api.services.jobs.get(JobId(job_id)) for job_id in _ids(api.client().post("/v1/jobs", json=body))]
    assert [job.model_batch for job in jobs] == [True, False, None]


def test_reference_and_policy_are_kept_with_the_job(api):
    body = {"jobs": [{"url": "https://a.example/1.pdf", "client_reference": "order 7", "policy": "offline_only"}]}
    [job_id] = _ids(api.client().post("/v1/jobs", json=body))
    job = api.services.jobs.get(JobId(job_id))
    assert (job.client, job.client_reference, job.policy, job.source) == ("acme", "order 7", "offline_only", "api")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("no url at all", "url_invalid"),
        ("ftp://a.example/1.pdf", "url_scheme_unsupported"),
        ("https://user:secret@a.example/1.pdf", "url_invalid"),
        # Read with CIRA's own rights: one client must not reach another's files or buckets with them.
        ("file:///etc/passwd", "url_scheme_unsupported"),
        ("s3://somebody/elses.pdf", "url_scheme_unsupported"),
    ],
)
def test_one_wrong_url_is_named_and_nothing_is_submitted(api, url, code):
    client = api.client()
    answer = client.post("/v1/jobs", json={"jobs": [{"url": "https://a.example/1.pdf"}, {"url": url}]})
    assert answer.status_code == 422
    [wrong] = answer.json()["errors"]
    assert wrong["pointer"] == "/jobs/1/url"
    assert code in wrong["detail"]
    assert "secret" not in answer.text
    assert client.get("/v1/jobs").json()["jobs"] == []


def test_an_operator_may_let_clients_submit_files(start_api, api_settings, database):
    api = start_api(api_settings.model_copy(update={"api_url_schemes": ("https", "file")}))
    assert _submit(api.client(), "file:///srv/invoices/1.pdf").status_code == 202


@pytest.mark.parametrize("body", [{"jobs": []}, {"jobs": [{"url": "https://a.example/"}] * 1001}, {}, [], {"jobs": 1}])
def test_too_few_and_too_many_urls_are_refused(api, body):
    answer = api.client().post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


def test_a_status_tells_stage_error_and_what_to_do(api):
    client = api.client()
    [job_id] = _ids(_submit(client, "https://a.example/1.pdf"))
    api.services.jobs.start(JobId(job_id), Stage.RAW_DOCUMENT, "run-1")
    running = client.get(f"/v1/jobs/{job_id}").json()
    assert (running["status"], running["stage"], running["error"]) == ("running", "raw_document", None)
    assert running["waited_s"] >= 0
    api.services.jobs.fail(JobId(job_id), Stage.RAW_DOCUMENT, SourceNotFound("status 404"))
    failed = client.get(f"/v1/jobs/{job_id}").json()
    assert failed["status"] == "failed"
    assert failed["error"] == {
        "code": "source_not_found",
        "message": "status 404",
        "hint": SourceNotFound.hint,
        "retryable": False,
    }
    assert failed["processing_s"] >= 0


def test_a_status_tells_what_the_job_has_cost_so_far(api, database):
    client = api.client()
    [job_id] = _ids(_submit(client, "https://a.example/1.pdf"))
    with database.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO cira.cost_entries (job_id, stage, provider, model, unit, quantity, unit_price, amount_usd, "
            "price_list, dedupe_key) "
            "VALUES (%s, 'extracted_fields', 'azure', 'm', 'token', 10, 0.001, 0.0125, '1', 'k')",
            (job_id,),
        )
    api.services.jobs.start(JobId(job_id), Stage.VALIDATED_RECORD, "run-1")
    assert client.get(f"/v1/jobs/{job_id}").json()["cost_usd"] == "0.0125"
    report = client.get("/v1/costs").json()
    assert report["total_usd"] == "0.0125"
    assert report["entries"][0]["model"] == "m"
    assert api.client("another").get("/v1/costs").json()["total_usd"] == "0"


def test_failed_jobs_can_be_retried_and_waiting_ones_cancelled(api):
    client = api.client()
    [job_id] = _ids(_submit(client, "https://a.example/1.pdf"))
    assert client.post(f"/v1/jobs/{job_id}/retry").json()["code"] == "job_not_retryable"
    api.services.jobs.fail(JobId(job_id), Stage.RAW_DOCUMENT, SourceNotFound("gone"))
    assert client.delete(f"/v1/jobs/{job_id}").status_code == 409
    assert client.post(f"/v1/jobs/{job_id}/retry").json()["status"] == "queued"
    assert client.delete(f"/v1/jobs/{job_id}").json()["status"] == "cancelled"
    assert client.delete(f"/v1/jobs/{job_id}").json()["status"] == "cancelled"
    assert client.get(f"/v1/jobs/{job_id}").json()["status"] == "cancelled"


def test_pages_of_a_list_hold_every_job_once(api):
    client = api.client()
    submitted = _ids(_submit(client, *(f"https://a.example/{number}.pdf" for number in range(7))))
    listed, cursor, pages = [], None, 0
    while True:
        page = client.get("/v1/jobs", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        listed += _ids_of(page)
        pages += 1
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert (listed, pages) == (submitted[::-1], 3)


def _ids_of(page) -> list[str]:
    return [job["job_id"] for job in page["jobs"]]


def test_lists_can_be_filtered(api):
    client = api.client()
    done = ended_job(api.services)
    body = {"jobs": [{"url": "https://a.example/1.pdf", "client_reference": "order 7"}]}
    [waiting] = _ids(client.post("/v1/jobs", json=body))
    assert _ids_of(client.get("/v1/jobs", params={"status": "queued"}).json()) == [waiting]
    assert _ids_of(client.get("/v1/jobs", params={"verdict": "needs_review"}).json()) == [done]
    assert _ids_of(client.get("/v1/jobs", params={"client_reference": "order 7"}).json()) == [waiting]


def test_a_days_quota_holds_over_all_requests(api):
    client = api.client("acme", jobs_per_day=3)
    _submit(client, "https://a.example/1.pdf", "https://a.example/2.pdf")
    refused = client.post("/v1/jobs", json={"jobs": [{"url": f"https://a.example/{each}"} for each in "34"]})
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exhausted")
    assert int(refused.headers["Retry-After"]) > 0
    last = _submit(client, "https://a.example/3.pdf")
    assert (last.headers["Quota-Limit"], last.headers["Quota-Remaining"]) == ("3", "0")


def test_scopes_keep_a_key_to_what_it_is_for(api):
    reader, submitter = api.client("acme", Scope.READ), api.client("acme", Scope.SUBMIT)
    refused = reader.post("/v1/jobs", json={"jobs": [{"url": "https://a.example/1.pdf"}]})
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    [job_id] = _ids(_submit(submitter, "https://a.example/1.pdf"))
    assert submitter.get(f"/v1/jobs/{job_id}").status_code == 403
    assert reader.get(f"/v1/jobs/{job_id}").status_code == 200
    assert reader.delete(f"/v1/jobs/{job_id}").status_code == 403
    assert reader.put(f"/v1/invoices/{job_id}/confirmation", json={}).status_code == 403
    assert reader.get("/metrics").status_code == 403
    assert api.client("ops", Scope.ADMIN).get(f"/v1/jobs/{job_id}").status_code == 200


def test_settings_say_which_urls_clients_may_submit():
    assert Settings().api_url_schemes == ("http", "https")
