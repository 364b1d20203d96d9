"""Jobs in PostgreSQL: submission, and each change of status in one statement.

A change raises the row's version and is written to the status cache after its commit. The cache never blocks a change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Protocol, get_args

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    ARRAY,
    Connection,
    LargeBinary,
    Row,
    Text,
    any_,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningUpdate

from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.statements import (
    ACTIVE,
    ADVANCE,
    CANCEL,
    CONFIRM,
    DOCUMENT_FOUND,
    END,
    HOLD,
    JOB,
    JOB_AND_COST,
    JOB_COLUMNS,
    NOTIFY_CHANGE,
    REQUEUE,
    RESUME,
    RETRY,
    START,
)
from cira_pipeline.db.jobs.status_cache import JobStatusEntry, StatusCache
from cira_pipeline.db.schema.tables import MAX_NAME_CHARS, MAX_URL_CHARS, SOURCE_CODES, batch_waits, job_labels, jobs
from cira_pipeline.errors import (
    AnswerInBatch,
    CiraError,
    DocumentError,
    JobNotCancellable,
    JobNotFound,
    JobNotRetryable,
    RecordRejected,
    SubmissionInvalid,
)
from cira_pipeline.jobs import JobId, JobSource, JobStatus, Policy, Stage, new_job_id
from cira_pipeline.models import Verdict

# Labels (ground truth) that were submitted with a job are kept with it until its document is known, then become the
# document's.
# A label that a person confirmed, an operator loaded or another client submitted is not replaced: a client that submits
# a document which others also have must not change the ground truth of theirs.
_ADOPT = text("""
    INSERT INTO cira.labels (document_sha256, fields, source)
    SELECT DISTINCT ON (j.document_sha256) j.document_sha256, l.fields, 'submitted by ' || j.client
    FROM cira.job_labels l JOIN cira.jobs j USING (job_id)
    WHERE l.job_id = ANY(:job_ids) AND j.document_sha256 IS NOT NULL
    ORDER BY j.document_sha256, l.job_id DESC
    ON CONFLICT (document_sha256) DO UPDATE SET fields = excluded.fields, updated_at = now()
    WHERE labels.source = excluded.source AND labels.confirmed_by IS NULL
""")


def keep_labels(connection: Connection, fields_by_job: Mapping[JobId, Mapping[str, Any]]) -> None:
    """Stores labels with new jobs; a job whose document is known already labels it at once."""
    if not fields_by_job:
        return
    rows = [{"job_id": job_id, "fields": dict(fields)} for job_id, fields in fields_by_job.items()]
    connection.execute(insert(job_labels), rows)
    adopt_labels(connection, list(fields_by_job))


def adopt_labels(connection: Connection, job_ids: Sequence[JobId]) -> None:
    """Assigns the labels of these jobs to their documents, unless a label with precedence exists."""
    connection.execute(_ADOPT, {"job_ids": list(job_ids)})


_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Submission:
    """One invoice URL as submitted by a client. `policy` is a value of jobs.Policy, `None` for the configured one.

    `document_sha256` names an uploaded document: then nothing is fetched from the URL. `model_batch`: whether its
    model questions may wait for a model batch, at its lower price; `None` as configured. `callback` is a checked URL
    that is notified of the end of the job. `labels` are ground truth fields (`evaluation.labels.check_fields`).
    """

    url: str
    client: str = "default"
    idempotency_key: str = ""
    client_reference: str | None = None
    policy: str | None = None
    source: JobSource = "cli"
    document_sha256: str | None = None
    model_batch: bool | None = None
    callback: str | None = None
    labels: Mapping[str, Any] | None = None


class Job(BaseModel):
    """A row of `jobs`; tables.py documents the columns. Times are UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: JobId
    url: str
    client: str
    client_reference: str | None
    idempotency_key: str
    source: JobSource
    policy: Policy | None
    status: JobStatus
    stage: Stage | None
    error_code: str | None
    error_message: str | None
    error_hint: str | None
    attempts: int
    document_sha256: str | None
    verdict: Verdict | None
    batch_id: str | None
    planned_before: bool
    run_id: str | None
    version: int
    submitted_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    not_before: datetime | None
    needs_usd: Decimal | None
    model_batch: bool | None = None
    callback: str | None
    partition_key: str | None = None
    source_host: str | None = None

    @property
    def shown_under(self) -> str:
        """Its partition key in Dagster: that of a run batch, shared with other jobs, or its own id."""
        return self.partition_key or self.job_id


