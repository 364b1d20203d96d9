"""What is sent again, what is not, and where the key goes."""

from __future__ import annotations

import json

import pytest

from cira_pipeline.api.job_models import JobLinks, ListedJob
from cira_pipeline.client import Client, Patience
from cira_pipeline.errors import ConfigurationError, ServiceAnswerInvalid, ServiceUnreachable, StoreUnavailable
from cira_pipeline.jobs import new_job_id
from tests.client.conftest import Answer

JOB = new_job_id()
KEY = "cira_0123456789abcdef_" + "a" * 64
QUICK = Patience(attempts=3, first_pause_s=0.001)
NO_ANSWER = Answer(None)
LINKS = dict.fromkeys(JobLinks.model_fields, "")
_LISTED = dict.fromkeys(ListedJob.model_fields) | {
    "job_id": JOB, "client": "acme", "url": "https://a.example/", "source": "api", "status": "queued", "attempts": 0,
    "submitted_at": "2026-01-01T00:00:00Z", "links": LINKS,
}  # fmt: skip
LISTED = Answer(200, {"Content-Type": "application/json"}, json.dumps(_LISTED).encode())
_SUBMITTED = {
    "job_id": JOB, "created": True, "status": "queued", "url": "https://a.example/", "client_reference": None,
    "links": LINKS,
}  # fmt: skip
SUBMITTED = Answer(202, {"Content-Type": "application/json"}, json.dumps({"created": 1, "jobs": [_SUBMITTED]}).encode())


def problem(status: int, code: str, **headers: str) -> Answer:
    body = {
        "type": f"urn:cira:problem:{code}", "title": "x", "status": status, "detail": "no", "code": code,
        "hint": "wait", "retryable": True, "request_id": "0123456789abcdef",
    }  # fmt: skip
    return Answer(status, {"Content-Type": "application/problem+json", **headers}, json.dumps(body).encode())


BUSY = problem(503, "store_unavailable", **{"Retry-After": "0"})


def test_a_lost_answer_to_a_submission_is_asked_for_again_under_the_same_key(scripted):
    server = scripted(NO_ANSWER, BUSY, SUBMITTED)
    with Client(server.url, KEY, patience=QUICK) as client:
        assert client.submit("https://a.example/", again=True).job_id == JOB
    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert keys[0]


def test_a_retry_whose_answer_is_lost_is_never_sent_twice(scripted):
    server = scripted(NO_ANSWER, LISTED)
    with Client(server.url, KEY, patience=QUICK) as client, pytest.raises(ServiceUnreachable, match="is not known"):
        client.retry(JOB)
    assert len(server.requests) == 1
    server = scripted(BUSY, LISTED)
    with Client(server.url, KEY, patience=QUICK) as client, pytest.raises(StoreUnavailable):
        client.retry(JOB)
    assert len(server.requests) == 1


def test_what_was_refused_for_the_rate_is_sent_again_when_the_service_says(scripted):
    slept: list[float] = []
    server = scripted(problem(429, "rate_exceeded", **{"Retry-After": "7"}), LISTED)
    with Client(server.url, KEY, patience=QUICK, sleep=slept.append) as client:
        assert client.retry(JOB).job_id == JOB
    assert slept == [7]


def test_a_wait_longer_than_wanted_and_a_used_up_quota_are_errors_at_once(scripted):
    for refusal in (
        problem(429, "rate_exceeded", **{"Retry-After": "3600"}),
        problem(429, "quota_exhausted", **{"Retry-After": "1"}),
    ):
        server = scripted(refusal, SUBMITTED)
        with Client(server.url, KEY, patience=QUICK) as client, pytest.raises(Exception, match="no"):
            client.submit("https://a.example/")
        assert len(server.requests) == 1


def test_pauses_grow_and_tries_have_an_end(scripted):
    slept: list[float] = []
    server = scripted(Answer(502, {}, b"<html>bad gateway"))
    patience = Patience(attempts=4, first_pause_s=1)
    with Client(server.url, KEY, patience=patience, sleep=slept.append) as client, pytest.raises(ServiceUnreachable):
        client.cancel(JOB)
    assert len(server.requests) == 4
    assert [low <= pause <= 3 * low for low, pause in zip((0.5, 1, 2), slept, strict=True)] == [True] * 3


def test_the_key_is_not_sent_where_a_redirect_points(scripted):
    other = scripted(LISTED)
    server = scripted(Answer(307, {"Location": f"{other.url}/v1/jobs/{JOB}"}))
    with Client(server.url, KEY, patience=QUICK) as client, pytest.raises(ServiceAnswerInvalid, match="redirects to"):
        client.cancel(JOB)
    assert other.requests == []
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_links_in_answers_lead_the_key_nowhere(scripted):
    evil = scripted(LISTED)
    body = _LISTED | {"links": dict.fromkeys(LINKS, f"{evil.url}/")}
    server = scripted(Answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode()))
    with Client(server.url, KEY, patience=QUICK) as client:
        client.cancel(JOB)
        assert client.document(JOB).content == json.dumps(body).encode()
    assert evil.requests == []


@pytest.mark.parametrize("body", [b"<html>welcome to the hotel's network", b"{}", b"[1]", b"\xff"])
def test_an_answer_that_is_not_ciras_is_said_to_be_none(scripted, body):
    server = scripted(Answer(200, {"Content-Type": "text/html"}, body))
    with Client(server.url, KEY, patience=QUICK) as client, pytest.raises(ServiceAnswerInvalid):
        client.status(JOB)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a.example", "a.example:8000", "https://", "https://me:secret@a.example", "https://a.example/?x=1"],
)
def test_a_wrong_address_is_refused_before_the_key_goes_anywhere_and_no_password_is_repeated(url):
    with pytest.raises(ConfigurationError) as raised:
        Client(url, KEY)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("key", ["", " ", "cira_\n", "schlüssel"])
def test_what_cannot_be_a_key_is_no_header(key):
    if key.strip() == "cira_":
        assert Client("http://127.0.0.1:9", key)
        return
    with pytest.raises(ConfigurationError):
        Client("http://127.0.0.1:9", key)
