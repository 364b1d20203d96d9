"""What every request meets: keys, limits, headers, and clients that mean harm."""

from __future__ import annotations

import logging
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cira_pipeline.api import access, server
from cira_pipeline.api.key_secret import parse_key
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.db.jobs.stage_timings import StageTimings
from cira_pipeline.jobs import Stage

BODY = {"jobs": [{"url": "https://a.example/1.pdf"}]}


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
    connection.settimeout(30)
    return connection


def _answer(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        return received
    return received


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "key_missing"),
        ("", "key_missing"),
        ("Basic YTpi", "key_missing"),
        ("Bearer", "key_missing"),
        ("Bearer nonsense", "key_invalid"),
        ("Bearer cira_0123456789abcdef_" + "0" * 64, "key_invalid"),
    ],
)
def test_nobody_gets_in_without_a_key(api, header, code):
    client = api.client_with(None)
    headers = {} if header is None else {"Authorization": header}
    for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", "/v1/anything"), ("GET", "/metrics")):
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code), path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_with_another_ones_secret_is_no_key(api):
    first, second = api.key(), api.key()
    mixed = f"cira_{parse_key(first)[0]}_{parse_key(second)[1]}"
    assert api.client_with(mixed).get("/v1/jobs").json()["code"] == "key_invalid"


def test_a_revoked_key_is_refused_within_seconds(api, monkeypatch):
    monkeypatch.setattr(access, "REMEMBERED_S", 0.2)
    key = api.key()
    client = api.client_with(key)
    assert client.get("/v1/jobs").status_code == 200
    api.services.keys.revoke(parse_key(key)[0])
    time.sleep(0.3)
    assert client.get("/v1/jobs").json()["code"] == "key_invalid"


def test_the_use_of_a_key_is_noted(api):
    key = api.key()
    api.client_with(key).get("/v1/jobs")
    deadline = time.monotonic() + 20
    while api.services.keys.get(parse_key(key)[0]).key.last_used_at is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_no_key_stands_in_the_log_whatever_happens(api, caplog, monkeypatch):
    key = api.key()
    with caplog.at_level(logging.DEBUG):
        client = api.client_with(key)
        client.get("/v1/jobs")
        client.get("/v1/jobs", headers={"Authorization": f"Bearer {key}x"})
        monkeypatch.setattr(type(api.services.jobs), "list", lambda *_a, **_k: 1 / 0)
        assert client.get("/v1/jobs").json()["code"] == "internal_error"
    assert "ZeroDivisionError" in caplog.text
    assert parse_key(key)[1] not in caplog.text