class SeenJob(Protocol):
    """The properties of a job that identify its owner: its batch while it is queued, its run while it is running."""

    @property
    def job_id(self) -> JobId: ...
    @property
    def status(self) -> JobStatus: ...
    @property
    def batch_id(self) -> str | None: ...
    @property
    def run_id(self) -> str | None: ...


@dataclass(frozen=True)
class Submitted:
    """Result of a submission. `created`: false when the client had submitted the same URL under the same key before."""

    job: Job
    created: bool


class JobRepository:
    """Repository of jobs. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database, cache: StatusCache | None = None) -> None:
        self._database = self.database = database
        self._cache = cache

    def submit(self, submissions: Iterable[Submission]) -> list[Submitted]:
        """Creates a queued job for each submission, or finds the existing one; all of them or, on an error, none.

        The result and the new ids have the order of the submissions. Raises: SubmissionInvalid for the first bad one.
        """
        wanted = list(submissions)
        for index, submission in enumerate(wanted):
            _check(submission, index)
        hashes = [_submission_hash(submission) for submission in wanted]
        with self._database.begin() as connection:
            created = _insert(connection, wanted, hashes)
            found = _by_hash(connection, set(hashes) - created.keys())
        self._write_through([_entry(job, Decimal(0)) for job in created.values()])
        answers, first = [], set(created)
        for key in hashes:
            answers.append(Submitted(created.get(key) or found[key], created=key in first))
            first.discard(key)
        return answers

    def get(self, job_id: JobId) -> Job:
        """Raises: JobNotFound."""
        with self._database.single() as connection:
            return _get(connection, job_id)

    def status(self, job_id: JobId) -> JobStatusEntry:
        """Status of the job: from the cache, or from PostgreSQL when it has no entry. Raises: JobNotFound."""
        held = self._cache.get(job_id) if self._cache else None
        return held or self.status_from_rows(job_id)

    def status_from_rows(self, job_id: JobId) -> JobStatusEntry:
        """Status of the job from PostgreSQL, which refreshes the cache. Raises: JobNotFound."""
        with self._database.single() as connection:
            row = connection.execute(JOB_AND_COST, {"of_job": job_id}).one_or_none()
        if row is None:
            raise _not_found(job_id)
        entry = _entry(_job(row), row.cost_usd)
        self._write_through([entry])
        return entry

    def list(
        self,
        *,
        status: JobStatus | None = None,
        client: str | None = None,
        verdict: Verdict | None = None,
        client_reference: str | None = None,
        limit: int = 50,
        before: JobId | None = None,
    ) -> list[Job]:
        """Jobs, newest first; `before` is the last id of the previous page."""
        statement = select(*JOB_COLUMNS).order_by(jobs.c.job_id.desc()).limit(limit)
        if status is not None:
            statement = statement.where(jobs.c.status == status)
        if client is not None:
            statement = statement.where(jobs.c.client == client)
        if verdict is not None:
            statement = statement.where(jobs.c.verdict == verdict)
        if client_reference is not None:
            statement = statement.where(jobs.c.client_reference == client_reference)
        if before is not None:
            statement = statement.where(jobs.c.job_id < before)
        with self._database.begin() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def counts(self) -> dict[JobStatus, int]:
        """Number of jobs in each status; every status is included."""
        with self._database.begin() as connection:
            rows = connection.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status)).all()
        return dict.fromkeys(JobStatus, 0) | {JobStatus(status): count for status, count in rows}

    def start(
        self,
        job_id: JobId,
        stage: Stage,
        run_id: str,
        *,
        planned_as: str | None = None,
        rejected_too: bool = True,
        left_by: str | None = None,
    ) -> Job | None:
        """Marks the job as running in `stage` of the run `run_id`, as a new attempt; `None` when that is not allowed.

        A run planned for the batch `planned_as` gets the job only while it is open in that batch. A run started by a
        person (`None`) gets it in any status but cancelled, takes it out of its batch and discards how it had ended; a
        rejected document only when `rejected_too`. No run gets a job that is running in another one, unless that is
        `left_by`, which the caller knows to be dead. Raises: JobNotFound.
        """
        job, changed = self._change(
            job_id,
            START,
            {
                "new_stage": stage,
                "new_run_id": run_id,
                "planned_as": planned_as,
                "rejected_too": rejected_too,
                "left_by": left_by,
            },
        )
        return job if changed else None

    def advance(self, job_id: JobId, stage: Stage, run_id: str) -> Job | None:
        """Moves the job on to `stage`; `None` when the run `run_id` no longer owns it. Raises: JobNotFound."""
        job, changed = self._change(job_id, ADVANCE, {"new_stage": stage, "of_run": run_id})
        return job if changed else None

    def left_by_dead_runs(self, job_ids: Sequence[JobId], run_id: str) -> Sequence[JobId]:
        """Jobs that were in flight in a run other than `run_id`, those that were so in the fewest runs first.

        For a run at work: a job that it takes over and that still names another run was left by that dead run.
        """
        in_flight = (jobs.c.status == JobStatus.RUNNING) & (jobs.c.run_id != run_id)
        statement = (
            select(jobs.c.job_id)
            .where(jobs.c.job_id == any_(literal(list(job_ids), ARRAY(Text))), in_flight)
            .order_by(jobs.c.attempts, jobs.c.job_id)
        )
        with self._database.begin() as connection:
            return [JobId(job_id) for job_id in connection.scalars(statement)]

    def sources(self, job_ids: Sequence[JobId]) -> Mapping[JobId, str]:
        """The host from which each job's document will be fetched; without jobs that need no fetch."""
        statement = select(jobs.c.job_id, jobs.c.source_host).where(
            jobs.c.job_id == any_(literal(list(job_ids), ARRAY(Text))), jobs.c.source_host.is_not(None)
        )
        with self._database.begin() as connection:
            return {JobId(row.job_id): row.source_host for row in connection.execute(statement)}

    def clients_of(self, job_ids: Sequence[JobId]) -> Mapping[JobId, str]:
        """The client of each job; without jobs that do not exist."""
        statement = select(jobs.c.job_id, jobs.c.client).where(
            jobs.c.job_id == any_(literal(list(job_ids), ARRAY(Text)))
        )
        with self._database.begin() as connection:
            return {JobId(job_id): client for job_id, client in connection.execute(statement)}

    def document_found(self, job_id: JobId, sha256: str) -> Job:
        """Records the document that the URL led to, which must be stored already. Raises: JobNotFound.

        Labels submitted with the job become the document's.
        """
        return self._change(
            job_id,
            DOCUMENT_FOUND,
            {"new_document_sha256": sha256},
            also=lambda connection: adopt_labels(connection, [job_id]),
        )[0]

    def succeed(self, job_id: JobId, verdict: Verdict, *, run_id: str | None = None) -> Job:
        """Ends the job with its record's verdict, when it is running in `run_id`; `None`: queued or in any run.

        A job that has ended is not changed, and one that another run has taken over is ended by that run.

        Accepted and needs_review are `succeeded`. A rejected record ends the job as `rejected` with the error
        `verdict_rejected`: the processing is complete, but the invoice must not be paid from it. Raises: JobNotFound.
        """
        return self._change(job_id, END, {**_ended_with(verdict), "of_run": run_id})[0]

    def confirm(self, job_id: JobId, verdict: Verdict) -> Job:
        """Gives an ended job the verdict of its record as confirmed by a person.

        `finished_at` is unchanged: it is the end of processing. The time of confirmation is in `confirmations`.
        Raises: JobNotFound.
        """
        return self._change(job_id, CONFIRM, _ended_with(verdict))[0]

    def fail(self, job_id: JobId, stage: Stage, error: CiraError, *, run_id: str | None = None) -> Job:
        """Ends a job with `error`: `rejected` for a DocumentError, `failed` for all others; `run_id` as in `succeed`.

        A job that has ended is not changed: the first error is the one shown. Raises: JobNotFound.
        """
        values = {**_ended_by(error), "new_stage": stage, "new_verdict": None, "of_run": run_id}
        return self._change(job_id, END, values)[0]

    def hold(
        self,
        job_id: JobId,
        stage: Stage,
        error: CiraError,
        *,
        not_before: datetime,
        needs_usd: Decimal | None = None,
        is_attempt: bool = False,
        run_id: str | None = None,
    ) -> Job:
        """Defers the job because of `error`, until `not_before` or until `resume`; `run_id` as in `succeed`.

        With `needs_usd` it waits for a budget (`needs_budget`), else for a dependency (`waiting`). The run counts as an
        attempt only when `is_attempt`. Raises: JobNotFound.
        """
        return self._change(
            job_id,
            HOLD,
            {
                "new_status": JobStatus.WAITING if needs_usd is None else JobStatus.NEEDS_BUDGET,
                "new_stage": stage,
                "new_error_code": error.code,
                "new_error_message": error.message,
                "new_error_hint": error.hint,
                "new_not_before": not_before,
                "new_needs_usd": needs_usd,
                "is_attempt": is_attempt,
                "of_run": run_id,
            },
        )[0]

    def held(self, status: JobStatus, *, limit: int = 10_000) -> Sequence[Job]:
        """Deferred jobs, oldest first; `status` is needs_budget, or waiting.

        Without those that wait for a model batch (`answered_by_batch`) or for their source (`SourceJobs`).
        """
        of_source = jobs.c.source_host.is_not(None) & jobs.c.error_code.in_(SOURCE_CODES)
        held = (jobs.c.status == status) & (jobs.c.error_code != AnswerInBatch.code) & ~of_source
        statement = select(*JOB_COLUMNS).where(held).order_by(jobs.c.job_id).limit(limit)
        with self._database.begin() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def answered_by_batch(self, *, limit: int = 2_000) -> Sequence[JobId]:
        """Jobs deferred for a model batch whose questions are all answered or given up, oldest first."""
        awaited = select(batch_waits.c.job_id).where(batch_waits.c.job_id == jobs.c.job_id)
        waited = (jobs.c.status == JobStatus.WAITING) & (jobs.c.error_code == AnswerInBatch.code) & ~awaited.exists()
        statement = select(jobs.c.job_id).where(waited).order_by(jobs.c.job_id).limit(limit)
        with self._database.begin() as connection:
            return [JobId(job_id) for job_id in connection.scalars(statement)]

    def promised_usd(self) -> dict[str, Decimal]:
        """USD that resumed jobs, which had waited for a budget, may yet spend, by client."""
        statement = (
            select(jobs.c.client, func.sum(jobs.c.needs_usd))
            .where(jobs.c.needs_usd.is_not(None), jobs.c.status.in_(ACTIVE))
            .group_by(jobs.c.client)
        )
        with self._database.begin() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def resume(self, job_id: JobId) -> bool:
        """Queues a deferred job again; false when it is not deferred any more. Raises: JobNotFound."""
        return self._change(job_id, RESUME)[1]

    def retry(self, job_id: JobId) -> Job:
        """Queues a failed, rejected or deferred job again; attempts are kept.

        Raises: JobNotFound, JobNotRetryable.
        """
        job, changed = self._change(job_id, RETRY)
        if not changed:
            raise JobNotRetryable(f"job {job_id} is {job.status}{_retry_hint(job)}", job_id=job_id, status=job.status)
        return job

    def requeue(self, seen: SeenJob) -> Job:
        """Queues a job whose run died again, if it is still in the state `seen`.

        Attempts and the dead run's id are kept: while that is known, the job shares no run with others.
        Raises: JobNotFound.
        """
        values = {"seen_status": seen.status, "seen_run_id": seen.run_id, "seen_batch_id": seen.batch_id}
        return self._change(seen.job_id, REQUEUE, values)[0]

    def cancel(self, job_id: JobId) -> Job:
        """Cancels a queued, running or deferred job; a run stops before its next stage.

        Idempotent. Raises: JobNotFound, JobNotCancellable.
        """
        job, _ = self._change(job_id, CANCEL)
        if job.status is not JobStatus.CANCELLED:
            raise JobNotCancellable(
                f"job {job_id} is {job.status}; only a queued, running or waiting job can be cancelled",
                job_id=job_id,
                status=job.status,
            )
        return job

    def change_many(
        self, change: ReturningUpdate[Any], values: Mapping[str, Any] = MappingProxyType({})
    ) -> Sequence[Job]:
        """The jobs changed by a statement that returns the columns `CHANGED`. Raises: StoreUnavailable."""
        with self._database.begin() as connection:
            rows = connection.execute(change, values).all()
        changed = [_job(row) for row in rows]
        self._write_through([_entry(job, row.cost_usd) for job, row in zip(changed, rows, strict=True)])
        return changed

    def _change(
        self,
        job_id: JobId,
        change: ReturningUpdate[Any],
        values: Mapping[str, Any] = MappingProxyType({}),
        *,
        also: Callable[[Connection], None] | None = None,
    ) -> tuple[Job, bool]:
        """The job after the change, and whether its state allowed it. `also` runs in the same transaction."""
        with self._database.single() if also is None else self._database.begin() as connection:
            row = connection.execute(change, {"changed_job": job_id, **values}).one_or_none()
            job = _get(connection, job_id) if row is None else _job(row)
            if row is not None and also is not None:
                also(connection)
        if row is not None:
            self._write_through([_entry(job, row.cost_usd)])
        return job, row is not None

    def _write_through(self, changed: Sequence[JobStatusEntry]) -> None:
        if self._cache is not None:
            self._cache.put_all(changed)


