"""Many jobs through the stages at once: while one document is read, others download or wait for the model.

Memory is bounded: at most `threads` jobs are in flight, and results wait in a short queue until they are taken.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from queue import Full, Queue

from cira_pipeline.clock import utc_now
from cira_pipeline.errors import CiraError, InternalError, JobNotFound
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.processing.holding import why_to_hold
from cira_pipeline.processing.processor import Processor, RecordValidated, StageResult


@dataclass(frozen=True)
class StageDone:
    job_id: JobId
    stage: Stage
    result: StageResult


@dataclass(frozen=True)
class StageFailed:
    """The job stopped here; its later stages do not run."""

    job_id: JobId
    stage: Stage
    error: CiraError


@dataclass(frozen=True)
class JobHeld:
    """The job waits for what `error` names and goes on by itself in a later run: nothing is done, nothing failed."""

    job_id: JobId
    stage: Stage
    error: CiraError


@dataclass(frozen=True)
class JobSkipped:
    job_id: JobId
    reason: str


StreamEvent = StageDone | StageFailed | JobHeld | JobSkipped


def stream(
    processor: Processor,
    job_ids: Sequence[JobId],
    stages: Sequence[Stage],
    *,
    run_id: str,
) -> Iterator[StreamEvent]:
    """Runs `stages`, in order, for every job; yields each end as it comes, in order within a job.

    A failure ends its own job only. Closing the iterator early stops every job after the stage it is in.
    """
    settings = processor.settings
    reading_slots = threading.BoundedSemaphore(settings.reading_threads)
    ended: Queue[StreamEvent | _JobEnded] = Queue(maxsize=4 * settings.stage_threads)
    stopping = threading.Event()

    def hand_over(event: StreamEvent | _JobEnded) -> None:
        while not stopping.is_set():
            try:
                ended.put(event, timeout=0.2)
            except Full:
                continue
            return

    def run_job(job_id: JobId) -> None:
        try:
            for event in _events_of(processor, job_id, stages, reading_slots, run_id):
                hand_over(event)
                if stopping.is_set():
                    return
        except BaseException as broken:
            hand_over(_JobEnded(broken))
            raise
        hand_over(_JobEnded(None))

    pool = ThreadPoolExecutor(max_workers=settings.stage_threads, thread_name_prefix="invoice")
    try:
        for job_id in job_ids:
            pool.submit(run_job, job_id)
        running = len(job_ids)
        while running:
            event = ended.get()
            if not isinstance(event, _JobEnded):
                yield event
                continue
            running -= 1
            if event.broken is not None:
                raise event.broken
    finally:
        stopping.set()
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _JobEnded:
    """Marks the end of one job; `broken` is what no stage was prepared for."""

    broken: BaseException | None


def _events_of(
    processor: Processor,
    job_id: JobId,
    stages: Sequence[Stage],
    reading_slots: threading.BoundedSemaphore,
    run_id: str,
) -> Iterator[StreamEvent]:
    # A person who materialises only some of the assets looks at a job; its status belongs to whole runs.
    tracked = Stage.VALIDATED_RECORD in stages
    stage = stages[0]
    try:
        for stage in stages:
            with reading_slots if stage is Stage.OCR_TEXT else nullcontext():
                if not _may_go_on(processor, job_id, stage, run_id, tracked=tracked):
                    yield JobSkipped(job_id, "the job was cancelled")
                    return
                result = processor.run(job_id, stage)
            if isinstance(result, RecordValidated):
                processor.jobs.succeed(job_id, result.record.verdict)
            yield StageDone(job_id, stage, result)
    except JobNotFound as error:
        # A partition key added by hand: there is no status to keep, and the other jobs go on.
        yield StageFailed(job_id, stage, error)
    except CiraError as error:
        yield _stopped(processor, job_id, stage, error, tracked=tracked)
    except Exception as error:  # noqa: BLE001 - a job must end with a status whatever a library throws
        internal = InternalError(f"{type(error).__name__}: {error}")
        internal.__cause__ = error
        yield _failed(processor, job_id, stage, internal, tracked=tracked)


def _may_go_on(processor: Processor, job_id: JobId, stage: Stage, run_id: str, *, tracked: bool) -> bool:
    """Whether the job is still wanted; a tracked one is marked as running in `stage`."""
    if tracked:
        return processor.jobs.start(job_id, stage, run_id)
    return processor.jobs.get(job_id).status is not JobStatus.CANCELLED


def _stopped(
    processor: Processor, job_id: JobId, stage: Stage, error: CiraError, *, tracked: bool
) -> StageFailed | JobHeld:
    """A job that belongs to the run may wait; a person who materialises some of its assets hears why it does not go."""
    attempts = processor.jobs.get(job_id).attempts
    hold = why_to_hold(error, processor.settings, attempts, utc_now()) if tracked else None
    if hold is None:
        return _failed(processor, job_id, stage, error, tracked=tracked)
    processor.jobs.hold(
        job_id, stage, error, not_before=hold.not_before, needs_usd=hold.needs_usd, is_attempt=hold.is_attempt
    )
    return JobHeld(job_id, stage, error)


def _failed(processor: Processor, job_id: JobId, stage: Stage, error: CiraError, *, tracked: bool) -> StageFailed:
    if tracked:
        processor.jobs.fail(job_id, stage, error)
    return StageFailed(job_id, stage, error)
