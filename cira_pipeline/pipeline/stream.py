"""Streams many jobs through the stages: while one document is read, others download or wait for the model.

Memory is bounded: at most `threads` jobs are in flight, and results wait in a short bounded queue.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from queue import Empty, Full, Queue

from cira_pipeline.clock import utc_now
from cira_pipeline.db.disk_space import is_out_of_space
from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.db.jobs.source_jobs import SourceJobs
from cira_pipeline.errors import CiraError, DiskFull, InternalError, JobNotFound, RunInterrupted, kept_error
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.pipeline.claims import Claim, Refused
from cira_pipeline.pipeline.deferral import SOURCE_ASKED_AGAIN_S, deferral_of
from cira_pipeline.pipeline.processor import JobContext, Processor, RecordValidated, StageResult
from cira_pipeline.pipeline.source_turns import PutBack, SourceTurns, Turn
from cira_pipeline.sandbox.fair_slots import FairSlots, current_owner, on_behalf_of
from cira_pipeline.sandbox.pool import SPARE_READING_PROCESSES, reading_processes
from cira_pipeline.settings import Settings

# Tuning of Python's garbage collector for a run: it scans new objects, not everything that is loaded.

# Python's defaults are 700, 10 and 10. An invoice creates some ten thousand objects and leaves few cycles.
_THRESHOLDS = (5_000, 20, 20)


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Excludes loaded objects (Dagster's and others', over a quarter of a million) from collection inside the block.

    Scanning them took 10 to 20 % of a run's processor time.
    """
    before = gc.get_threshold()
    gc.set_threshold(*_THRESHOLDS)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


@dataclass(frozen=True)
class StageDone:
    """A stage of a job succeeded. `url` is the job's."""

    job_id: JobId
    stage: Stage
    result: StageResult
    url: str


@dataclass(frozen=True)
class StageFailed:
    """A stage of a job failed; its later stages do not run."""

    job_id: JobId
    stage: Stage
    error: CiraError


@dataclass(frozen=True)
class JobDeferred:
    """The job is deferred because of `error` and continues in a later run: nothing is complete, nothing failed."""

    job_id: JobId
    stage: Stage
    error: CiraError


@dataclass(frozen=True)
class JobSkipped:
    job_id: JobId
    reason: str


@dataclass(frozen=True)
class Heartbeat:
    """No event for `heartbeat_s` seconds, so that the caller can do periodic work."""


JobEvent = StageDone | StageFailed | JobDeferred | JobSkipped
StreamEvent = JobEvent | Heartbeat


def stream(
    processor: Processor,
    job_ids: Sequence[JobId],
    stages: Sequence[Stage],
    *,
    run_id: str,
    claim: Claim | None = None,
    heartbeat_s: float | None = None,
) -> Iterator[StreamEvent]:
    """Runs `stages`, in order, for every job; yields events as they occur, in order within a job, and `Heartbeat` when
    there was none for `heartbeat_s` seconds.

    `claim`: which jobs the run may claim; `None`: all, as there is no other run. A job that has ended and must not run
    again is answered from storage: the same events, but nothing is fetched, read, asked or changed.

    A failure ends its own job only. Closing the iterator early ends readings at once, and every job after its stage.

    Jobs that were in flight when an earlier run died come last and one at a time, as one of them may have caused it: if
    this run dies too, all others are done, and the cause is known.
    """
    with collecting_rarely():
        flow = Flow(processor, job_ids, tuple(stages), run_id, claim or Claim())
        yield from _streamed(processor, job_ids, flow, heartbeat_s)


def _streamed(
    processor: Processor, job_ids: Sequence[JobId], flow: Flow, heartbeat_s: float | None
) -> Iterator[StreamEvent]:
    pool = ThreadPoolExecutor(max_workers=processor.settings.stage_threads, thread_name_prefix="invoice")
    running = 0
    try:
        for together in flow.in_order(job_ids):
            running = len(together)
            turns = flow.turns(together)
            for _ in range(min(running, processor.settings.stage_threads)):
                pool.submit(flow.work, turns)
            while running:
                try:
                    event = flow.ended.get(timeout=heartbeat_s)
                except Empty:
                    yield Heartbeat()
                    continue
                if not isinstance(event, _JobEnded):
                    yield event
                    continue
                running -= 1
                if event.broken is not None:
                    raise event.broken
    finally:
        flow.stopping.set()
        if running:
            # A stopped run does not wait for a page that takes minutes: the next run reads the document.
            processor.reader.interrupt()
        pool.shutdown(wait=True, cancel_futures=True)
        processor.timings.keep()