def _check(submission: Submission, index: int) -> None:
    """Rejects what the table would reject, with a message for the submitting client."""
    problem = None
    if not submission.url.strip():
        problem = "the URL is empty"
    elif len(submission.url) > MAX_URL_CHARS:
        problem = f"the URL has {len(submission.url)} characters; at most {MAX_URL_CHARS} are accepted"
    elif not 1 <= len(submission.client) <= MAX_NAME_CHARS:
        problem = f"the client's name must have 1 to {MAX_NAME_CHARS} characters"
    elif len(submission.idempotency_key) > MAX_NAME_CHARS:
        problem = f"the idempotency key is longer than {MAX_NAME_CHARS} characters"
    elif submission.policy is not None and submission.policy not in list(Policy):
        problem = f"policy {submission.policy!r} does not exist; expected {', '.join(Policy)}"
    elif submission.source not in get_args(JobSource):
        problem = f"source {submission.source!r} does not exist"
    elif not all(_plain(each) for each in (submission.url, submission.client, submission.idempotency_key)):
        problem = "the URL, client or idempotency key contains control characters or invalid Unicode"
    if problem:
        raise SubmissionInvalid(f"submission {index + 1}: {problem}", index=index)


def _plain(text: str) -> bool:
    return _CONTROLS.search(text) is None and not any("\ud800" <= char <= "\udfff" for char in text)