def test_an_unexpected_error_tells_a_client_nothing_but_where_to_look(api, monkeypatch):
    monkeypatch.setattr(
        type(api.services.jobs), "list", lambda *_a, **_k: (_ for _ in ()).throw(OSError("/secret/path"))
    )
    answer = api.client().get("/v1/jobs")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_keys_rate_holds_and_the_answer_says_when_to_come_back(api):
    client = api.client("acme", requests_per_minute=3)
    answers = [client.get("/v1/jobs") for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    assert [each.headers["RateLimit-Remaining"] for each in answers] == ["2", "1", "0", "0", "0"]
    assert answers[0].headers["RateLimit-Limit"] == "3"
    assert answers[3].json()["code"] == "rate_exceeded"
    assert 0 < int(answers[3].headers["Retry-After"]) <= 20
    assert api.client("acme").get("/v1/jobs").status_code == 200, "another key has a rate of its own"


def test_a_keys_rate_holds_without_redis_too(start_api, api_settings, database):
    api = start_api(api_settings.model_copy(update={"redis_url": None}))
    client = api.client("acme", requests_per_minute=2)
    assert [client.get("/v1/jobs").status_code for _ in range(3)] == [200, 200, 429]


def test_security_headers_stand_on_every_answer(api):
    for answer in (
        api.client_with(None).get("/healthz"),
        api.client_with(None).get("/nothing/here"),
        api.client_with(None).get("/v1/jobs"),
        api.client().get("/v1/jobs"),
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Server" not in answer.headers


def test_no_other_web_page_may_call_the_service_unless_it_is_allowed(start_api, api_settings, database):
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "GET"}
    closed = start_api(api_settings)
    assert "Access-Control-Allow-Origin" not in closed.client_with(None).options("/v1/jobs", headers=asked).headers
    opened = start_api(api_settings.model_copy(update={"api_allowed_origins": ("https://page.example",)}))
    allowed = opened.client_with(None).options("/v1/jobs", headers=asked)
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://page.example"
    other = opened.client_with(None).options("/v1/jobs", headers={**asked, "Origin": "https://other.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


def test_a_body_that_is_too_large_is_refused_before_it_is_read(start_api, api_settings, database):
    api = start_api(api_settings.model_copy(update={"api_max_body_bytes": 2_000}))
    client = api.client()
    announced = client.post("/v1/jobs", content=b"x" * 2_001)
    assert (announced.status_code, announced.json()["code"]) == (413, "request_too_large")
    in_chunks = client.post("/v1/jobs", content=(b"x" * 500 for _ in range(10)))
    assert (in_chunks.status_code, in_chunks.json()["code"]) == (413, "request_too_large")
    assert announced.json()["detail"] == in_chunks.json()["detail"] == "the body is larger than 2,000 bytes"
    unread = client.request("GET", "/v1/jobs", content=b"x" * 2_001)
    assert (unread.status_code, unread.json()["code"]) == (413, "request_too_large"), "also where no route reads it"


def test_a_stranger_cannot_make_the_service_read_a_body(api):
    with _connect(api.url) as connection:
        connection.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 401")


def test_headers_that_never_end_are_ended(api, monkeypatch):
    monkeypatch.setattr(server, "HEADERS_TIMEOUT_S", 2.0)
    slow = [_connect(api.url) for _ in range(100)]
    try:
        for connection in slow:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        started = time.monotonic()
        assert httpx.get(f"{api.url}/healthz", trust_env=False).status_code == 200, "others are served meanwhile"
        for connection in slow:
            assert _answer(connection).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - started < 20
    finally:
        for connection in slow:
            connection.close()


def test_a_connection_that_says_nothing_is_ended(api, monkeypatch):
    monkeypatch.setattr(server, "HEADERS_TIMEOUT_S", 0.3)
    with _connect(api.url) as connection:
        assert _answer(connection).startswith(b"HTTP/1.1 408")


def test_headers_without_bound_are_refused(api):
    with _connect(api.url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        answer = b""
        try:
            for _ in range(10):
                connection.sendall(b"X-Padding: " + b"x" * 8_000 + b"\r\n")
            answer = _answer(connection)
        except (BrokenPipeError, ConnectionResetError):
            answer = answer or b"HTTP/1.1 431"
        assert answer.startswith(b"HTTP/1.1 431")


def test_a_body_that_drips_in_is_ended(start_api, api_settings, database):
    api = start_api(api_settings.model_copy(update={"api_body_timeout_s": 0.5}))
    key = api.key()
    with _connect(api.url) as connection:
        connection.sendall(
            f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{".encode()
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 408")


def test_requests_on_one_connection_are_each_given_their_time(api, monkeypatch):
    monkeypatch.setattr(server, "HEADERS_TIMEOUT_S", 3.0)
    client = api.client_with(None)
    for _ in range(4):
        assert client.get("/healthz").status_code == 200
        time.sleep(0.9)


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(api, request_text):
    with _connect(api.url) as connection:
        connection.sendall(request_text)
        assert _answer_starts(connection).startswith((b"HTTP/1.1 400", b"HTTP/1.1 401"))


def _answer_starts(connection: socket.socket) -> bytes:
    return connection.recv(1000)


def test_ready_says_what_is_away(start_api, api_settings, database, dagster, tmp_path):
    assert start_api(api_settings).client_with(None).get("/readyz").json() == {
        "status": "ready",
        "postgresql": "ok",
        "redis": "ok",
        "object_store": "ok",
        "detail": None,
        "problems": [],
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = listener.getsockname()[1]
    no_redis = start_api(api_settings.model_copy(update={"redis_url": _secret(f"redis://127.0.0.1:{nobody}/0")}))
    answer = no_redis.client_with(None).get("/readyz")
    assert (answer.status_code, answer.json()["redis"]) == (200, "away")
    assert "PostgreSQL" in answer.json()["detail"]
    no_database = start_api(
        api_settings.model_copy(update={"postgres_url": _secret(f"postgresql://a:secret@127.0.0.1:{nobody}/x")})
    )
    answer = no_database.client_with(None).get("/readyz")
    assert (answer.status_code, answer.json()["postgresql"]) == (503, "away")
    assert "secret" not in answer.text
    refused = no_database.client_with("cira_0123456789abcdef_" + "0" * 64).get("/v1/jobs")
    assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
    assert "127.0.0.1" not in refused.text
    assert int(refused.headers["Retry-After"]) > 0


def _secret(text: str):
    from pydantic import SecretStr

    return SecretStr(text)


def test_metrics_are_for_admins_and_tell_what_stands_in_the_queue(api, redis_url):
    import redis

    api.client().post("/v1/jobs", json=BODY)
    shared = redis.Redis.from_url(redis_url)
    shared.set("cira:breaker:docling_serve:pybreaker:state", "open")
    try:
        text = api.client("ops", Scope.ADMIN).get("/metrics").text
    finally:
        shared.delete("cira:breaker:docling_serve:pybreaker:state")
    assert 'cira_jobs{status="queued"} 1.0' in text
    assert 'cira_breaker{dependency="docling_serve",state="open"} 1.0' in text
    assert 'cira_breaker{dependency="docling_serve",state="closed"} 0.0' in text
    assert "cira_queue_age_seconds" in text
    assert 'cira_api_requests_total{method="POST",route="/v1/jobs",status="202"} 1.0' in text
    assert "cira_redis_available 1.0" in text


def test_metrics_tell_how_long_every_stage_takes_whichever_process_ran_it(api, database):
    """Counted in PostgreSQL: a run of Dagster is another process."""
    timings = StageTimings(database)
    for stage, seconds in ((Stage.RAW_DOCUMENT, 0.2), (Stage.OCR_TEXT, 3.0), (Stage.OCR_TEXT, 700.0)):
        timings.note(stage, seconds)
    timings.keep()
    text = api.client("ops", Scope.ADMIN).get("/metrics").text
    assert 'cira_stage_seconds_bucket{le="0.25",stage="raw_document"} 1.0' in text
    assert 'cira_stage_seconds_bucket{le="2.5",stage="ocr_text"} 0.0' in text
    assert 'cira_stage_seconds_bucket{le="5.0",stage="ocr_text"} 1.0' in text
    assert 'cira_stage_seconds_bucket{le="+Inf",stage="ocr_text"} 2.0' in text
    assert 'cira_stage_seconds_sum{stage="ocr_text"} 703.0' in text
    for stage in Stage:
        assert f'cira_stage_seconds_count{{stage="{stage}"}}' in text


def test_metrics_tell_what_is_owed_to_callbacks_and_what_was_given_up(start_api, api_settings, database):
    api = start_api(api_settings.model_copy(update={"webhook_delivery": False}))
    for number in range(3):
        [made] = api.services.jobs.submit(
            [Submission(f"https://a.example/{number}.pdf", client="acme", callback="https://client.example/hook")]
        )
        api.services.jobs.cancel(made.job.job_id)
    with database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE cira.webhook_events SET state = 'failed', ended_at = now() "
            "WHERE event_id = (SELECT min(event_id) FROM cira.webhook_events)"
        )
        connection.exec_driver_sql("UPDATE cira.webhook_events SET owed_since = now() - interval '100 s'")
        connection.exec_driver_sql("UPDATE cira.webhook_receivers SET paused_until = now() + interval '1 hour'")
    text = api.client("ops", Scope.ADMIN).get("/metrics").text
    assert 'cira_webhook_events{state="pending"} 2.0' in text
    assert 'cira_webhook_events{state="failed"} 1.0' in text
    assert "cira_webhook_paused_receivers 1.0" in text
    [oldest] = [line.split()[1] for line in text.splitlines() if line.startswith("cira_webhook_oldest_seconds ")]
    assert 100 <= float(oldest) < 1_000


def test_metrics_can_be_opened(start_api, api_settings, database):
    api = start_api(api_settings.model_copy(update={"api_metrics_open": True}))
    assert api.client_with(None).get("/metrics").status_code == 200


_MALFORMED = [
    "[::1",
    "[",
    "]",
    "[::1]x",
    "[v1.x]",
    "h:port",
    "h:99999",
    "a b",
    "h/x",
    "a@b",
    "h?x",
    "h#x",
    ",",
    "h:1:2",
]
_PATHS = (("GET", "/healthz"), ("GET", "/"), ("GET", "/v1/jobs"), ("POST", "/signin"), ("POST", "/submit"))


def _status(url: str, method: str, path: str, **headers: str) -> int:
    with _connect(url) as connection:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(
            f"{method} {path} HTTP/1.1\r\n{lines}Connection: close\r\nContent-Length: 0\r\n\r\n".encode()
        )
        return int(_answer(connection).split(b" ", 2)[1])


@pytest.mark.parametrize("host", _MALFORMED)
def test_a_malformed_host_is_a_bad_request_on_every_path(api, host):
    for method, path in _PATHS:
        assert _status(api.url, method, path, Host=host) == 400, path


@pytest.mark.parametrize("origin", [f"http://{host}" for host in _MALFORMED] + ["null", "[", "http:", ""])
def test_a_malformed_origin_is_another_site_and_no_internal_error(api, origin):
    for method, path in (("POST", "/signin"), ("POST", "/submit"), ("GET", "/")):
        assert 300 <= _status(api.url, method, path, Host="localhost", Origin=origin, Referer=origin) < 500, path
    assert _status(api.url, "POST", "/signin", Host="localhost", Origin=origin) in (400, 403, 409)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_host_origin_or_referer_makes_an_internal_error(api, data):
    pieces = [
        "http://",
        "https://",
        "[",
        "]",
        "::1",
        ":",
        "80",
        "99999",
        "@",
        "/",
        "?",
        "#",
        "%",
        "localhost",
        ".",
        "-",
        "x",
    ]
    value = st.lists(st.sampled_from(pieces), max_size=6).map("".join)
    method, path = data.draw(st.sampled_from(_PATHS))
    host, origin = data.draw(value), data.draw(value)
    assert _status(api.url, method, path, Host=host, Origin=origin, Referer=origin) < 500
