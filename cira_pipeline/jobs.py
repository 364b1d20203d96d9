"""The words of a job: its id, its status, its stages, and the two kinds of partition keys it is shown under."""

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
    """queued -> running -> succeeded | failed | rejected; on the way it may wait, and then it is queued again.

    `needs_budget`: it waits for money. `waiting`: it waits for a dependency that is down. Both go on by themselves.
    `failed`: a stage broke, a retry may help. `rejected`: the document can never become an accepted invoice.
    `cancelled`: a person took it back.
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
        """Whether it has ended: nothing happens any more unless a person wants it."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING) and not self.held

    @property
    def held(self) -> bool:
        """Whether it waits, in no run, and goes on by itself."""
        return self in (JobStatus.NEEDS_BUDGET, JobStatus.WAITING)


class Stage(StrEnum):
    """The four stages, named as the Dagster assets they materialise."""

    RAW_DOCUMENT = "raw_document"
    OCR_TEXT = "ocr_text"
    EXTRACTED_FIELDS = "extracted_fields"
    VALIDATED_RECORD = "validated_record"


JobSource = Literal["cli", "api", "folder", "s3", "manifest", "demo"]
"""How a job came in."""


def new_job_id() -> JobId:
    return JobId(f"inv_{str(ULID()).lower()}")


def is_job_id(text: str) -> bool:
    return re.fullmatch(JOB_ID_PATTERN, text) is not None


def new_batch_id() -> str:
    return f"bat_{str(ULID()).lower()}"


def is_batch_key(partition_key: str) -> bool:
    """Whether the key stands for the jobs of a batch; every other key is a job id."""
    return re.fullmatch(BATCH_ID_PATTERN, partition_key) is not None