def _submission_hash(submission: Submission) -> bytes:
    """The value that PostgreSQL generates for `jobs.submission_hash`."""
    parts = (submission.client, submission.idempotency_key, submission.url)
    return hashlib.sha256("\n".join(parts).encode()).digest()


def _insert(connection: Connection, wanted: Sequence[Submission], hashes: Sequence[bytes]) -> dict[bytes, Job]:
    """Inserts the jobs that do not exist yet; returns them by hash."""
    first = dict(zip(reversed(hashes), reversed(wanted), strict=True))
    # ULIDs of one millisecond are unordered; sorted, they keep the order of the submissions.
    ids = sorted(new_job_id() for _ in first)
    rows = {key: {"job_id": job_id, **vars(first[key])} for key, job_id in zip(dict.fromkeys(hashes), ids, strict=True)}
    if not rows:
        return {}
    given = {row["job_id"]: row.pop("labels") for row in rows.values()}
    # One order for all callers, so that concurrent submissions of the same URLs cannot deadlock.
    ordered = [rows[key] for key in sorted(rows)]
    statement = insert(jobs).on_conflict_do_nothing(index_elements=["submission_hash"])
    inserted = connection.execute(statement.returning(*JOB_COLUMNS, jobs.c.submission_hash, NOTIFY_CHANGE), ordered)
    created = {bytes(row.submission_hash): _job(row) for row in inserted}
    keep_labels(connection, {job.job_id: given[job.job_id] for job in created.values() if given[job.job_id]})
    return created


