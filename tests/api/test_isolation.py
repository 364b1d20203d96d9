"""One client never sees, changes or even notices what is another's."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.jobs import new_job_id
from cira_pipeline.models import Verdict
from tests.api.stored import ended_job
from tests.orchestration.invoice_pdf import invoice_pdf

_REQUESTS = [
    ("GET", "/v1/jobs/{id}", None),
    ("POST", "/v1/jobs/{id}/retry", None),
    ("DELETE", "/v1/jobs/{id}", None),
    ("GET", "/v1/invoices/{id}", None),
    ("GET", "/v1/invoices/{id}/document", None),
    ("GET", "/v1/invoices/{id}/pages/1.png", None),
    ("PUT", "/v1/invoices/{id}/confirmation", {"fields": {"invoice_number": "taken over"}}),
]


@pytest.mark.parametrize(("method", "path", "body"), _REQUESTS)
def test_another_clients_job_is_answered_like_one_that_does_not_exist(api, method, path, body):
    job_id, nobodys = ended_job(api.services, "acme"), new_job_id()
    stranger = api.client("globex")
    theirs = stranger.request(method, path.format(id=job_id), json=body)
    none = stranger.request(method, path.format(id=nobodys), json=body)
    assert theirs.status_code == none.status_code == 404
    said = {**theirs.json(), "request_id": "", "detail": theirs.json()["detail"].replace(job_id, nobodys)}
    assert said == {**none.json(), "request_id": ""}
    assert api.services.records.get(job_id).record.invoice.invoice_number == "RE-2024/001"


def test_lists_files_and_costs_hold_a_clients_own_only(api):
    mine, theirs = ended_job(api.services, "globex", number="A-1"), ended_job(api.services, "acme", number="B-1")
    client = api.client("globex")
    for path in ("/v1/jobs", "/v1/invoices", "/v1/invoices?format=csv", "/v1/jobs?client=acme"):
        text = client.get(path).text
        assert mine in text, path
        assert theirs not in text, path
    # Asking for another client by name changes nothing.
    assert theirs not in client.get("/v1/invoices?client=acme&format=csv").text


def test_an_admin_sees_every_client_and_can_ask_for_one(api):
    first, second = ended_job(api.services, "globex", number="A-1"), ended_job(api.services, "acme", number="B-1")
    admin = api.client("ops", Scope.ADMIN)
    assert {each["job_id"] for each in admin.get("/v1/invoices").json()["invoices"]} == {first, second}
    assert [each["job_id"] for each in admin.get("/v1/invoices?client=acme").json()["invoices"]] == [second]
    assert admin.get(f"/v1/invoices/{first}").status_code == 200


def test_an_invoice_that_came_before_from_another_client_is_not_named(api):
    theirs = ended_job(api.services, "acme", number="SAME-1")
    mine = ended_job(api.services, "globex", number="SAME-1")
    assert api.services.records.get(mine).duplicate_of == (theirs,)
    assert api.client("globex").get(f"/v1/invoices/{mine}").json()["duplicate_of"] == []
    assert api.client("ops", Scope.ADMIN).get(f"/v1/invoices/{mine}").json()["duplicate_of"] == [theirs]


def test_nothing_a_client_can_ask_for_names_another_clients_jobs_or_accounts(api):
    """Findings and files too, also after the record was validated anew by a confirmation."""
    theirs = ended_job(
        api.services, "acme", number="SAME-1", verdict=Verdict.ACCEPTED, payment_iban="DE02120300000000202051"
    )
    mine = ended_job(api.services, "globex", number="SAME-1", payment_iban="DE89370400440532013000")
    client = api.client("globex")
    confirmed = client.put(f"/v1/invoices/{mine}/confirmation", json={"confirmed_by": "Anna Berg"})
    found = {each["rule"]: each["message"] for each in confirmed.json()["findings"]}
    assert "another client" in found["CIRA-DUP-01"]
    assert "DE89370400440532013000 is new" in found["CIRA-PAY-02"]
    paths = (
        f"/v1/invoices/{mine}",
        f"/v1/jobs/{mine}",
        f"/v1/jobs/{mine}/deliveries",
        "/v1/jobs",
        "/v1/invoices",
        "/v1/invoices?format=csv",
        "/v1/costs",
    )
    for answer in (confirmed, *(client.get(path) for path in paths)):
        assert answer.is_success
        assert theirs not in answer.text, answer.url
        assert "DE02120300000000202051" not in answer.text, answer.url
    parquet = pd.read_parquet(io.BytesIO(client.get("/v1/invoices?format=parquet").content))
    assert parquet.job_id.to_list() == [mine]
    assert [list(each) for each in parquet.duplicate_of] == [[]]
    admin = api.client("ops", Scope.ADMIN)
    assert theirs in admin.get(f"/v1/invoices/{mine}").json()["duplicate_of"]
    assert theirs in admin.get("/v1/invoices?format=csv").text


def test_a_clients_own_earlier_invoice_and_accounts_are_named(api):
    first = ended_job(
        api.services, "acme", number="SAME-1", verdict=Verdict.ACCEPTED, payment_iban="DE02120300000000202051"
    )
    second = ended_job(api.services, "acme", number="SAME-1", content=invoice_pdf("2"))
    client = api.client("acme")
    body = {"confirmed_by": "Anna Berg", "fields": {"payment_iban": "DE89370400440532013000"}}
    confirmed = client.put(f"/v1/invoices/{second}/confirmation", json=body).json()
    found = {each["rule"]: each["message"] for each in confirmed["findings"]}
    assert first in found["CIRA-DUP-01"]
    assert "DE02120300000000202051" in found["CIRA-PAY-02"]
    assert confirmed["duplicate_of"] == [first]
    assert first in client.get("/v1/invoices?format=csv").text.splitlines()[2]


def test_the_same_url_from_two_clients_is_two_jobs(api):
    body = {"jobs": [{"url": "https://a.example/1.pdf"}]}
    first = api.client("acme").post("/v1/jobs", json=body).json()["jobs"][0]
    second = api.client("globex").post("/v1/jobs", json=body).json()["jobs"][0]
    assert first["job_id"] != second["job_id"]
    assert second["created"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/invoices/../../../../etc/passwd",
        "/v1/invoices/..%2f..%2f..%2fetc%2fpasswd/document",
        "/v1/invoices/%2e%2e/document",
        "/v1/jobs/..%5c..%5cetc",
        "/v1/invoices/inv_00000000000000000000000000/pages/..%2f1.png",
        "//etc/passwd",
        "/static/../../../etc/passwd",
    ],
)
def test_no_path_leads_to_files(api, path):
    client = api.client()
    answer = client.request("GET", client.base_url.copy_with(raw_path=path.encode()))
    assert answer.status_code in (404, 422)
    assert "root:" not in answer.text
