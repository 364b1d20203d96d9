"""Claims of jobs by runs, so that no two runs process one job and no job is left without an owner.

A job has one owner at a time: its batch while it is queued, its run while it is running (docs/job-states.md). A run
claims a job in one statement (`JobRepository.start`) and every later change names the run again, so that a run that was
declared dead, but is alive, changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cira_pipeline.db.jobs.repository import Job, JobRepository
from cira_pipeline.jobs import JobId, JobStatus, Stage


def _none_lives(run_id: str) -> bool:
    return False


@dataclass(frozen=True)
class Claim:
    """Rules by which a run may claim jobs.

    `planned_as`: the batch it was planned for, which restricts it to open jobs of that batch; `None`: a person started
    it. `rejected_too`: a person wants this one job, even if its document was rejected. `is_alive`: whether a run is.
    """

    planned_as: str | None = None
    rejected_too: bool = True
    is_alive: Callable[[str], bool] = _none_lives

    def take(self, jobs: JobRepository, job_id: JobId, stage: Stage, run_id: str) -> Job | Refused:
        """Claims the job for `stage` of the run `run_id`, or explains the refusal. Raises: JobNotFound."""
        job = self._start(jobs, job_id, stage, run_id, left_by=None)
        if job is None:
            job = jobs.get(job_id)
            if job.status is not JobStatus.RUNNING or job.run_id is None or self.is_alive(job.run_id):
                return self._refused(job)
            started = self._start(jobs, job_id, stage, run_id, left_by=job.run_id)
            return started or self._refused(jobs.get(job_id))
        return job

    def _start(self, jobs: JobRepository, job_id: JobId, stage: Stage, run_id: str, left_by: str | None) -> Job | None:
        return jobs.start(
            job_id, stage, run_id, planned_as=self.planned_as, rejected_too=self.rejected_too, left_by=left_by
        )

    def _refused(self, job: Job) -> Refused:
        if job.status is JobStatus.CANCELLED:
            return Refused(job, "the job was cancelled")
        if job.status is JobStatus.RUNNING:
            return Refused(job, f"another run, {job.run_id}, is working on it")
        if job.status.final and (self.planned_as is None or job.batch_id == self.planned_as):
            return Refused(job, f"the job is {job.status}", has_ended=True)
        return Refused(job, f"the job is {job.status} and not planned for this run")


@dataclass(frozen=True)
class Refused:
    """A refused claim; the job is unchanged. `has_ended`: this run reports how the job ended."""

    job: Job
    reason: str
    has_ended: bool = False
