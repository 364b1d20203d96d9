"""The newest status of each job in Redis, for those who ask often. PostgreSQL stays the truth.

An entry carries the version of the job's row. Writers may arrive in any order: an older version never overwrites a
newer one. Without Redis everything works on; it is asked again after a short pause, so that an outage costs no waiting.
What could not be written is removed as soon as Redis answers: a full Redis still deletes. Where the writer is gone by
then, the entry's short life bounds for how long it may be wrong.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import redis
from pydantic import BaseModel, ConfigDict, ValidationError
from redis.backoff import NoBackoff
from redis.retry import Retry

from cira_pipeline.errors import ConfigurationError
from cira_pipeline.invoice import Amount
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.models import Verdict

SOCKET_TIMEOUT_S = 0.5
PAUSE_S = 5.0
MAX_UNWRITTEN = 10_000

# KEYS[1]: the job. ARGV: version, entry, milliseconds to live.
_PUT_UNLESS_OLDER = """
local held = redis.call('HGET', KEYS[1], 'version')
if held and tonumber(held) > tonumber(ARGV[1]) then
    return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'entry', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""

_log = logging.getLogger(__name__)


class JobStatusEntry(BaseModel):
    """Where a job stands. `cost_usd` is what was booked on it when it last changed; times are UTC.

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
    """The Redis hash that holds a job's status: its fields are `version` and `entry`."""
    return f"cira:job:{job_id}"


def parse_entry(text: str) -> JobStatusEntry | None:
    """The entry in a hash's field `entry`; `None` when another version of CIRA wrote it: PostgreSQL has the status."""
    try:
        return JobStatusEntry.model_validate_json(text)
    except ValidationError:
        return None


class StatusCache:
    """`redis_url` is `redis://host:port/0` or `None` for no cache; an entry lives `ttl_s` seconds.

    No call raises. Raises: ConfigurationError when `redis_url` is none.
    """

    def __init__(self, redis_url: str | None, ttl_s: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ttl_ms = max(1, int(ttl_s * 1000))
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asked_again_at = 0.0
        self.failures = 0
        """Calls that Redis did not answer; those left out during a pause do not count."""
        self._away = False
        self._unwritten: set[str] = set()
        self._client: redis.Redis | None = None
        if redis_url:
            self._client = _client(redis_url)

    @property
    def available(self) -> bool:
        """Whether a cache is configured and answered when it was last asked."""
        return self._client is not None and not self._away

    def get(self, job_id: JobId) -> JobStatusEntry | None:
        """The entry; `None` when there is none, it is unreadable, or Redis is away."""
        if not self._may_ask() or self._client is None:
            return None
        stale = self._take_unwritten()
        try:
            if stale:
                self._client.delete(*stale)
            entry = self._client.hget(entry_key(job_id), "entry")
        except (redis.RedisError, OSError) as error:
            self._note_unwritten(stale)
            self._failed(error)
            return None
        self._answered()
        return parse_entry(entry) if isinstance(entry, str) else None

    def put(self, entry: JobStatusEntry) -> None:
        self.put_all([entry])

    def put_all(self, entries: Sequence[JobStatusEntry]) -> None:
        """Writes the entries in one round trip; none of them replaces a newer one."""
        if not entries or self._client is None:
            return
        keys = [entry_key(entry.job_id) for entry in entries]
        if not self._may_ask():
            self._note_unwritten(keys)
            return
        stale = self._take_unwritten()
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                if stale:
                    pipeline.delete(*stale)
                for key, entry in zip(keys, entries, strict=True):
                    # The script whole: asking first whether Redis has it would be a round trip more.
                    pipeline.eval(
                        _PUT_UNLESS_OLDER, 1, key, str(entry.version), entry.model_dump_json(), str(self._ttl_ms)
                    )
                answers = pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            self._note_unwritten([*keys, *stale])
            self._failed(error)
            return
        self._answered()
        self._drop_refused(keys, answers[-len(keys) :])

    def _drop_refused(self, keys: Sequence[str], answers: Sequence[object]) -> None:
        """A full Redis refuses to write; what it holds instead is older than what it should hold."""
        refused = [key for key, answer in zip(keys, answers, strict=True) if isinstance(answer, redis.RedisError)]
        if not refused or self._client is None:
            return
        with self._lock:
            self.failures += 1
        try:
            self._client.delete(*refused)
        except (redis.RedisError, OSError) as error:
            self._note_unwritten(refused)
            self._failed(error)

    def _note_unwritten(self, keys: Sequence[str]) -> None:
        with self._lock:
            if len(self._unwritten) < MAX_UNWRITTEN:
                self._unwritten.update(keys)

    def _take_unwritten(self) -> list[str]:
        with self._lock:
            stale, self._unwritten = list(self._unwritten), set()
        return stale

    def _may_ask(self) -> bool:
        return self._client is not None and self._monotonic() >= self._asked_again_at

    def _failed(self, error: Exception) -> None:
        with self._lock:
            self.failures += 1
            self._asked_again_at = self._monotonic() + PAUSE_S
            first, self._away = not self._away, True
        if first:
            _log.warning("Redis is away, statuses come from PostgreSQL meanwhile: %s", error)

    def _answered(self) -> None:
        if self._away:
            with self._lock:
                back, self._away = self._away, False
            if back:
                _log.warning("Redis is back after %d failed calls", self.failures)


def _client(redis_url: str) -> redis.Redis:
    try:
        return redis.Redis.from_url(
            redis_url,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            # PostgreSQL answers sooner than a second try would.
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
    except ValueError:
        # Not chained: the cause may quote the URL with its password.
        raise ConfigurationError("CIRA_REDIS_URL is no Redis URL: redis://host:6379/0") from None