def _by_hash(connection: Connection, hashes: Iterable[bytes]) -> dict[bytes, Job]:
    wanted = list(hashes)
    if not wanted:
        return {}
    # An array: a statement has room for 65,535 parameters, and a folder for more files.
    statement = select(*JOB_COLUMNS, jobs.c.submission_hash).where(
        jobs.c.submission_hash == any_(literal(wanted, ARRAY(LargeBinary)))
    )
    return {bytes(row.submission_hash): _job(row) for row in connection.execute(statement)}


def _get(connection: Connection, job_id: JobId) -> Job:
    row = connection.execute(JOB, {"of_job": job_id}).one_or_none()
    if row is None:
        raise _not_found(job_id)
    return _job(row)


def _not_found(job_id: JobId) -> JobNotFound:
    return JobNotFound(f"there is no job {job_id}", job_id=job_id)


def _job(row: Row[*tuple[Any, ...]]) -> Job:
    return Job.model_validate({column.name: row._mapping[column] for column in JOB_COLUMNS})


def _entry(job: Job, cost_usd: Decimal) -> JobStatusEntry:
    # From a row that was validated a moment ago.
    known = {name: getattr(job, name) for name in _ENTRY_FIELDS}
    return JobStatusEntry.model_construct(**known, cost_usd=cost_usd)


