"""Compares the result of each sample with its expected outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select

from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.extractions import ExtractionRepository
from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.db.schema.tables import readings
from cira_pipeline.evaluation.score import Scoreboard, score
from cira_pipeline.models import Record
from cira_pipeline.samples.sample import Kind, Sample


@dataclass(frozen=True)
class Outcome:
    """Result of a sample. `seconds`: of reading and extraction, without waiting in the queue."""

    sample: Sample
    job: Job
    record: Record | None
    cost_usd: Decimal
    seconds: float

    @property
    def complaint(self) -> str | None:
        """Message about the difference from the expected outcome; `None` without one."""
        wanted, job = self.sample.ending, self.job
        if job.status is not wanted.status:
            reason = f" ({job.error_code}: {job.error_message})" if job.error_code else ""
            return f"the job ended as {job.status}{reason}, expected was {wanted.status}"
        if wanted.error_code != job.error_code:
            return f"the error is {job.error_code}, expected was {wanted.error_code}"
        if wanted.verdicts and job.verdict not in wanted.verdicts:
            rules = ", ".join(finding.rule for finding in self.record.findings) if self.record else ""
            expected = " or ".join(sorted(wanted.verdicts))
            return f"the verdict is {job.verdict} ({rules or 'no findings'}), expected was {expected}"
        return None


def outcomes(database: Database, pairs: Iterable[tuple[Sample, Job]]) -> list[Outcome]:
    """Reads the result of each job from the database."""
    records, extractions, ledger = RecordRepository(database), ExtractionRepository(database), Ledger(database)
    found = []
    for sample, job in pairs:
        stored, outcome = records.get(job.job_id), extractions.outcome(job.job_id)
        seconds = sum(each.seconds for each in outcome.extractions) if outcome else 0.0
        found.append(
            Outcome(
                sample=sample,
                job=job,
                record=stored.record if stored else None,
                cost_usd=ledger.total(job.job_id),
                seconds=seconds + _reading_seconds(database, job.document_sha256),
            )
        )
    return found


def accuracy_by_kind(results: Sequence[Outcome]) -> Mapping[Kind, Scoreboard]:
    """Each kind's documents against their truth; one without a record counts as all missing."""
    boards: dict[Kind, Scoreboard] = {}
    for result in results:
        label = result.sample.label
        if label is None:
            continue
        board = boards.setdefault(result.sample.kind, Scoreboard())
        if result.record is None:
            board.add_failed(label)
        else:
            board.add(score(result.record.invoice, label))
    return boards


def _reading_seconds(database: Database, sha256: str | None) -> float:
    statement = select(func.coalesce(func.max(readings.c.seconds), 0)).where(readings.c.document_sha256 == sha256)
    with database.begin() as connection:
        return float(connection.execute(statement).scalar_one())
