"""Polling: quick, without PostgreSQL while Redis has it, and right whatever Redis does."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import event

from cira_pipeline.api import access, rate_limit
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.jobs import status_cache
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.models import Verdict
from cira_pipeline.settings import inherited_environment
from tests.api.conftest import RunningApi
from tests.api.stored import kept_document


@pytest.fixture
def valkey(tmp_path, services_folder) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(
        services_folder / f"valkey-{tmp_path.name}", environment=inherited_environment(), marked_by=services_folder
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own(start_api, api_settings, database, valkey, monkeypatch) -> RunningApi:
    """A service with a Redis of its own, which is asked again a moment after it failed."""
    monkeypatch.setattr(rate_limit, "PAUSE_S", 0.3)
    monkeypatch.setattr(status_cache, "PAUSE_S", 0.3)
    return start_api(api_settings.model_copy(update={"redis_url": SecretStr(valkey.url())}))


@pytest.fixture
def statements(api) -> Iterator[list[str]]:
    """What PostgreSQL is asked by the service."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(api.services.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(api.services.database.engine, "before_cursor_execute", note)


def _submit(client) -> str:
    answer = client.post("/v1/jobs", json={"jobs": [{"url": "https://a.example/1.pdf"}]})
    return answer.json()["jobs"][0]["job_id"]


