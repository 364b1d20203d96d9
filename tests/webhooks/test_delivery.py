"""Telling a client how its jobs ended: never forgotten, signed, tried again, and nobody waits for somebody else."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from itertools import pairwise

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from cira_pipeline.db.access.webhook_secrets import WebhookSecretRepository
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.webhooks import FAILURES_BEFORE_PAUSE, WebhookRepository
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.jobs import Stage
from cira_pipeline.models import Verdict
from cira_pipeline.webhooks import delivering
from cira_pipeline.webhooks.delivering import Deliverer, next_attempt_at
from cira_pipeline.webhooks.sending import Sender
from cira_pipeline.webhooks.signature import Signer, shown_secret, signing_secret
from tests.db.invoices import document
from tests.webhooks.receiver import Receiver


def _delivered(event) -> bool:
    return event.state == "delivered"


def test_a_receivers_own_library_takes_what_comes_and_nothing_that_was_changed(outbox, receiver):
    secret = outbox.secret()
    job_id = outbox.ended(receiver.url("/hook?token=1"), client_reference="order 7 \N{SNOWMAN}")
    outbox.new_deliverer()
    [came] = receiver.wait_for(1)
    told = Webhook(secret).verify(came.body, came.headers)
    assert (came.path, came.headers["content-type"]) == ("/hook?token=1", "application/json")
    assert told["type"] == "job.failed"
    assert told["data"] == {
        "job_id": job_id,
        "client_reference": "order 7 \N{SNOWMAN}",
        "status": "failed",
        "verdict": None,
        "error_code": "source_not_found",
        "version": outbox.jobs.get(job_id).version,
    }
    event = outbox.wait_until(job_id, _delivered)
    assert came.headers["webhook-id"] == event.event_id
    [attempt] = event.attempts
    assert (attempt.attempt, attempt.http_status, attempt.error_code) == (1, 204, None)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(came.body.replace(b"failed", b"paid"), came.headers)
    late = {**came.headers, "webhook-timestamp": str(int(time.time()) - 3600)}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(came.body, late)


def test_while_a_secret_is_rotated_old_and_new_receivers_understand(outbox, receiver):
    old = outbox.secret()
    _, made = outbox.secrets.rotate("acme", outbox.pepper.pepper_id, grace=timedelta(hours=1))
    outbox.ended(receiver.url())
    outbox.new_deliverer()
    [came] = receiver.wait_for(1)
    assert Webhook(old).verify(came.body, came.headers)
    new = shown_secret(signing_secret(outbox.pepper.derived, made.signing_id))
    assert new != old
    assert Webhook(new).verify(came.body, came.headers)
    outbox.secrets.rotate("acme", outbox.pepper.pepper_id, grace=timedelta(0))
    assert len(outbox.secrets.signing("acme")) == 2, "the first one's grace lasts"


def test_every_end_is_owed_in_the_transaction_that_brings_it_and_no_other_change_is(outbox, database):
    job_id = outbox.submit("https://client.example/hook")
    outbox.jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
    assert outbox.events.of_job(job_id) == []
    with database.engine.connect() as connection:
        # Whoever ends it, and by whatever statement.
        connection.exec_driver_sql(
            "UPDATE cira.jobs SET status = 'failed', error_code = 'x', error_message = 'x', error_hint = 'x', "
            "finished_at = now() WHERE job_id = %s",
            (job_id,),
        )
        assert connection.scalar(text("SELECT count(*) FROM cira.webhook_events")) == 1
        connection.rollback()
    assert outbox.events.of_job(job_id) == []
    outbox.jobs.fail(job_id, Stage.RAW_DOCUMENT, SourceNotFound("gone"))
    outbox.jobs.retry(job_id)
    outbox.jobs.cancel(job_id)
    assert [event.status for event in outbox.events.of_job(job_id)] == ["cancelled", "failed"]
    assert outbox.events.of_job(outbox.ended(None)) == []


def test_a_person_who_settles_a_record_is_news_too(outbox, database):
    kept = document()
    DocumentRepository(database, ObjectStore("memory://webhooks")).put(kept)
    job_id = outbox.submit("https://client.example/hook")
    outbox.jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
    outbox.jobs.document_found(job_id, kept.sha256)
    outbox.jobs.succeed(job_id, Verdict.NEEDS_REVIEW)
    outbox.jobs.confirm(job_id, Verdict.ACCEPTED)
    outbox.jobs.succeed(job_id, Verdict.ACCEPTED)
    told = [(event.status, event.verdict) for event in outbox.events.of_job(job_id)]
    assert told == [("succeeded", "accepted"), ("succeeded", "needs_review")]


def test_a_receiver_that_fails_is_asked_again_under_the_same_id_until_it_takes_it(outbox, receiver):
    outbox.secret()
    receiver.answers = [(500, {}), (302, {"Location": "http://127.0.0.1:9/"}), (404, {}), (200, {})]
    job_id = outbox.ended(receiver.url())
    outbox.new_deliverer()
    for attempt in range(1, 4):
        failed = outbox.wait_until(job_id, lambda event, n=attempt: len(event.attempts) == n)
        assert failed.state == "pending"
        assert failed.next_attempt_at > datetime.now(UTC) + timedelta(seconds=2), "not at once"
        outbox.make_due()
    event = outbox.wait_until(job_id, _delivered)
    assert [(each.http_status, each.error_code) for each in event.attempts] == [
        (500, "webhook_refused"),
        (302, "webhook_redirected"),
        (404, "webhook_refused"),
        (200, None),
    ]
    assert {each.headers["webhook-id"] for each in receiver.received} == {event.event_id}
    assert len({each.body for each in receiver.received}) == 1


def test_a_receiver_that_asks_to_be_left_alone_is(outbox, receiver):
    outbox.secret()
    receiver.answers = [(429, {"Retry-After": "120"})]
    first, second = outbox.ended(receiver.url()), outbox.submit(receiver.url())
    outbox.new_deliverer()
    event = outbox.wait_until(first, lambda event: bool(event.attempts))
    assert event.next_attempt_at > datetime.now(UTC) + timedelta(seconds=100)
    outbox.jobs.cancel(second)
    time.sleep(2.5)
    assert len(receiver.received) == 1, "nor is anything else sent there meanwhile"


def test_gone_is_gone_and_can_be_replayed(outbox, receiver):
    outbox.secret()
    receiver.answers = [(410, {}), (200, {})]
    job_id = outbox.ended(receiver.url())
    outbox.new_deliverer()
    event = outbox.wait_until(job_id, lambda event: event.state == "failed")
    assert event.last_failure == "webhook_gone"
    assert outbox.events.replay_failed(client="somebody else") == 0
    assert outbox.events.replay_failed() == 1
    again = outbox.wait_until(job_id, _delivered)
    assert [each.http_status for each in again.attempts] == [410, 200]
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1


def test_what_nobody_takes_is_given_up_visibly(outbox, receiver):
    outbox.secret()
    receiver.answers = [(500, {})]
    job_id = outbox.ended(receiver.url())
    outbox.new_deliverer(webhook_give_up_s=1)
    event = outbox.wait_until(job_id, lambda event: event.state == "failed")
    assert event.last_failure == "webhook_refused"
    assert [each.event_id for each in outbox.events.list(state="failed")] == [event.event_id]


def test_what_is_owed_to_a_receiver_that_is_paused_is_given_up_too(outbox, database):
    job_id = outbox.ended("https://client.example/hook")
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE cira.webhook_receivers SET paused_until = now() + interval '1 day'")
        connection.exec_driver_sql("UPDATE cira.webhook_events SET owed_since = now() - interval '1 day'")
    assert outbox.events.give_up(after_s=7 * 86_400) == 0
    assert outbox.events.give_up(after_s=3_600) == 1
    assert outbox.event(job_id).state == "failed"


def test_one_slow_receiver_and_one_dead_one_hold_up_nobody(outbox, receiver):
    for client in ("acme", "globex"):
        outbox.secret(client)
    slow = Receiver()
    slow.behaviour = lambda _handler: slow.over.wait(30) and None
    try:
        for _ in range(30):
            outbox.ended(slow.url(), "acme")
            # Nothing listens at port 9; it is on the allowed host all the same.
            outbox.ended("http://127.0.0.1:9/hook", "acme")
        fine = [outbox.ended(receiver.url(), "globex") for _ in range(10)]
        outbox.new_deliverer(webhook_threads=8, webhook_timeout_s=20)
        for job_id in fine:
            outbox.wait_until(job_id, _delivered, timeout_s=18)
        assert len(slow.received) <= delivering.AT_ONCE_A_RECEIVER
    finally:
        slow.close()


def test_a_dead_receiver_is_left_alone_and_one_attempt_finds_it_back(outbox, receiver, database):
    outbox.secret()
    receiver.answers = [(503, {})]
    jobs = [outbox.ended(receiver.url()) for _ in range(FAILURES_BEFORE_PAUSE + 5)]
    outbox.new_deliverer()
    receiver.wait_for(FAILURES_BEFORE_PAUSE)
    time.sleep(2.5)
    tried = len(receiver.received)
    assert tried < len(jobs), "paused after some failures, not tried for each"
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE cira.webhook_receivers SET paused_until = now()")
    receiver.wait_for(tried + 1)
    time.sleep(2.5)
    assert len(receiver.received) == tried + 1, "one attempt tells that it is still away"
    receiver.answers = [(200, {})]
    outbox.make_due()
    for job_id in jobs:
        outbox.wait_until(job_id, _delivered)


def test_several_processes_deliver_each_event_once(outbox, receiver):
    outbox.secret()
    jobs = [outbox.ended(receiver.url(f"/{number}")) for number in range(40)]
    for _ in range(3):
        outbox.new_deliverer()
    for job_id in jobs:
        outbox.wait_until(job_id, _delivered)
    assert sorted(each.path for each in receiver.received) == sorted(f"/{number}" for number in range(40))


def test_an_attempt_whose_process_died_is_made_again(outbox, receiver):
    outbox.secret()
    job_id = outbox.ended(receiver.url())
    [taken] = outbox.events.claim(limit=5, lease_s=60)
    assert outbox.events.claim(limit=5, lease_s=60) == [], "nobody else has it meanwhile"
    assert taken.job_id == job_id
    assert outbox.event(job_id).next_attempt_at <= datetime.now(UTC) + timedelta(seconds=60), "and not for longer"
    outbox.make_due()
    outbox.new_deliverer()
    event = outbox.wait_until(job_id, _delivered)
    assert [each.attempt for each in event.attempts] == [2]


def test_a_service_that_started_before_its_tables_were_made_delivers_once_they_are(
    outbox, receiver, database_url, monkeypatch
):
    monkeypatch.setattr(delivering, "AWAY_S", 0.1)
    empty = Database(database_url)
    secrets, events = WebhookSecretRepository(empty), WebhookRepository(empty)
    signer = Signer(secrets, outbox.pepper.derived, outbox.pepper.pepper_id)
    deliverer = Deliverer(outbox.settings, events, signer, Sender(outbox.settings))
    deliverer.start()
    try:
        time.sleep(1)
        empty.migrate()
        secrets.create("acme", outbox.pepper.pepper_id)
        jobs = JobRepository(empty)
        [made] = jobs.submit([Submission("https://a.example/1.pdf", client="acme", callback=receiver.url())])
        jobs.cancel(made.job.job_id)
        receiver.wait_for(1)
    finally:
        deliverer.stop()
        empty.dispose()


def test_a_client_whose_secret_is_gone_is_not_written_to_unsigned(outbox, receiver):
    job_id = outbox.ended(receiver.url())
    outbox.new_deliverer()
    event = outbox.wait_until(job_id, lambda event: bool(event.attempts))
    assert event.last_failure == "webhook_secret_missing"
    assert receiver.received == []


def test_a_receiver_that_drips_or_never_ends_costs_one_attempt_its_time_and_no_memory(outbox, receiver):
    outbox.secret()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not receiver.over.wait(0.05):
            handler.wfile.write(b"x")

    receiver.behaviour = drip
    dripping = outbox.ended(receiver.url("/drip"))
    outbox.new_deliverer(webhook_timeout_s=1)
    event = outbox.wait_until(dripping, lambda event: bool(event.attempts))
    assert event.last_failure == "webhook_timed_out"
    assert event.attempts[0].seconds < 20

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not receiver.over.is_set():
            handler.wfile.write(b"x" * 100_000)

    receiver.behaviour = endless
    outbox.make_due()
    assert outbox.wait_until(dripping, _delivered).attempts[-1].seconds < 10

    def headers_without_end(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not receiver.over.is_set():
            handler.wfile.write(b"X-Padding: " + b"x" * 10_000 + b"\r\n")

    receiver.behaviour = headers_without_end
    job_id = outbox.ended(receiver.url("/headers"))
    assert outbox.wait_until(job_id, lambda event: bool(event.attempts)).last_failure == "webhook_unreachable"


def test_waits_grow_are_spread_and_end():
    since = datetime(2026, 1, 1, tzinfo=UTC)
    waits, now = [], since
    for _ in range(40):
        again = next_attempt_at(now, since, give_up_after_s=3 * 86_400)
        if again is None:
            break
        waits.append((again - now).total_seconds())
        now = again
    else:
        pytest.fail("never given up")
    assert 3 < waits[0] < 7
    assert 10 < len(waits) < 40
    assert max(waits) <= 1.2 * 4 * 3600
    assert all(later > earlier for earlier, later in pairwise(waits[:7]))
    first = {next_attempt_at(since, since, give_up_after_s=100) for _ in range(20)}
    assert len(first) == 20, "not all at one moment"
    asked = next_attempt_at(since, since, give_up_after_s=100, asked_for_s=60)
    assert asked == since + timedelta(seconds=60)
    assert next_attempt_at(since, since, give_up_after_s=100, asked_for_s=200) is None


def test_what_is_told_holds_nothing_of_the_invoice(outbox, receiver):
    outbox.secret()
    outbox.ended(receiver.url())
    outbox.new_deliverer()
    [came] = receiver.wait_for(1)
    assert set(json.loads(came.body)["data"]) == {
        "job_id",
        "client_reference",
        "status",
        "verdict",
        "error_code",
        "version",
    }
    assert b"supplier.example" not in came.body