_ENTRY_FIELDS = JobStatusEntry.model_fields.keys() - {"cost_usd"}


def _retry_hint(job: Job) -> str:
    """What happens next to a job that cannot be retried, where the status does not say it."""
    if job.status is JobStatus.RUNNING:
        return f" in run {job.run_id}; if that run has died, the job is queued again automatically within minutes"
    if job.status is JobStatus.QUEUED:
        return " already and gets a run automatically"
    return ""


def _ended_with(verdict: Verdict) -> dict[str, Any]:
    ended = _VERDICT_REJECTED if verdict is Verdict.REJECTED else _SUCCEEDED
    return {**ended, "new_stage": Stage.VALIDATED_RECORD, "new_verdict": verdict}


def _ended_by(error: CiraError) -> dict[str, Any]:
    refused = isinstance(error, DocumentError | RecordRejected)
    return {
        "new_status": JobStatus.REJECTED if refused else JobStatus.FAILED,
        "new_error_code": error.code,
        "new_error_message": error.message,
        "new_error_hint": error.hint,
    }


_SUCCEEDED: Mapping[str, Any] = {
    "new_status": JobStatus.SUCCEEDED,
    "new_error_code": None,
    "new_error_message": None,
    "new_error_hint": None,
}
_VERDICT_REJECTED: Mapping[str, Any] = _ended_by(
    RecordRejected("validation rejected this invoice; its findings state the reasons")
)
