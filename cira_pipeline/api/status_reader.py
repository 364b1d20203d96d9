"""Statuses that the cache does not have: read once from PostgreSQL, however many ask for one at the same moment."""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool

from cira_pipeline.jobs import JobId
from cira_pipeline.storage.jobs import JobRepository
from cira_pipeline.storage.status_cache import JobStatusEntry


class StatusReader:
    """For one event loop. What is read goes into the cache, where a newer status is never overwritten."""

    def __init__(self, jobs: JobRepository) -> None:
        self._jobs = jobs
        self._reading: dict[JobId, asyncio.Task[JobStatusEntry]] = {}

    async def read(self, job_id: JobId) -> JobStatusEntry:
        """Raises: JobNotFound, StoreUnavailable."""
        task = self._reading.get(job_id)
        if task is None:
            task = self._reading[job_id] = asyncio.create_task(run_in_threadpool(self._jobs.status_from_rows, job_id))
            task.add_done_callback(lambda _done: self._reading.pop(job_id, None))
        # One of many who wait may go away; the others still get their answer.
        return await asyncio.shield(task)
