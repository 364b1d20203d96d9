"""Delivery of webhook events from the outbox, with retries; several processes may deliver concurrently."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from cira_pipeline.clock import utc_now
from cira_pipeline.db.webhooks import Attempt, OwedEvent, WebhookRepository, receiver_name
from cira_pipeline.errors import CiraError, InternalError, StoreUnavailable, UrlInvalid
from cira_pipeline.settings import Settings
from cira_pipeline.webhooks.sending import Delivered, Sender
from cira_pipeline.webhooks.signature import Signer


def event_type(status: str) -> str:
    """The event's type, such as `job.succeeded`."""
    return f"job.{status}"


def body_of(event: OwedEvent) -> bytes:
    """The JSON body, the same at every attempt: the job and how it ended; the receiver fetches the invoice itself."""
    message = {
        "type": event_type(event.status),
        "timestamp": event.created_at.isoformat(),
        "data": {
            "job_id": event.job_id,
            "client_reference": event.client_reference,
            "status": event.status,
            "verdict": event.verdict,
            "error_code": event.error_code,
            "version": event.job_version,
        },
    }
    return json.dumps(message, separators=(",", ":")).encode()


FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 4 * 3600.0
_GROWTH = 1.5
_JITTER = 0.2


def next_attempt_at(
    now: datetime, owed_since: datetime, *, give_up_after_s: float, asked_for_s: float | None = None
) -> datetime | None:
    """Each wait is one and a half times as long as everything before it, up to four hours, more or less a fifth.

    So the time between attempts grows exponentially, also from a replay on, and receivers that were down are not met by
    all at once. Never sooner than the receiver asked for. `None`: the event is given up.
    """
    elapsed_s = max((now - owed_since).total_seconds(), 0.0)
    wait_s = min(max(FIRST_WAIT_S, _GROWTH * elapsed_s), LONGEST_WAIT_S)
    wait_s *= random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
    wait_s = max(wait_s, asked_for_s or 0.0)
    if elapsed_s + wait_s > give_up_after_s:
        return None
    return now + timedelta(seconds=wait_s)


POLL_S = 1.0
AWAY_S = 5.0
SWEPT_EVERY_S = 30.0
AT_ONCE_A_RECEIVER = 4
PAUSE_S = 30.0
LONGEST_PAUSE_S = 900.0
STOPPING_S = 5.0
# Added to the attempt's timeout, for the SQL statements before and after it.
_LEASE_MARGIN_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Outcome:
    attempt: Attempt
    error: CiraError | None


