"""Dagster metadata for a batch's partition key: totals of its jobs, and the jobs that need attention.

For single jobs it shows only ids, addresses and codes, never invoice content, and each only beside the job's id, by
which an erased job is found here (`sensors/event_erasure.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

import dagster as dg

from assets.metadata import Metadata, table_cell
from cira_pipeline.db.jobs.batch_summary import BatchSummary
from cira_pipeline.db.jobs.partition_keys import KeyedJob
from cira_pipeline.jobs import JobStatus, Stage
from cira_pipeline.models import Verdict
from cira_pipeline.pipeline.batch_progress import wanted
from cira_pipeline.shown_url import shown_url

MAX_JOBS_LISTED = 50
# Text without Markdown: an underscore between letters has no meaning there.
_PLAIN = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


def batch_metadata(stage: Stage, jobs: Sequence[KeyedJob], summary: BatchSummary) -> Metadata:
    """Metadata of one asset of the key. Long entries come last, so that the rest is visible at a glance."""
    return {**_counts(jobs), "cost_usd": _usd(summary), **_of_stage(stage, jobs, summary), **_not_processed(jobs)}


def jobs_table(jobs: Sequence[KeyedJob]) -> dg.MetadataValue:
    return table(
        ["job", "status", "stage", "code", "source"],
        [[job.job_id, job.status, job.stage, job.error_code, shown_url(job.url)] for job in jobs],
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MetadataValue:
    """A Markdown table; of many rows the first ones, and the number of the others."""
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows[:MAX_JOBS_LISTED]]
    if len(rows) > MAX_JOBS_LISTED:
        lines.append(f"\n… and {len(rows) - MAX_JOBS_LISTED} more")
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    """Ids and codes unescaped: an erasure searches for ids by their text."""
    return str(value) if _PLAIN.fullmatch(str(value)) else table_cell(value)


def _counts(jobs: Sequence[KeyedJob]) -> Metadata:
    """Counts by status: the common statuses always, others where there are any."""
    found = {
        "jobs": len(wanted(jobs)),
        "succeeded": _count(jobs, JobStatus.SUCCEEDED),
        "needs_review": sum(job.verdict is Verdict.NEEDS_REVIEW for job in jobs),
        "rejected": _count(jobs, JobStatus.REJECTED),
        "failed": _count(jobs, JobStatus.FAILED),
        "waiting": sum(job.status.held for job in jobs),
    }
    others = {
        "open": _count(jobs, JobStatus.QUEUED, JobStatus.RUNNING),
        "cancelled": _count(jobs, JobStatus.CANCELLED),
    }
    found |= {name: count for name, count in others.items() if count}
    return {name: dg.MetadataValue.int(count) for name, count in found.items()}


def _count(jobs: Iterable[KeyedJob], *statuses: JobStatus) -> int:
    return sum(job.status in statuses for job in jobs)


def _usd(summary: BatchSummary) -> dg.MetadataValue:
    return dg.MetadataValue.float(float(sum(summary.costs_usd().values(), Decimal(0))))


def _of_stage(stage: Stage, jobs: Sequence[KeyedJob], summary: BatchSummary) -> Metadata:
    match stage:
        case Stage.RAW_DOCUMENT:
            return _of_documents(summary)
        case Stage.OCR_TEXT:
            return _of_readings(summary)
        case Stage.EXTRACTED_FIELDS:
            return {"engines": table(["engine", "jobs"], list(summary.engines().items()))}
        case Stage.VALIDATED_RECORD:
            return _of_records(jobs, summary)


def _of_documents(summary: BatchSummary) -> Metadata:
    kinds = summary.documents()
    return {
        "documents": dg.MetadataValue.int(sum(kind.documents for kind in kinds)),
        "size_bytes": dg.MetadataValue.int(sum(kind.size_bytes for kind in kinds)),
        "pages": dg.MetadataValue.int(sum(kind.pages for kind in kinds)),
        "media_types": table(["media type", "documents"], [[kind.media_type, kind.documents] for kind in kinds]),
    }


def _of_readings(summary: BatchSummary) -> Metadata:
    readings = summary.readings()
    metadata: Metadata = {
        "documents": dg.MetadataValue.int(readings.documents),
        "pages": dg.MetadataValue.int(readings.pages),
        "ocr_pages": dg.MetadataValue.int(readings.ocr_pages),
        "lines": dg.MetadataValue.int(readings.lines),
    }
    if readings.mean_confidence is not None:
        metadata["mean_confidence"] = dg.MetadataValue.float(round(readings.mean_confidence, 4))
    return metadata


def _of_records(jobs: Sequence[KeyedJob], summary: BatchSummary) -> Metadata:
    review = [job for job in jobs if job.verdict is Verdict.NEEDS_REVIEW]
    findings = [[each.rule, each.severity, each.jobs] for each in summary.findings()]
    metadata: Metadata = {"findings": table(["rule", "severity", "jobs"], findings)}
    if review:
        metadata["to_review"] = table(["job", "source"], [[job.job_id, shown_url(job.url)] for job in review])
    return metadata


def _not_processed(jobs: Sequence[KeyedJob]) -> Metadata:
    """Jobs without a usable record, those first that a retry may help."""
    ended = [job for status in (JobStatus.FAILED, JobStatus.REJECTED) for job in jobs if job.status is status]
    return {"failures": jobs_table(ended)} if ended else {}
