"""Sums over the results of a run batch's jobs, from the tables, independent of the runs that produced them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from cira_pipeline.db.database import Database
from cira_pipeline.jobs import JobId

_JOBS = "SELECT job_id FROM cira.jobs WHERE partition_key = :key AND status <> 'cancelled'"
_DOCUMENTS = "SELECT document_sha256 FROM cira.jobs WHERE partition_key = :key AND status <> 'cancelled'"
_OF_DOCUMENTS = f"""
    SELECT media_type, count(*) AS documents, sum(size_bytes) AS size_bytes, sum(page_count) AS pages
    FROM cira.documents WHERE sha256 IN ({_DOCUMENTS}) GROUP BY media_type ORDER BY media_type
"""  # noqa: S608 - the parts are this file's own
_OF_READINGS = f"""
    SELECT count(*) AS documents, coalesce(sum(page_count), 0) AS pages, coalesce(sum(ocr_page_count), 0) AS ocr_pages,
           coalesce(sum(line_count), 0) AS lines, avg(mean_confidence) AS mean_confidence
    FROM (
        SELECT DISTINCT ON (document_sha256) * FROM cira.readings WHERE document_sha256 IN ({_DOCUMENTS})
        ORDER BY document_sha256, created_at DESC
    ) newest
"""  # noqa: S608
_OF_ENGINES = f"""
    SELECT engine, count(*) AS jobs FROM cira.job_extractions JOIN cira.extractions USING (extraction_id)
    WHERE chosen AND job_id IN ({_JOBS}) GROUP BY engine ORDER BY jobs DESC, engine
"""  # noqa: S608
_OF_FINDINGS = f"""
    SELECT rule, severity, count(DISTINCT job_id) AS jobs FROM cira.record_findings WHERE job_id IN ({_JOBS})
    GROUP BY rule, severity ORDER BY severity = 'error' DESC, severity = 'warning' DESC, jobs DESC, rule
"""  # noqa: S608
_OF_ERRORS = f"""
    SELECT job_id, array_agg(DISTINCT rule ORDER BY rule) AS rules FROM cira.record_findings
    WHERE severity = 'error' AND job_id IN ({_JOBS}) GROUP BY job_id ORDER BY job_id
"""  # noqa: S608
# Erased and cancelled jobs count too: their costs stay booked.
_OF_COSTS = """
    SELECT job_id, sum(amount_usd) AS usd FROM cira.cost_entries
    WHERE job_id IN (SELECT job_id FROM cira.jobs WHERE partition_key = :key) GROUP BY job_id ORDER BY job_id
"""
_OF_LABELS = f"""
    SELECT j.job_id, l.fields FROM cira.jobs j JOIN cira.labels l USING (document_sha256)
    WHERE j.job_id IN ({_JOBS}) AND j.verdict IS NOT NULL ORDER BY j.job_id
"""  # noqa: S608


@dataclass(frozen=True)
class MediaTypeSum:
    media_type: str
    documents: int
    size_bytes: int
    pages: int


@dataclass(frozen=True)
class ReadingSum:
    """`mean_confidence`: mean over the documents, 0 to 1; `None` where nothing has lines."""

    documents: int
    pages: int
    ocr_pages: int
    lines: int
    mean_confidence: float | None


@dataclass(frozen=True)
class FindingSum:
    rule: str
    severity: str
    jobs: int


class BatchSummary:
    """Sums over all jobs of one run batch's partition key. Raises: StoreUnavailable."""

    def __init__(self, database: Database, partition_key: str) -> None:
        self._database = database
        self._key = partition_key

    def documents(self) -> tuple[MediaTypeSum, ...]:
        return tuple(
            MediaTypeSum(row.media_type, row.documents, int(row.size_bytes), row.pages)
            for row in self._rows(_OF_DOCUMENTS)
        )

    def readings(self) -> ReadingSum:
        (row,) = self._rows(_OF_READINGS)
        return ReadingSum(row.documents, row.pages, row.ocr_pages, row.lines, row.mean_confidence)

    def engines(self) -> Mapping[str, int]:
        """Number of jobs by chosen engine, the most frequent first."""
        return {row.engine: row.jobs for row in self._rows(_OF_ENGINES)}

    def findings(self) -> tuple[FindingSum, ...]:
        """Findings by rule and severity, the gravest and most frequent first."""
        return tuple(FindingSum(row.rule, row.severity, row.jobs) for row in self._rows(_OF_FINDINGS))

    def errors(self) -> Mapping[JobId, tuple[str, ...]]:
        """Jobs whose records have findings of severity error, with their rules."""
        return {JobId(row.job_id): tuple(row.rules) for row in self._rows(_OF_ERRORS)}

    def costs_usd(self) -> Mapping[JobId, Decimal]:
        """Costs by job; jobs without costs may be missing."""
        return {JobId(row.job_id): Decimal(row.usd) for row in self._rows(_OF_COSTS)}

    def labels(self) -> Mapping[JobId, Mapping[str, Any]]:
        """Ground truth by job, for jobs with a record whose document is labelled."""
        return {JobId(row.job_id): dict(row.fields) for row in self._rows(_OF_LABELS)}

    def _rows(self, statement: str) -> Iterable[Any]:
        with self._database.begin() as connection:
            return connection.execute(text(statement), {"key": self._key}).all()