class Deliverer:
    """Delivers events from the outbox, `webhook_threads` concurrently, each in its own thread.

    At most four threads deliver to one receiver and half of them to one client, so a slow receiver does not delay
    others.
    """

    def __init__(self, settings: Settings, events: WebhookRepository, signer: Signer, sender: Sender) -> None:
        self._settings = settings
        self._events = events
        self._signer = signer
        self._sender = sender
        self._lock = threading.Lock()
        self._under_way: list[OwedEvent] = []
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._swept_at = -SWEPT_EVERY_S

    def start(self) -> None:
        """Delivers in the background until `stop`."""
        self._thread = threading.Thread(target=self.run, name="cira-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops claiming events and waits some seconds for attempts in progress; unfinished ones are retried later."""
        self._stopping.set()
        self._changed.set()
        if self._thread is not None:
            self._thread.join(STOPPING_S)
        ends = time.monotonic() + STOPPING_S
        while self._under_way and time.monotonic() < ends:
            self._changed.wait(0.1)
            self._changed.clear()

    def run(self) -> None:
        """Delivers until `stop`. While the outbox is unavailable, or its table does not exist, it waits."""
        away = False
        while not self._stopping.is_set():
            try:
                busy, away = self.tick(), False
            except Exception as error:  # noqa: BLE001 - the thread must survive any error, because nothing restarts it
                if not away:
                    _log.warning("webhooks wait, the outbox does not answer: %s: %s", type(error).__name__, error)
                away, busy = True, False
                self._changed.wait(AWAY_S)
            if not busy:
                self._changed.wait(POLL_S)
                self._changed.clear()

    def tick(self) -> bool:
        """Starts the delivery of due events; returns whether there were any. Raises: StoreUnavailable."""
        if time.monotonic() - self._swept_at > SWEPT_EVERY_S:
            # Attempts in progress have a lease and are not given up here.
            self._events.give_up(after_s=self._settings.webhook_give_up_s + self._lease_s)
            self._swept_at = time.monotonic()
        with self._lock:
            clients = Counter(each.client for each in self._under_way)
            receivers = Counter(receiver_name(each.client, each.host) for each in self._under_way)
            free = self._settings.webhook_threads - len(self._under_way)
        if free <= 0:
            return False
        claimed = self._events.claim(
            limit=free,
            lease_s=self._lease_s,
            busy_clients=[each for each, count in clients.items() if count >= self._settings.webhook_threads // 2],
            busy_receivers=[each for each, count in receivers.items() if count >= AT_ONCE_A_RECEIVER],
        )
        with self._lock:
            self._under_way += claimed
        for event in claimed:
            threading.Thread(target=self._handle, args=(event,), name="cira-webhook", daemon=True).start()
        return bool(claimed)

    @property
    def _lease_s(self) -> float:
        return self._settings.webhook_timeout_s + _LEASE_MARGIN_S

    def _handle(self, event: OwedEvent) -> None:
        try:
            self._note(event, self._attempted(event))
        except StoreUnavailable as error:
            # Its lease expires and it is delivered again: delivery is at least once.
            _log.warning("the attempt to deliver %s could not be recorded: %s", event.event_id, error)
        finally:
            with self._lock:
                self._under_way.remove(event)
            self._changed.set()

    def _attempted(self, event: OwedEvent) -> _Outcome:
        started_at, started = utc_now(), time.monotonic()
        status: int | None = None
        failure: CiraError | None = None
        try:
            status = self._sent(event, int(started_at.timestamp())).http_status
        except StoreUnavailable:
            raise
        except CiraError as error:
            failure = error
            answered = error.detail.get("http_status")
            status = answered if isinstance(answered, int) else None
        except Exception as error:  # noqa: BLE001 - every attempt needs an outcome, whatever a library raises
            _log.exception("webhook %s", event.event_id)
            failure = InternalError(type(error).__name__)
        attempt = Attempt(
            attempt=event.attempt,
            started_at=started_at,
            seconds=round(time.monotonic() - started, 3),
            http_status=status,
            error_code=failure.code if failure else None,
        )
        return _Outcome(attempt, failure)

    def _sent(self, event: OwedEvent, timestamp_s: int) -> Delivered:
        if event.callback is None:
            raise UrlInvalid("the job no longer has a callback")
        body = body_of(event)
        return self._sender.send(
            event.callback, self._signer.headers(event.client, event.event_id, timestamp_s, body), body
        )

    def _note(self, event: OwedEvent, outcome: _Outcome) -> None:
        if outcome.error is None:
            self._events.delivered(event, outcome.attempt)
            return
        asked = outcome.error.detail.get("retry_after_s")
        asked_for_s = min(float(asked), LONGEST_WAIT_S) if isinstance(asked, int | float) else None
        again = None
        if outcome.error.code != "webhook_gone":
            again = next_attempt_at(
                utc_now(),
                event.owed_since,
                give_up_after_s=self._settings.webhook_give_up_s,
                asked_for_s=asked_for_s,
            )
        _log.info("webhook %s of %s: %s", event.event_id, event.job_id, outcome.error.code)
        self._events.failed(
            event,
            outcome.attempt,
            next_attempt_at=again,
            receiver_is_down=outcome.error.detail.get("down") is True,
            pause_s=PAUSE_S,
            longest_pause_s=LONGEST_PAUSE_S,
            asked_for_s=asked_for_s,
        )
