"""Changes of jobs as server-sent events."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from cira_pipeline.api import events
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.jobs import JobId, Stage


@contextmanager
def _stream(client, *, first: bool = True) -> Iterator[Iterator[tuple[str, dict]]]:
    """Events of an open stream, once the service hears PostgreSQL."""
    with client.stream("GET", "/v1/events", timeout=60) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        found = _events(answer.iter_lines())
        assert next(found)[0] == "resync"
        if first:
            # Another one, when the service has begun to listen.
            assert next(found)[0] == "resync"
        yield found


def _events(lines: Iterator[str]) -> Iterator[tuple[str, dict]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def _submit(client, url: str = "https://a.example/1.pdf") -> JobId:
    return JobId(client.post("/v1/jobs", json={"jobs": [{"url": url}]}).json()["jobs"][0]["job_id"])


def test_every_change_of_a_job_is_told_in_its_order(api):
    client = api.client()
    with _stream(client) as told:
        job_id = _submit(client)
        api.services.jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
        api.services.jobs.fail(job_id, Stage.RAW_DOCUMENT, SourceNotFound("gone"))
        changes = [next(told) for _ in range(3)]
    assert [name for name, _ in changes] == ["job"] * 3
    assert [(each["job_id"], each["status"], each["version"]) for _, each in changes] == [
        (job_id, "queued", 1),
        (job_id, "running", 2),
        (job_id, "failed", 3),
    ]
    assert changes[2][1]["error_code"] == "source_not_found"


def test_a_browser_reads_name_id_and_data_of_every_event(api):
    client = api.client()
    with client.stream("GET", "/v1/events", timeout=60) as answer:
        lines = answer.iter_lines()
        events = (dict(line.split(": ", 1) for line in iter(lambda: next(lines), "")) for _ in itertools.count())
        assert [next(events), next(events)] == [{"event": "resync", "data": "{}"}] * 2
        job_id = _submit(client)
        told = next(events)
    assert told.keys() == {"event", "id", "data"}
    assert (told["event"], told["id"]) == ("job", f"{job_id}:1")
    assert json.loads(told["data"])["status"] == "queued"


def test_a_client_hears_of_its_own_jobs_only_and_an_admin_of_all(api):
    acme, globex = api.client("acme"), api.client("globex")
    with _stream(globex) as told, _stream(api.client("ops", Scope.ADMIN), first=False) as told_admin:
        theirs, mine = _submit(acme), _submit(globex)
        assert next(told)[1]["job_id"] == mine
        assert [next(told_admin)[1]["job_id"], next(told_admin)[1]["job_id"]] == [theirs, mine]


def test_a_change_that_was_rolled_back_is_not_told(api, database):
    client = api.client()
    with _stream(client) as told:
        with database.engine.connect() as connection:
            connection.execute(text("SELECT pg_notify('cira_job', '{}')"))
            connection.rollback()
        job_id = _submit(client)
        assert next(told)[1]["job_id"] == job_id


def test_a_stream_goes_on_when_postgresql_broke_its_connection_off(api, database, monkeypatch):
    monkeypatch.setattr(events, "_RECONNECT_S", 0.1)
    client = api.client()
    with _stream(client) as told:
        with database.begin() as connection:
            ended = connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
                )
            ).all()
        assert ended
        assert next(told)[0] == "resync", "what may have been missed is said"
        job_id = _submit(client)
        assert next(told)[1]["job_id"] == job_id


def test_a_key_has_no_more_streams_than_it_may(api, monkeypatch):
    monkeypatch.setattr(events, "STREAMS_A_KEY", 1)
    client = api.client()
    with _stream(client):
        refused = client.get("/v1/events")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_exceeded")
    # Once the first is closed there is room again.
    deadline = time.monotonic() + 30
    while api.services.events._listeners:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_silent_stream_shows_that_it_lives(api, monkeypatch):
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.2)
    with api.client().stream("GET", "/v1/events", timeout=60) as answer:
        lines = answer.iter_lines()
        assert any(line == ": still here" for line in lines)


def test_a_stream_that_opens_while_the_last_one_closes_hears_what_happens(api):
    client = api.client()
    for number in range(5):
        with _stream(client):
            pass
        with client.stream("GET", "/v1/events", timeout=60) as answer:
            found = _events(answer.iter_lines())
            # The second one says that the service has begun to listen.
            assert [next(found)[0], next(found)[0]] == ["resync", "resync"]
            job_id = _submit(client, f"https://a.example/{number}.pdf")
            assert next(found)[1]["job_id"] == job_id
