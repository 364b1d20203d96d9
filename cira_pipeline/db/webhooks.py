"""Outbox of webhook events: pending deliveries, their claims by delivery processes, and a log of all attempts.

A trigger on `jobs` (migration 0006) inserts an event in the transaction that ends a job with a callback.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from cira_pipeline.db.database import Database
from cira_pipeline.errors import WebhookEventNotFound
from cira_pipeline.jobs import JobId

FAILURES_BEFORE_PAUSE = 5
LISTED = 100
"""Maximum number of a job's events that are listed."""
_GIVEN_UP_AT_ONCE = 1_000


@dataclass(frozen=True)
class OwedEvent:
    """An event claimed by this process. `attempt` counts from 1; `callback` is `None` after an erasure."""

    event_id: str
    job_id: JobId
    client: str
    host: str
    callback: str | None
    client_reference: str | None
    job_version: int
    status: str
    verdict: str | None
    error_code: str | None
    attempt: int
    created_at: datetime
    owed_since: datetime


@dataclass(frozen=True)
class Attempt:
    """A delivery attempt. `error_code` is `None` when it succeeded, `http_status` when the receiver gave no answer."""

    attempt: int
    started_at: datetime
    seconds: float
    http_status: int | None
    error_code: str | None


@dataclass(frozen=True)
class WebhookEvent:
    """Current state of an event: `state` is pending, delivered or failed (given up)."""

    event_id: str
    job_id: JobId
    client: str
    host: str
    job_version: int
    status: str
    verdict: str | None
    error_code: str | None
    state: str
    created_at: datetime
    next_attempt_at: datetime
    ended_at: datetime | None
    last_failure: str | None
    attempt_count: int
    attempts: tuple[Attempt, ...]


# At most one event for each receiver, so that none takes all delivery slots. A receiver whose pause has just ended gets
# a single attempt until that attempt shows whether it is available again.
_CLAIM = text("""
    WITH due AS (
        SELECT owed.event_id, r.client, r.host, r.failures
        FROM cira.webhook_receivers r
        CROSS JOIN LATERAL (
            SELECT event_id FROM cira.webhook_events
            WHERE client = r.client AND host = r.host AND state = 'pending' AND next_attempt_at <= now()
            ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
        ) owed
        WHERE (r.paused_until IS NULL OR r.paused_until <= now())
          AND r.client <> ALL(cast(:busy_clients AS text[]))
          AND r.client || ' ' || r.host <> ALL(cast(:busy_receivers AS text[]))
        LIMIT :limit
    ),
    tried AS (
        UPDATE cira.webhook_receivers r SET paused_until = now() + :lease
        FROM due WHERE r.client = due.client AND r.host = due.host AND due.failures >= :failures_before_pause
    )
    UPDATE cira.webhook_events e
    SET attempts = e.attempts + 1, next_attempt_at = now() + :lease
    FROM due, cira.jobs j
    WHERE e.event_id = due.event_id AND j.job_id = e.job_id
    RETURNING e.event_id, e.job_id, e.client, e.host, j.callback, j.client_reference, e.job_version, e.status,
              e.verdict, e.error_code, e.attempts AS attempt, e.created_at, e.owed_since
""")
_LOG = text("""
    INSERT INTO cira.webhook_attempts (event_id, attempt, started_at, seconds, http_status, error_code)
    SELECT event_id, :attempt, :started_at, :seconds, :http_status, :error_code
    FROM cira.webhook_events WHERE event_id = :event_id
    ON CONFLICT DO NOTHING
""")
# An attempt whose lease has ended must not overwrite the result of a later attempt.
_ENDED = text("""
    UPDATE cira.webhook_events
    SET state = :state, last_failure = coalesce(:error_code, last_failure),
        next_attempt_at = coalesce(:next_attempt_at, next_attempt_at),
        ended_at = CASE WHEN :state = 'pending' THEN NULL ELSE now() END
    WHERE event_id = :event_id AND attempts = :attempt AND (state = 'pending' OR :state = 'delivered')
""")
_RECEIVER_ANSWERED = text("""
    UPDATE cira.webhook_receivers SET failures = 0, paused_until = NULL
    WHERE client = :client AND host = :host AND (failures > 0 OR paused_until IS NOT NULL)
""")
_RECEIVER_FAILED = text("""
    UPDATE cira.webhook_receivers
    SET failures = failures + 1,
        paused_until = greatest(
            paused_until,
            CASE WHEN failures + 1 >= :failures_before_pause
                 THEN now() + least(:pause * power(2, least(failures + 1 - :failures_before_pause, 10)), :longest) END,
            now() + cast(:asked_for AS interval)
        )
    WHERE client = :client AND host = :host
""")
_GIVE_UP = text("""
    UPDATE cira.webhook_events
    SET state = 'failed', ended_at = now(), last_failure = coalesce(last_failure, 'circuit_open')
    WHERE event_id IN (
        SELECT event_id FROM cira.webhook_events
        WHERE state = 'pending' AND owed_since < now() - :after
        ORDER BY owed_since LIMIT :limit FOR UPDATE SKIP LOCKED
    )
""")
# One statement, so that an event and its attempts are from the same snapshot.
_EVENTS = """
    SELECT event_id, job_id, client, host, job_version, status, verdict, error_code, state, created_at,
           next_attempt_at, ended_at, last_failure, attempts AS attempt_count,
           (
               SELECT coalesce(json_agg(to_jsonb(a) - 'event_id' ORDER BY attempt), '[]')
               FROM cira.webhook_attempts a WHERE a.event_id = e.event_id
           ) AS attempts
    FROM cira.webhook_events e
"""


