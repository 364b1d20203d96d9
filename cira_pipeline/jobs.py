"""Job identifiers, job statuses, pipeline stages, extraction policies and the two kinds of partition keys."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal, NewType

from ulid import ULID

JobId = NewType("JobId", str)
"""`inv_` and a lower-case ULID (Crockford base 32, 26 characters); sorts by time of submission."""

JOB_ID_PATTERN = r"^inv_[0-9a-hjkmnp-tv-z]{26}$"
BATCH_ID_PATTERN = r"^bat_[0-9a-hjkmnp-tv-z]{26}$"


class JobStatus(StrEnum):
    """Status of a job: queued -> running -> succeeded | failed | rejected; a deferred job is queued again later.

    `needs_budget`: deferred until a budget allows the cost. `waiting`: deferred until a dependency is available again.
    Both continue without anybody's action. `failed`: a stage failed, a retry may help. `rejected`: the document can
    never become an accepted invoice. `cancelled`: a client or operator cancelled the job.
    """

    QUEUED = "queued"
    RUNNING = "running"
    NEEDS_BUDGET = "needs_budget"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether the job has ended; only a retry or reprocessing requested by a person starts it again."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING) and not self.held

    @property
    def held(self) -> bool:
        """Whether the job is deferred: in no run, and continued without anybody's action."""
        return self in (JobStatus.NEEDS_BUDGET, JobStatus.WAITING)


class Stage(StrEnum):
    """The four stages, named like the Dagster assets they materialise."""

    RAW_DOCUMENT = "raw_document"
    OCR_TEXT = "ocr_text"
    EXTRACTED_FIELDS = "extracted_fields"
    VALIDATED_RECORD = "validated_record"


class Policy(StrEnum):
    """Which extraction engines are asked, and in which order (docs/architecture.md, extraction)."""

    CHEAPEST = "cheapest"
    MODEL_FIRST = "model_first"
    OFFLINE_ONLY = "offline_only"


JobSource = Literal["cli", "api", "folder", "s3", "manifest", "demo"]
"""Channel by which a job was submitted."""


def new_job_id() -> JobId:
    return JobId(f"inv_{str(ULID()).lower()}")


def is_job_id(text: str) -> bool:
    return re.fullmatch(JOB_ID_PATTERN, text) is not None


def new_batch_id() -> str:
    return f"bat_{str(ULID()).lower()}"


def is_batch_key(partition_key: str) -> bool:
    """Whether the partition key names a run batch; every other key is a job id."""
    return re.fullmatch(BATCH_ID_PATTERN, partition_key) is not None