def _poll(client, job_id: str) -> str:
    answer = client.get(f"/v1/jobs/{job_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()["status"]


def _until(condition: Callable[[], object], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_polling_asks_postgresql_nothing(api, statements, monkeypatch):
    # A busy machine takes longer for all these polls than a key is remembered.
    monkeypatch.setattr(access, "REMEMBERED_S", 600.0)
    monkeypatch.setattr(access, "USE_NOTED_EVERY_S", 600.0)
    client = api.client()
    job_id = _submit(client)
    _poll(client, job_id)
    _until(lambda: any("last_used_at" in each for each in statements))
    statements.clear()
    for _ in range(200):
        assert _poll(client, job_id) == "queued"
    # Once a second, however many poll, the process looks for webhooks that are due.
    assert [each for each in statements if "webhook" not in each] == []


def test_many_who_ask_for_a_status_that_is_not_cached_ask_postgresql_once(api, statements, redis_url, monkeypatch):
    client = api.client()
    job_id = _submit(client)
    _poll(client, job_id)
    real, arrived = api.services.jobs.status_from_rows, threading.Event()

    def slow(wanted: JobId):
        arrived.wait(timeout=5)
        return real(wanted)

    monkeypatch.setattr(api.services.jobs, "status_from_rows", slow)
    redis.Redis.from_url(redis_url).delete(f"cira:job:{job_id}")
    statements.clear()
    clients = [api.client_with(client.headers["Authorization"].removeprefix("Bearer ")) for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        polls = [pool.submit(_poll, each, job_id) for each in clients]
        time.sleep(1)
        arrived.set()
        assert {poll.result() for poll in polls} == {"queued"}
    assert len([each for each in statements if "cost_entries" in each]) == 1


def test_every_change_is_seen_by_the_next_poll(api):
    client = api.client()
    job_id = JobId(_submit(client))
    seen = [_poll(client, job_id)]
    sha256 = kept_document(api.services, b"%PDF-1.7 seen")
    for stage in Stage:
        api.services.jobs.start(job_id, stage, "run-1")
        seen.append(client.get(f"/v1/jobs/{job_id}").json()["stage"])
    api.services.jobs.document_found(job_id, sha256)
    api.services.jobs.succeed(job_id, Verdict.ACCEPTED)
    seen.append(_poll(client, job_id))
    assert seen == ["queued", *Stage, "succeeded"]


def test_with_redis_stopped_statuses_stay_right_and_everybody_is_told(own, valkey, dagster):
    client = own.client()
    job_id = JobId(_submit(client))
    valkey.stop()
    assert _poll(client, job_id) == "queued"
    own.services.jobs.start(job_id, Stage.OCR_TEXT, "run-1")
    assert _poll(client, job_id) == "running"
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["redis"]) == (200, "ready", "away")
    metrics = own.client("ops", Scope.ADMIN).get("/metrics").text
    assert "cira_redis_available 0.0" in metrics
    assert 'cira_api_job_statuses_total{source="postgresql"} 2.0' in metrics


def test_a_redis_that_comes_back_with_old_statuses_does_not_spread_them(own, valkey):
    client = own.client()
    job_id = JobId(_submit(client))
    assert _poll(client, job_id) == "queued"
    valkey.stop()
    own.services.jobs.cancel(job_id)
    assert _poll(client, job_id) == "cancelled"
    valkey.start()
    _until(lambda: client.get("/readyz").json()["redis"] == "ok")
    time.sleep(0.4)
    # The next change of any job takes what could not be written out of the way.
    _submit_another(client)
    _until(lambda: own.services.cache.available)
    assert {_poll(client, job_id) for _ in range(20)} == {"cancelled"}
    assert own.services.fast_path.available


def _submit_another(client) -> None:
    assert client.post("/v1/jobs", json={"jobs": [{"url": "https://a.example/2.pdf"}]}).is_success


def test_a_redis_that_was_emptied_is_filled_again(own, valkey):
    client = own.client("acme", requests_per_minute=60)
    job_id = _submit(client)
    with redis.Redis.from_url(valkey.url()) as shared:
        shared.flushall()
        shared.script_flush()
        assert _poll(client, job_id) == "queued"
        assert _poll(client, job_id) == "queued"
        assert shared.hget(f"cira:job:{job_id}", "version")
        assert shared.get(f"cira:rate:{own.services.keys.list()[0].key_id}"), "rates are counted in Redis again"


def test_a_slow_redis_holds_nobody_up_for_long(own, valkey):
    client = own.client()
    job_id = _submit(client)
    with redis.Redis.from_url(valkey.url()) as shared:
        shared.execute_command("CLIENT", "PAUSE", "60000", "ALL")
    started = time.monotonic()
    assert {_poll(client, job_id) for _ in range(10)} == {"queued"}
    assert time.monotonic() - started < 60, "the answers came from PostgreSQL while Redis slept"


def test_a_full_redis_never_keeps_an_old_status_alive(own, valkey):
    client = own.client()
    job_id = JobId(_submit(client))
    assert _poll(client, job_id) == "queued"
    with redis.Redis.from_url(valkey.url()) as shared:
        shared.config_set("maxmemory-policy", "noeviction")
        shared.config_set("maxmemory", "1")
        own.services.jobs.start(job_id, Stage.OCR_TEXT, "run-1")
        assert _poll(client, job_id) == "running"
        own.services.jobs.cancel(job_id)
        assert {_poll(client, job_id) for _ in range(5)} == {"cancelled"}
        shared.config_set("maxmemory", "0")
    assert _poll(client, job_id) == "cancelled"


def test_twenty_five_clients_poll_without_an_error_while_redis_comes_and_goes(own, valkey):
    key = own.key()
    first = own.client_with(key)
    job_id = JobId(_submit(first))
    clients = [own.client_with(key) for _ in range(25)]
    seen: Counter[int] = Counter()
    ends = threading.Event()

    def poll(client) -> None:
        while not ends.is_set():
            seen[client.get(f"/v1/jobs/{job_id}").status_code] += 1

    def let_them_poll(for_s: float) -> None:
        """For that time, and on a busy machine until each has had its turns."""
        polled = seen.total()
        time.sleep(for_s)
        _until(lambda: seen.total() > polled + 2 * len(clients), timeout_s=120)

    with ThreadPoolExecutor(25) as pool:
        polls = [pool.submit(poll, each) for each in clients]
        try:
            let_them_poll(0.5)
            valkey.stop()
            let_them_poll(1)
            valkey.start()
            let_them_poll(1)
        finally:
            ends.set()
        for each in polls:
            each.result()
    assert set(seen) == {200}, seen
    assert seen[200] > 100
