"""Write-through cache of job statuses in Redis, for clients that poll often. PostgreSQL is the source of truth.

An entry carries the version of the job's row. Writers may arrive in any order: an older version never overwrites a
newer one. Redis is optional; after a failure it is skipped for a short pause, so that an outage causes no waiting. An
entry that could not be written is removed as soon as Redis answers, as even a full Redis deletes. If its writer has
ended by then, the entry's short lifetime bounds how long it may be outdated.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import redis
from pydantic import BaseModel, ConfigDict, ValidationError
from redis.backoff import NoBackoff
from redis.retry import Retry

from cira_pipeline.invoice import Amount
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.models import Verdict
from cira_pipeline.resilience.shared_redis import SharedRedis

SOCKET_TIMEOUT_S = 0.5
PAUSE_S = 5.0
MAX_UNWRITTEN = 10_000

# KEYS[1]: the job. ARGV: version, entry, lifetime in milliseconds.
_PUT_UNLESS_OLDER = """
local held = redis.call('HGET', KEYS[1], 'version')
if held and tonumber(held) > tonumber(ARGV[1]) then
    return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'entry', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""


class JobStatusEntry(BaseModel):
    """Status of a job. `cost_usd` is what was booked on it when it last changed; times are UTC.

    `version` grows with every change of the job's row.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    job_id: JobId
    version: int
    client: str
    status: JobStatus
    stage: Stage | None
    verdict: Verdict | None
    error_code: str | None
    error_message: str | None
    error_hint: str | None
    attempts: int
    cost_usd: Amount
    client_reference: str | None
    document_sha256: str | None
    submitted_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime


def entry_key(job_id: JobId) -> str:
    """The Redis hash that holds a job's status, in its fields `version` and `entry`."""
    return f"cira:job:{job_id}"


def parse_entry(text: str) -> JobStatusEntry | None:
    """Parses a hash's field `entry`; `None` for an entry of another version of CIRA, as PostgreSQL has the status."""
    try:
        return JobStatusEntry.model_validate_json(text)
    except ValidationError:
        return None


class StatusCache:
    """Status cache. `redis_url` is `redis://host:port/0` or `None` for no cache; an entry lives `ttl_s` seconds.

    Methods never raise. The constructor raises ConfigurationError when `redis_url` is invalid.
    """

    def __init__(self, redis_url: str | None, ttl_s: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ttl_ms = max(1, int(ttl_s * 1000))
        self._lock = threading.Lock()
        self._unwritten: set[str] = set()
        self._redis = SharedRedis(
            redis_url,
            "statuses come from PostgreSQL",
            timeout_s=SOCKET_TIMEOUT_S,
            pause_s=PAUSE_S,
            monotonic=monotonic,
            # PostgreSQL answers sooner than a second attempt would.
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    @property
    def available(self) -> bool:
        """Whether a cache is configured and answered the last request."""
        return self._redis.client is not None and not self._redis.away

    @property
    def failures(self) -> int:
        """Number of failed calls; calls skipped during a pause do not count."""
        return self._redis.failures

    def get(self, job_id: JobId) -> JobStatusEntry | None:
        """The entry; `None` when there is none, it is unreadable, or Redis is unavailable."""

        def read(client: redis.Redis) -> object:
            with self._unwritten_taken() as stale:
                if stale:
                    client.delete(*stale)
                return client.hget(entry_key(job_id), "entry")

        entry = self._redis.ask(read)
        return parse_entry(entry) if isinstance(entry, str) else None

    def put(self, entry: JobStatusEntry) -> None:
        self.put_all([entry])

    def put_all(self, entries: Sequence[JobStatusEntry]) -> None:
        """Writes the entries in one round trip; none of them replaces a newer one."""
        if not entries or self._redis.client is None:
            return
        keys = [entry_key(entry.job_id) for entry in entries]

        def write(client: redis.Redis) -> list[object]:
            with self._unwritten_taken() as stale, client.pipeline(transaction=False) as pipeline:
                if stale:
                    pipeline.delete(*stale)
                for key, entry in zip(keys, entries, strict=True):
                    # Sends the whole script: checking first whether Redis has it would cost another round trip.
                    pipeline.eval(
                        _PUT_UNLESS_OLDER, 1, key, str(entry.version), entry.model_dump_json(), str(self._ttl_ms)
                    )
                return pipeline.execute(raise_on_error=False)[-len(keys) :]

        answers = self._redis.ask(write)
        if answers is None:
            self._note_unwritten(keys)
        else:
            self._drop_refused(keys, answers)

    def _drop_refused(self, keys: Sequence[str], answers: Sequence[object]) -> None:
        """Notes entries that a full Redis refused to write: what it holds instead is outdated."""
        refused = [key for key, answer in zip(keys, answers, strict=True) if isinstance(answer, redis.RedisError)]
        if refused and self._redis.ask(lambda client: client.delete(*refused)) is None:
            self._note_unwritten(refused)

    def _note_unwritten(self, keys: Sequence[str]) -> None:
        with self._lock:
            if len(self._unwritten) < MAX_UNWRITTEN:
                self._unwritten.update(keys)

    @contextmanager
    def _unwritten_taken(self) -> Iterator[list[str]]:
        """Keys to be removed; they are kept for later when that fails."""
        with self._lock:
            stale, self._unwritten = list(self._unwritten), set()
        try:
            yield stale
        except BaseException:
            self._note_unwritten(stale)
            raise