class WebhookRepository:
    """Webhook events in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self, *, limit: int, lease_s: float, busy_clients: Collection[str] = (), busy_receivers: Collection[str] = ()
    ) -> list[OwedEvent]:
        """Claims due events, at most one for each receiver; no other process gets them for `lease_s` seconds.

        `busy_receivers` (`receiver_name`) and `busy_clients` are at their limit of deliveries under way.
        """
        given = {
            "limit": limit,
            "lease": timedelta(seconds=lease_s),
            "busy_clients": list(busy_clients),
            "busy_receivers": list(busy_receivers),
            "failures_before_pause": FAILURES_BEFORE_PAUSE,
        }
        with self._database.single() as connection:
            return [OwedEvent(**row._mapping) for row in connection.execute(_CLAIM, given)]

    def delivered(self, event: OwedEvent, attempt: Attempt) -> None:
        with self._database.begin() as connection:
            _log_attempt(connection, event, attempt)
            _end(connection, event, "delivered", None, None)
            connection.execute(_RECEIVER_ANSWERED, {"client": event.client, "host": event.host})

    def failed(
        self,
        event: OwedEvent,
        attempt: Attempt,
        *,
        next_attempt_at: datetime | None,
        receiver_is_down: bool,
        pause_s: float,
        longest_pause_s: float,
        asked_for_s: float | None = None,
    ) -> None:
        """Records a failed attempt; without `next_attempt_at` the event is given up.

        A receiver that fails too often in a row is paused for `pause_s`, doubled each time up to `longest_pause_s`;
        for `asked_for_s` at once when it asked for a pause.
        """
        with self._database.begin() as connection:
            _log_attempt(connection, event, attempt)
            state = "failed" if next_attempt_at is None else "pending"
            _end(connection, event, state, attempt.error_code, next_attempt_at)
            whose = {"client": event.client, "host": event.host}
            if not receiver_is_down:
                connection.execute(_RECEIVER_ANSWERED, whose)
                return
            connection.execute(
                _RECEIVER_FAILED,
                {
                    **whose,
                    "failures_before_pause": FAILURES_BEFORE_PAUSE,
                    "pause": timedelta(seconds=pause_s),
                    "longest": timedelta(seconds=longest_pause_s),
                    "asked_for": timedelta(seconds=asked_for_s) if asked_for_s is not None else None,
                },
            )

    def give_up(self, *, after_s: float) -> int:
        """Gives up events pending for longer than `after_s` seconds; returns how many. For paused receivers."""
        given = {"after": timedelta(seconds=after_s), "limit": _GIVEN_UP_AT_ONCE}
        with self._database.single() as connection:
            return connection.execute(_GIVE_UP, given).rowcount

    def of_job(self, job_id: JobId) -> list[WebhookEvent]:
        """The job's events with all their attempts, newest first."""
        with self._database.begin() as connection:
            rows = connection.execute(
                text(f"{_EVENTS} WHERE job_id = :job_id ORDER BY job_version DESC LIMIT :limit"),
                {"job_id": job_id, "limit": LISTED},
            )
            return [_event(row) for row in rows]

    def list(self, *, state: str | None = None, client: str | None = None, limit: int = 50) -> list[WebhookEvent]:
        """Events with all their attempts, newest first."""
        with self._database.begin() as connection:
            rows = connection.execute(
                text(f"""
                    {_EVENTS}
                    WHERE (cast(:state AS text) IS NULL OR state = :state)
                      AND (cast(:client AS text) IS NULL OR client = :client)
                    ORDER BY created_at DESC, event_id LIMIT :limit
                """),
                {"state": state, "client": client, "limit": limit},
            )
            return [_event(row) for row in rows]

    def replay(self, event_ids: Sequence[str]) -> int:
        """Queues events for delivery again, whatever their state, under the same ids. Returns how many.

        Raises: WebhookEventNotFound when an event does not exist; then none is replayed.
        """
        wanted = sorted(set(event_ids))
        with self._database.begin() as connection:
            known = set(connection.scalars(_REPLAY, {"event_ids": wanted}))
            if missing := [each for each in wanted if each not in known]:
                raise WebhookEventNotFound(f"webhook event {missing[0]} does not exist", event_id=missing[0])
            connection.execute(
                text("""
                    UPDATE cira.webhook_receivers r SET paused_until = NULL
                    FROM cira.webhook_events e
                    WHERE e.event_id = ANY(:event_ids) AND r.client = e.client AND r.host = e.host
                """),
                {"event_ids": wanted},
            )
        return len(known)

    def replay_failed(self, *, client: str | None = None) -> int:
        """Queues every given-up event for delivery again. Returns how many events."""
        with self._database.begin() as connection:
            wanted = connection.scalars(
                text("""
                    SELECT event_id FROM cira.webhook_events
                    WHERE state = 'failed' AND (cast(:client AS text) IS NULL OR client = :client)
                """),
                {"client": client},
            ).all()
        return self.replay(wanted) if wanted else 0


_REPLAY = text("""
    UPDATE cira.webhook_events
    SET state = 'pending', ended_at = NULL, owed_since = now(), next_attempt_at = now()
    WHERE event_id = ANY(:event_ids)
    RETURNING event_id
""")


def receiver_name(client: str, host: str) -> str:
    return f"{client} {host}"


def _log_attempt(connection: Connection, event: OwedEvent, attempt: Attempt) -> None:
    connection.execute(_LOG, {"event_id": event.event_id, **vars(attempt)})


def _end(
    connection: Connection, event: OwedEvent, state: str, error_code: str | None, next_attempt_at: datetime | None
) -> None:
    connection.execute(
        _ENDED,
        {
            "event_id": event.event_id,
            "attempt": event.attempt,
            "state": state,
            "error_code": error_code,
            "next_attempt_at": next_attempt_at,
        },
    )


def _event(row: Row[Any]) -> WebhookEvent:
    values = dict(row._mapping)
    attempts = tuple(
        Attempt(**{**each, "started_at": datetime.fromisoformat(each["started_at"])}) for each in values.pop("attempts")
    )
    return WebhookEvent(**values, attempts=attempts)