@dataclass(frozen=True)
class _JobEnded:
    """End of one job; `broken`: an exception that no stage handled."""

    broken: BaseException | None


class Flow:
    """State shared by the threads of one stream. `ended` is a bounded queue: a slow consumer blocks the workers."""

    def __init__(
        self, processor: Processor, job_ids: Sequence[JobId], stages: tuple[Stage, ...], run_id: str, claim: Claim
    ) -> None:
        self.ended: Queue[JobEvent | _JobEnded] = Queue(maxsize=4 * processor.settings.stage_threads)
        self.stopping = threading.Event()
        self._processor = processor
        self._stages = stages
        self._run_id = run_id
        self.claim = claim
        # Whole runs change a job's status; a person who materialises only some of the assets does not.
        self._tracked = Stage.VALIDATED_RECORD in stages
        self._reading_slots = _reading_slots(processor.settings)
        self._client_of = processor.jobs.clients_of(job_ids)

    def in_order(self, job_ids: Sequence[JobId]) -> Iterator[Sequence[JobId]]:
        """Groups of jobs that may be in flight together: first all without suspicion, then each suspect alone."""
        suspects = self._processor.jobs.left_by_dead_runs(job_ids, self._run_id) if self._tracked else ()
        suspected = set(suspects)
        yield [job_id for job_id in job_ids if job_id not in suspected]
        yield from ([suspect] for suspect in suspects)

    def turns(self, job_ids: Sequence[JobId]) -> SourceTurns:
        """The order of these jobs, by source host."""
        sources = self._processor.jobs.sources(job_ids) if Stage.RAW_DOCUMENT in self._stages else {}
        return SourceTurns(
            job_ids,
            sources,
            self._processor.fetcher.hosts,
            self.stopping,
            threads=self._processor.settings.stage_threads,
            clients=self._client_of,
        )

    def work(self, turns: SourceTurns) -> None:
        """Work of one thread until no job is left."""
        try:
            while (found := turns.take()) is not None:
                events = self.put_back(found) if isinstance(found, PutBack) else self._run_job(found, turns)
                for event in events:
                    self._hand_over(event)
                    if self.stopping.is_set():
                        return
        except BaseException as broken:
            self._hand_over(_JobEnded(broken))
            raise

    def _run_job(self, turn: Turn, turns: SourceTurns) -> Iterator[JobEvent | _JobEnded]:
        try:
            with on_behalf_of(self._client_of.get(turn.job_id, "")):
                yield from self.events_of(turn.job_id, partial(turns.fetching, turn.host))
        finally:
            turns.ended(turn.job_id)
        yield _JobEnded(None)

    def put_back(self, those: PutBack) -> Iterator[JobEvent | _JobEnded]:
        """Defers jobs that are not started, which counts no attempt."""
        not_before = utc_now() + timedelta(seconds=max(those.wait_s, SOURCE_ASKED_AGAIN_S))
        held: Collection[JobId] = ()
        if self._tracked:
            source_jobs = SourceJobs(self._processor.jobs)
            held = set(source_jobs.hold(those.job_ids, those.error, not_before=not_before, run_id=self._run_id))
        for job_id in those.job_ids:
            if job_id in held:
                yield JobDeferred(job_id, Stage.RAW_DOCUMENT, those.error)
            else:
                yield from self._not_begun(job_id, those)
            yield _JobEnded(None)

    def _not_begun(self, job_id: JobId, those: PutBack) -> Iterator[JobEvent]:
        """A finished job that a person runs again, or a job outside of whole runs, and whose source is paused."""
        stage = Stage.RAW_DOCUMENT
        try:
            job = self._wanted_job(job_id, stage)
            if isinstance(job, Refused):
                yield from self._answered(job)
            else:
                yield self._stopped(job_id, stage, those.error)
        except JobNotFound as error:
            yield StageFailed(job_id, stage, error)

    def _hand_over(self, event: JobEvent | _JobEnded) -> None:
        while not self.stopping.is_set():
            try:
                self.ended.put(event, timeout=0.2)
            except Full:
                continue
            return

    def events_of(
        self, job_id: JobId, fetching: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> Iterator[JobEvent]:
        """Events of one job. `fetching` surrounds the stage that downloads its document."""
        processor, stage = self._processor, self._stages[0]
        within: Mapping[Stage, Callable[[], AbstractContextManager[object]]] = {
            Stage.RAW_DOCUMENT: fetching,
            Stage.OCR_TEXT: self._reading_slot,
        }
        job_context: JobContext | None = None
        try:
            for stage in self._stages:
                with within.get(stage, nullcontext)():
                    job = self._wanted_job(job_id, stage)
                    if isinstance(job, Refused):
                        yield from self._answered(job)
                        return
                    job_context = job_context or JobContext(job)
                    job_context.job = job
                    result = processor.run(job_context, stage)
                if isinstance(result, RecordValidated):
                    ended = processor.jobs.succeed(job_id, result.record.verdict, run_id=self._run_id)
                    if self._lost(ended):
                        yield _skipped(ended)
                        return
                yield StageDone(job_id, stage, result, job.url)
        except JobNotFound as error:
            # A partition key added by hand: there is no status to store, and the other jobs continue.
            yield StageFailed(job_id, stage, error)
        except CiraError as error:
            if isinstance(error, RunInterrupted) and self.stopping.is_set():
                return  # the job is unchanged: the next run that claims it continues
            yield self._stopped(job_id, stage, error)
        except Exception as error:  # noqa: BLE001 - a job must end with a status whatever a library raises
            unexpected = DiskFull if is_out_of_space(error) else InternalError
            internal = unexpected(f"{type(error).__name__}: {error}")
            internal.__cause__ = error
            yield self._stopped(job_id, stage, internal)

    def _reading_slot(self) -> AbstractContextManager[object]:
        """Held while a document is read: a job that waits for it is not yet marked as being read."""

        def raise_if_stopped() -> None:
            if self.stopping.is_set():
                raise RunInterrupted("the run was stopped before this document was read")

        return self._reading_slots.slot(current_owner(), raise_if_stopped)

    def _wanted_job(self, job_id: JobId, stage: Stage) -> Job | Refused:
        """The job unless it is not for this run; a tracked one is marked as running in `stage`."""
        jobs = self._processor.jobs
        if self._tracked and stage is self._stages[0]:
            return self.claim.take(jobs, job_id, stage, self._run_id)
        if self._tracked and (advanced := jobs.advance(job_id, stage, self._run_id)) is not None:
            return advanced
        job = jobs.get(job_id)
        if self._tracked or job.status is JobStatus.CANCELLED:
            return Refused(job, _skipped(job).reason)
        return job

    def _answered(self, refused: Refused) -> Iterator[JobEvent]:
        """Events of a job that is not processed, from storage."""
        job = refused.job
        if not refused.has_ended:
            yield JobSkipped(job.job_id, refused.reason)
            return
        job_context, stage = JobContext(job), self._stages[0]
        try:
            for stage in self._stages:
                if job.verdict is None and stage is job.stage:
                    raise kept_error(job.error_code, job.error_message or "")
                yield StageDone(job.job_id, stage, self._processor.kept(job_context, stage), job.url)
        except CiraError as error:
            yield StageFailed(job.job_id, stage, error)

    def _lost(self, job: Job) -> bool:
        """Whether a change by this run was refused: the job was cancelled, or claimed by another run."""
        return self._tracked and (job.run_id != self._run_id or job.status in _NOT_ENDED_BY_RUN)

    def _stopped(self, job_id: JobId, stage: Stage, error: CiraError) -> StageFailed | JobDeferred | JobSkipped:
        """Defers a job that belongs to the run; outside of whole runs it is reported as failed or skipped."""
        processor = self._processor
        attempts = processor.jobs.get(job_id).attempts
        hold = deferral_of(error, processor.settings, attempts, utc_now()) if self._tracked else None
        if hold is None:
            return self._failed(job_id, stage, error)
        held = processor.jobs.hold(
            job_id,
            stage,
            error,
            not_before=hold.not_before,
            needs_usd=hold.needs_usd,
            is_attempt=hold.is_attempt,
            run_id=self._run_id,
        )
        return _skipped(held) if self._lost(held) else JobDeferred(job_id, stage, error)

    def _failed(self, job_id: JobId, stage: Stage, error: CiraError) -> StageFailed | JobSkipped:
        if self._tracked and self._lost(failed := self._processor.jobs.fail(job_id, stage, error, run_id=self._run_id)):
            return _skipped(failed)
        return StageFailed(job_id, stage, error)


_NOT_ENDED_BY_RUN = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.CANCELLED)


def _skipped(job: Job) -> JobSkipped:
    if job.status is JobStatus.CANCELLED:
        return JobSkipped(job.job_id, "the job was cancelled")
    return JobSkipped(job.job_id, f"this run was declared dead and lost the job, which is now {job.status}")


def _reading_slots(settings: Settings) -> FairSlots:
    """One slot for each reading process; docling-serve has its own queue."""
    if settings.reader == "local":
        return FairSlots(reading_processes(settings), SPARE_READING_PROCESSES)
    return FairSlots(settings.stage_threads)
