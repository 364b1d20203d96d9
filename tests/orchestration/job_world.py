"""Jobs, batches and runs with every actor that changes them, one method each.

Modelled: the order in which Dagster's daemons and the process of a run act, and what comes of a stage. Everything that
CIRA decides is its own code over the real PostgreSQL and Valkey and a real Dagster instance.

Time passes by moving every stored time into the past.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import redis
from dagster import DagsterEvent, DagsterEventType, DagsterRunStatus, RunsFilter
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.storage.tags import BACKFILL_ID_TAG, PARTITION_NAME_TAG, RETRY_NUMBER_TAG
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import bindparam, event, select, text

from assets.batch_keys import claim_of, planned_batch
from assets.housekeeping import remove_keys, remove_runs
from assets.partitions import PARTITIONS_NAME
from cira_pipeline.clock import utc_now
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.batches import BatchRepository
from cira_pipeline.db.jobs.erasure import ERASED_SCHEME, Erasure
from cira_pipeline.db.jobs.partition_keys import PartitionKeys
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.db.schema.tables import WAITS_FOR_A_BATCH, WAITS_FOR_SOURCE
from cira_pipeline.errors import (
    AnswerInBatch,
    BudgetReached,
    CiraError,
    CircuitOpen,
    DocumentEncrypted,
    ReadingCrashed,
    RecordRejected,
    RunInterrupted,
    SourceBusy,
    SourceNotFound,
    SourcePaused,
    SourceUnavailable,
    StoreUnavailable,
    UpstreamMissing,
)
from cira_pipeline.jobs import JobId, JobStatus, Stage, is_batch_key
from cira_pipeline.models import Verdict
from cira_pipeline.pipeline.batch_progress import to_do
from cira_pipeline.pipeline.processor import JobContext, Processor, RecordValidated
from cira_pipeline.pipeline.source_turns import PutBack
from cira_pipeline.pipeline.stream import Flow, StageFailed, StreamEvent
from cira_pipeline.resilience.source_hosts import SourceHosts, source_hosts_from_settings
from cira_pipeline.settings import Settings
from sensors.new_invoices import (
    RANGE_END_TAG,
    RANGE_START_TAG,
    RETRIED_BY_TAG,
    RETRY_GRACE,
    WILL_RETRY_TAG,
    new_invoices_sensor,
)
from tests.db.invoices import document, record

RUN_KEY_TAG = "dagster/run_key"
MAX_RETRIES = 2
IN_FLIGHT = 2
PUTS_BACK = IN_FLIGHT
ROUNDS = 60
STAGES = tuple(Stage)
HOSTS = ("one.example", "other.example")
POOR = "poor"
HAS_A_RECORD = frozenset({(JobStatus.SUCCEEDED, None), (JobStatus.REJECTED, RecordRejected.code)})
OUTCOMES: Mapping[str, frozenset[tuple[JobStatus, str | None]]] = {
    "accepted": HAS_A_RECORD,
    "needs_review": HAS_A_RECORD,
    "rejected": HAS_A_RECORD,
    "no_invoice": frozenset({(JobStatus.REJECTED, DocumentEncrypted.code)}),
    "missing": frozenset({(JobStatus.FAILED, SourceNotFound.code)}),
    "unreadable": frozenset({(JobStatus.FAILED, ReadingCrashed.code)}),
    "no_money": frozenset({(JobStatus.NEEDS_BUDGET, BudgetReached.code)}),
    "no_money_once": HAS_A_RECORD,
    "model_down_once": HAS_A_RECORD,
    "batched_once": HAS_A_RECORD,
    "source_down_once": HAS_A_RECORD | {(JobStatus.FAILED, SourceUnavailable.code)},
    "store_down_once": HAS_A_RECORD | {(JobStatus.FAILED, StoreUnavailable.code)},
    "kills_once": HAS_A_RECORD,
    "kills": frozenset(),
}
"""What comes of a document, and how its job may end; any job may be cancelled, or end because its runs died."""
ANY_OUTCOME = frozenset({(JobStatus.CANCELLED, None), (JobStatus.FAILED, RunInterrupted.code)})


STOPS: Mapping[str, Callable[[], CiraError]] = {
    "no_money": lambda: BudgetReached("no money", needs_usd=Decimal(1)),
    "no_money_once": lambda: BudgetReached("no money", needs_usd=Decimal(0)),
    "model_down_once": lambda: CircuitOpen("it is left alone", retry_after_s=300),
    "batched_once": lambda: AnswerInBatch("it comes with a batch"),
    "store_down_once": lambda: StoreUnavailable("it is down"),
}
"""What stops a job in its extraction, by the outcome."""


class Crash(BaseException):
    """The process ends here."""


class Crashes:
    """Ends the process before, after or at the commit of the n-th statement from now on."""

    def __init__(self, database: Database) -> None:
        self._left: int | None = None
        self._dead = False
        self.count = 0
        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(database.engine, name, self._passed)

    @contextmanager
    def at(self, point: int | None) -> Iterator[None]:
        """Raises: Crash when the block came to that statement, whatever it made of it."""
        self._left, self._dead = point, False
        try:
            yield
        except Exception:
            if not self._dead:
                raise
        finally:
            dead, self._left, self._dead = self._dead, None, False
            self.count += dead
        if dead:
            raise Crash

    def _passed(self, *_: object) -> None:
        if self._left is not None:
            self._left -= 1
            self._dead = self._left < 0
        if self._dead:
            raise Crash


@dataclass
class Process:
    """What of a run is alive: its way through its jobs."""

    run: dg.DagsterRun
    flow: Flow
    groups: list[list[JobId]]
    in_flight: list[Iterator[StreamEvent]] = field(default_factory=list)
    has_failures: bool = False


class JobWorld:
    """One for all sequences of steps: `begin` empties it."""

    def __init__(self, settings: Settings, database: Database, redis_url: str, resources: Mapping[str, Any]) -> None:
        self._settings = settings
        self._database = database
        self._resources = dict(resources)
        self._redis = redis.Redis.from_url(redis_url)
        self._sources: SourceHosts = source_hosts_from_settings(settings)
        retries = {"run_retries": {"enabled": True, "max_retries": MAX_RETRIES, "retry_on_asset_or_op_failure": False}}
        self.instance = dg.DagsterInstance.ephemeral(settings=retries)
        self.sensor = new_invoices_sensor(settings)
        # One for all ticks: to make it costs more than a tick.
        self._tick_in = dg.build_sensor_context(instance=self.instance, resources=self._resources)
        self._tick_in.__enter__()
        self.crashes = Crashes(database)
        self.jobs = JobRepository(database, resources["redis"].status_cache())
        self._objects = ObjectStore("memory://job-world")
        self._records = RecordRepository(database)
        self._documents = DocumentRepository(database, self._objects)
        self._document = document()
        self.counts = Counter[str]()
        """Of all sequences: how many runs, retries, ends of jobs there were."""

    def begin(self) -> None:
        self.processes: dict[str, Process] = {}
        self._happened: set[JobId] = set()
        self.submitted = 0
        with self._database.begin() as connection:
            connection.execute(text("TRUNCATE cira.jobs, cira.batches, cira.documents CASCADE"))
        self.instance.run_storage.wipe()
        self.instance.event_log_storage.wipe()
        self._redis.delete(*map(_source_key, HOSTS))

    def close(self) -> None:
        self._tick_in.__exit__(None, None, None)
        self.instance.dispose()
        self._sources.close()
        self._redis.delete(*map(_source_key, HOSTS))
        self._redis.close()

    # People

    def submit(self, outcomes: Sequence[str]) -> None:
        wanted = []
        for outcome in outcomes:
            self.submitted += 1
            url = f"https://{HOSTS[self.submitted % len(HOSTS)]}/{outcome}/{self.submitted}.pdf"
            wanted.append(Submission(url, client=POOR if outcome == "no_money" else f"rich-{self.submitted % 2}"))
        self.jobs.submit(wanted)

    def run_by_hand(self, keys: Sequence[str], *, backfill: bool) -> None:
        """From Dagster's UI: one partition, or a backfill of a range of them."""
        tags = {BACKFILL_ID_TAG: "abcdefgh"} if backfill else {}
        if len(keys) == 1:
            tags[PARTITION_NAME_TAG] = keys[0]
        else:
            tags |= {RANGE_START_TAG: keys[0], RANGE_END_TAG: keys[-1]}
        self._make_run(tags, DagsterRunStatus.STARTING)

    def execute_again(self, run: dg.DagsterRun) -> None:
        own = {key: value for key, value in run.tags.items() if key not in (RETRIED_BY_TAG, WILL_RETRY_TAG)}
        tags = {key: value for key, value in own.items() if key != RETRY_NUMBER_TAG}
        create_run_for_test(
            self.instance,
            "process_invoices",
            tags=tags,
            status=DagsterRunStatus.STARTING,
            parent_run_id=run.run_id,
            root_run_id=run.root_run_id or run.run_id,
        )

    def cancel_run(self, run: dg.DagsterRun) -> None:
        self.processes.pop(run.run_id, None)
        self._becomes(run, DagsterEventType.RUN_CANCELED)

    def erase(self, job_id: JobId) -> None:
        Erasure(self._database, self._objects, self.jobs, stopping_s=0).erase(job_id)

    # Sources of documents

    def source_fails(self, host: str) -> None:
        """As often as opens its circuit."""
        for _ in range(self._settings.source_failures):
            with suppress(SourceUnavailable, SourcePaused), self._sources.asking(host, longest_s=1):
                self._refuse()

    def put_back(self, process: Process) -> None:
        """What the process does with the jobs that it has not begun when their source answers slowly."""
        jobs = process.groups[0] if process.groups else []
        if jobs:
            job = self.jobs.get(jobs[0])
            self._sources.note_slow(job.source_host or HOSTS[0])
            for _ in process.flow.put_back(PutBack(tuple(jobs), SourceBusy("it answers slowly"), 0)):
                pass
            jobs.clear()

    # CIRA by itself

    def tick(self, *, crash_at: int | None, adds_keys: bool = True, makes: int = 1_000, submits: bool = True) -> None:
        """A tick of the sensor, and how far the daemon comes with what it asked for."""
        try:
            with self.crashes.at(crash_at):
                result = self.sensor(self._tick_in)
        except Crash:
            return
        if not isinstance(result, dg.SensorResult) or not adds_keys:
            return
        for request in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        for asked in (result.run_requests or ())[:makes]:
            self._take_request(asked, submits=submits)

    def tidy(self) -> None:
        """Housekeeping, when everything that has ended did so long ago."""
        later = utc_now() + timedelta(days=1)
        remove_keys(self.instance, self._database, later)
        remove_runs(self.instance, later)

    # Dagster by itself

    def runs(self, *statuses: DagsterRunStatus) -> list[dg.DagsterRun]:
        """Oldest first."""
        return list(self.instance.get_runs(RunsFilter(statuses=list(statuses)), ascending=True))

    def launch(self, run: dg.DagsterRun, *, crash_at: int | None = None) -> None:
        """The process of a queued run comes up and looks what there is to do."""
        self.counts["runs launched"] += 1
        self._becomes(run, DagsterEventType.RUN_START)
        try:
            with self.crashes.at(crash_at):
                self.processes[run.run_id] = self._process(run)
        except Crash:
            self.processes.pop(run.run_id, None)

    def work(self, process: Process, turns: Sequence[int], *, crash_at: int | None = None) -> None:
        """The process goes on: a stage of one of its jobs in flight for each turn; `PUTS_BACK` gives jobs back."""
        try:
            with self.crashes.at(crash_at):
                for turn in turns:
                    if turn == PUTS_BACK:
                        self.put_back(process)
                    elif not self._goes_on(process, turn):
                        self._end(process)
                        return
        except Crash:
            self.kill(process)

    def kill(self, process: Process) -> None:
        self.processes.pop(process.run.run_id, None)

    def notice_death(self, run: dg.DagsterRun, *, says_retry: bool) -> None:
        """Run monitoring ends the run; its process may be alive all the same."""
        self._becomes(run, DagsterEventType.RUN_FAILURE)
        if says_retry:
            self._say_whether_it_retries(run)

    def retry_run(self, run: dg.DagsterRun, *, submits: bool = True) -> None:
        """What the daemon of automatic retries does with a failed run, however late."""
        self.counts["automatic retries"] += 1
        tags = {key: value for key, value in run.tags.items() if key not in (WILL_RETRY_TAG, RETRIED_BY_TAG)}
        retry = create_run_for_test(
            self.instance,
            "process_invoices",
            tags=tags | {RETRY_NUMBER_TAG: str(self._retry_number(run) + 1)},
            status=DagsterRunStatus.STARTING if submits else DagsterRunStatus.NOT_STARTED,
            parent_run_id=run.run_id,
            root_run_id=run.root_run_id or run.run_id,
        )
        self.instance.add_run_tags(run.run_id, {RETRIED_BY_TAG: retry.run_id, WILL_RETRY_TAG: "true"})

    def lose_tables(self) -> None:
        """Dagster's own tables are gone; processes of runs may be alive."""
        for run in self.instance.get_runs():
            self.instance.delete_run(run.run_id)
        for key in self.keys():
            self.instance.delete_dynamic_partition(PARTITIONS_NAME, key)

    def to_retry(self) -> list[dg.DagsterRun]:
        failed = self.runs(DagsterRunStatus.FAILURE)
        return [
            run
            for run in failed
            if run.tags.get(WILL_RETRY_TAG) != "false"
            and RETRIED_BY_TAG not in run.tags
            and self._retry_number(run) < MAX_RETRIES
        ]

    def pass_time(self, seconds: float) -> None:
        by = timedelta(seconds=seconds)
        with self.instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
            runs = connection.execute(
                select(RunsTable.c.run_id, RunsTable.c.create_timestamp, RunsTable.c.update_timestamp)
            ).all()
            if runs:
                earlier = RunsTable.update().where(RunsTable.c.run_id == bindparam("of_run"))
                connection.execute(
                    earlier.values(create_timestamp=bindparam("created"), update_timestamp=bindparam("updated")),
                    [
                        {"of_run": run_id, "created": made - by, "updated": changed - by}
                        for run_id, made, changed in runs
                    ],
                )
        with self._database.begin() as connection:
            connection.execute(
                text("UPDATE cira.jobs SET not_before = not_before - :by, queued_at = queued_at - :by"), {"by": by}
            )
        for host in HOSTS:
            kept = self._redis.get(_source_key(host))
            if isinstance(kept, bytes):
                record = json.loads(kept)
                for name in ("open_until", "trial_until", "slow_until"):
                    record[name] = max(0.0, record[name] - seconds)
                self._redis.set(_source_key(host), json.dumps(record))

    # What there is

    def keys(self) -> list[str]:
        return list(self.instance.get_dynamic_partitions(PARTITIONS_NAME))

    def all_jobs(self) -> list[SimpleNamespace]:
        """In the order of submission."""
        columns = "job_id, url, client, status, error_code, verdict, attempts, batch_id, run_id, finished_at"
        with self._database.begin() as connection:
            rows = connection.execute(text(f"SELECT {columns} FROM cira.jobs ORDER BY job_id")).mappings()
            return [SimpleNamespace(**{**row, "status": JobStatus(row["status"])}) for row in rows]

    def out_of_sight(self) -> list[JobId]:
        """Jobs that have not ended and that none of the queries finds with which a tick of the sensor begins."""
        batches = BatchRepository(self._database)
        opened = {
            job.job_id for jobs in batches.jobs([each.batch_id for each in batches.open()]).values() for job in jobs
        }
        seen = opened | {job.job_id for job in batches.running_in_no_batch()} | set(self.jobs.answered_by_batch())
        seen |= {job.job_id for status in (JobStatus.WAITING, JobStatus.NEEDS_BUDGET) for job in self.jobs.held(status)}
        with self._database.begin() as connection:
            left = text(f"SELECT job_id FROM cira.jobs WHERE ({WAITS_FOR_A_BATCH}) OR ({WAITS_FOR_SOURCE})")
            seen |= set(connection.scalars(left))
        return [JobId(job.job_id) for job in self.all_jobs() if not job.status.final and job.job_id not in seen]

    def settle(self, *, dagster_retries: bool) -> list[SimpleNamespace]:
        """Only what runs by itself goes on, with nothing broken any more; returns the jobs that do not come to rest."""
        for _ in range(ROUNDS):
            open_jobs = [job for job in self.all_jobs() if not _at_rest(job)]
            if not open_jobs and not self.processes:
                return []
            self.tick(crash_at=None)
            for run in self.runs(DagsterRunStatus.STARTING):
                self.launch(run)
            for process in list(self.processes.values()):
                self.work(process, [0] * 1_000)
            for run in self.runs(DagsterRunStatus.STARTED):
                if run.run_id not in self.processes:
                    self.notice_death(run, says_retry=True)
            if dagster_retries:
                for run in self.to_retry():
                    self.retry_run(run)
            self.pass_time(RETRY_GRACE.total_seconds())
        return [job for job in self.all_jobs() if not _at_rest(job)]

    # Parts

    def _make_run(self, tags: Mapping[str, str], status: DagsterRunStatus) -> dg.DagsterRun:
        return create_run_for_test(self.instance, "process_invoices", tags=dict(tags), status=status)

    def _take_request(self, request: dg.RunRequest, *, submits: bool) -> None:
        """As Dagster's sensor daemon does: a run key has one run, which is submitted if it was not."""
        assert request.run_key is not None
        tags = {**request.tags, RUN_KEY_TAG: request.run_key}
        if request.partition_key is not None:
            tags[PARTITION_NAME_TAG] = request.partition_key
        self._keys_of(tags)  # of keys that are not there Dagster makes no run, and the sensor's tick fails
        runs = self.instance.get_runs(RunsFilter(tags={RUN_KEY_TAG: request.run_key}))
        if not runs:
            self._make_run(tags, DagsterRunStatus.STARTING if submits else DagsterRunStatus.NOT_STARTED)
        elif submits and runs[0].status is DagsterRunStatus.NOT_STARTED:
            self._becomes(runs[0], DagsterEventType.RUN_STARTING)

    def _keys_of(self, tags: Mapping[str, str]) -> list[str]:
        keys = self.keys()
        if (key := tags.get(PARTITION_NAME_TAG)) is not None:
            assert key in keys, f"no partition {key}"
            return [key]
        first, last = keys.index(tags[RANGE_START_TAG]), keys.index(tags[RANGE_END_TAG])
        assert first <= last, "the range is reversed"
        return keys[first : last + 1]

    def _process(self, run: dg.DagsterRun) -> Process:
        try:
            keys = self._keys_of(run.tags)
        except (AssertionError, ValueError):
            keys = []  # housekeeping took the keys of a person's old run away
        jobs_of = PartitionKeys(self._database).jobs_of(keys)
        job_ids = [JobId(key) for key in jobs_of if not is_batch_key(key)]
        alive = frozenset(each.run_id for each in self.instance.get_runs() if not each.is_finished) - {run.run_id}
        for key in filter(is_batch_key, keys):
            job_ids += to_do(jobs_of[key], STAGES, planned_as=planned_batch(run), busy_runs=alive)
        claim = claim_of(run, self.instance, key_count=len(keys))
        flow = Flow(self._processor(), job_ids, STAGES, run.run_id, claim)
        return Process(run, flow, [list(group) for group in flow.in_order(job_ids)])

    def _goes_on(self, process: Process, turn: int) -> bool:
        while process.groups and len(process.in_flight) < IN_FLIGHT:
            if not process.groups[0]:
                if process.in_flight:
                    break
                process.groups.pop(0)
            else:
                process.in_flight.append(process.flow.events_of(process.groups[0].pop(0)))
        if not process.in_flight:
            return False
        job_context = process.in_flight[turn % len(process.in_flight)]
        happened = next(job_context, None)
        if happened is None:
            process.in_flight.remove(job_context)
        process.has_failures |= isinstance(happened, StageFailed)
        return True

    def _end(self, process: Process) -> None:
        self.kill(process)
        run = self.instance.get_run_by_id(process.run.run_id)
        if run is None or run.is_finished:
            return  # taken for dead meanwhile
        if process.has_failures:
            self.instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "false"})
        self._becomes(run, DagsterEventType.RUN_FAILURE if process.has_failures else DagsterEventType.RUN_SUCCESS)

    def _becomes(self, run: dg.DagsterRun, kind: DagsterEventType) -> None:
        happened = DagsterEvent(event_type_value=kind.value, job_name=run.job_name)
        self.instance.run_storage.handle_run_event(run.run_id, happened)

    def _say_whether_it_retries(self, run: dg.DagsterRun) -> None:
        says = str(self._retry_number(run) < MAX_RETRIES).lower()
        self.instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: says})

    def _retry_number(self, run: dg.DagsterRun) -> int:
        return int(run.tags.get(RETRY_NUMBER_TAG, "0"))

    def _processor(self) -> Processor:
        return cast(
            Processor,
            SimpleNamespace(settings=self._settings, jobs=self.jobs, run=self._stage, kept=self._kept),
        )

    def _stage(self, job_context: JobContext, stage: Stage) -> object:
        job = job_context.job
        outcome = job.url.split("/")[3]
        first_time = job.job_id not in self._happened
        if stage is Stage.RAW_DOCUMENT:
            if job.document_sha256 is None:
                with self._sources.asking(job.url.split("/")[2], longest_s=60):
                    self._fetch(job.job_id, outcome, first_time=first_time)
                self._documents.put(self._document)
                job_context.job = self.jobs.document_found(job.job_id, self._document.sha256)
        elif stage is Stage.OCR_TEXT:
            if outcome == "kills" or (outcome == "kills_once" and first_time):
                self._happened.add(job.job_id)
                raise Crash
            if outcome == "unreadable":
                raise ReadingCrashed("it crashed")
        elif stage is Stage.EXTRACTED_FIELDS:
            if outcome == "no_money" or (outcome in STOPS and first_time):
                self._happened.add(job.job_id)
                raise STOPS[outcome]()
        else:
            verdict = Verdict(outcome) if outcome in list(Verdict) else Verdict.ACCEPTED
            kept = record(verdict=verdict)
            self._records.put(job.job_id, self._document.sha256, kept, duplicate_of=())
            return RecordValidated(record=kept, accuracy=cast(Any, None), cost=cast(Any, None), seconds=0.0)
        return object()

    def _fetch(self, job_id: JobId, outcome: str, *, first_time: bool) -> None:
        if outcome == "no_invoice":
            raise DocumentEncrypted("it has a password")
        if outcome == "missing":
            raise SourceNotFound("nothing is there", status=404)
        if outcome == "source_down_once" and first_time:
            self._happened.add(job_id)
            self._refuse(paused_s=100.0)

    def _refuse(self, **detail: float) -> None:
        raise SourceUnavailable("it answers with an error", **detail)

    def _kept(self, job_context: JobContext, stage: Stage) -> object:
        if job_context.job.document_sha256 is None:
            raise UpstreamMissing(
                f"job {job_context.job.job_id} has no document", job_id=job_context.job.job_id, stage=stage
            )
        return object()


def unexpected_end(job: SimpleNamespace) -> bool:
    """Whether the job rests in a way that its document does not explain."""
    if job.url.startswith(ERASED_SCHEME):
        return job.status is not JobStatus.CANCELLED
    return (job.status, job.error_code) not in OUTCOMES[job.url.split("/")[3]] | ANY_OUTCOME


def _source_key(host: str) -> str:
    return f"cira:source:{host}"


def _at_rest(job: SimpleNamespace) -> bool:
    """Ended, or held for what only a person can give."""
    return job.status.final or (job.status is JobStatus.NEEDS_BUDGET and job.client == POOR)
