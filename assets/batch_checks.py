"""Checks for a batch's partition key: each passes when all jobs of the key pass, and lists the jobs that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import dagster as dg

from assets.batch_metadata import table
from assets.metadata import Metadata
from assets.specs import COST_CHECK, asset_key
from cira_pipeline.costs.budgets import Budgets, check_cost
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.batch_summary import BatchSummary
from cira_pipeline.db.jobs.partition_keys import KeyedJob
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.evaluation.check import AccuracyResult, measure
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.pipeline.batch_progress import wanted
from cira_pipeline.settings import Settings


@dataclass(frozen=True)
class BatchChecks:
    """The checks of one run batch's key, evaluated from the tables."""

    database: Database
    settings: Settings
    partition_key: str
    jobs: Sequence[KeyedJob]

    def evaluate(self, selected: Collection[str]) -> Iterator[dg.AssetCheckEvaluation]:
        """The selected checks. None blocks: a doubtful invoice is a record to review."""
        for name, evaluate in {
            "consistency": self._consistency,
            "accuracy": self._accuracy,
            COST_CHECK: self._cost,
        }.items():
            if name in selected:
                yield evaluate()

    @property
    def _summary(self) -> BatchSummary:
        return BatchSummary(self.database, self.partition_key)

    def _evaluation(
        self, name: str, *, passed: bool, severity: dg.AssetCheckSeverity, description: str, metadata: Metadata
    ) -> dg.AssetCheckEvaluation:
        return dg.AssetCheckEvaluation(
            asset_key=asset_key(Stage.VALIDATED_RECORD),
            check_name=name,
            partition=self.partition_key,
            passed=passed,
            severity=severity,
            description=description,
            metadata=metadata,
        )

    def _consistency(self) -> dg.AssetCheckEvaluation:
        """A job without a record counts as failed: nothing was checked."""
        errors = self._summary.errors()
        jobs = wanted(self.jobs)
        without = [job for job in jobs if job.verdict is None]
        wrong = [job for job in jobs if job.verdict is not None and job.job_id in errors]
        rows = [[job.job_id, ", ".join(errors[job.job_id])] for job in wrong]
        rows += [[job.job_id, f"no record: {job.error_code or job.status}"] for job in without]
        return self._evaluation(
            "consistency",
            passed=not rows,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"{len(jobs) - len(rows)} of {len(jobs)} jobs have a record without errors; {len(wrong)} have "
            f"errors, {len(without)} no record",
            metadata={"jobs": dg.MetadataValue.int(len(jobs)), **_failing(["job", "errors"], rows)},
        )

    def _accuracy(self) -> dg.AssetCheckEvaluation:
        results = self._measured()
        failed = {job_id: result for job_id, result in results.items() if result.status == "failed"}
        labelled = [result for result in results.values() if result.status != "unlabelled"]
        unlabelled = len(wanted(self.jobs)) - len(labelled)
        status = "failed" if failed else "unlabelled" if unlabelled else "passed"
        rows = [
            [job_id, f"{float(result.header_accuracy or 0):.1%}", ", ".join((*result.wrong, *result.missing))]
            for job_id, result in failed.items()
        ]
        metadata: Metadata = {
            "status": dg.MetadataValue.text(status),
            "labelled": dg.MetadataValue.int(len(labelled)),
            "unlabelled": dg.MetadataValue.int(unlabelled),
        }
        shares = [result.header_accuracy for result in labelled if result.header_accuracy is not None]
        if shares:
            metadata["header_accuracy"] = dg.MetadataValue.float(float(sum(shares) / len(shares)))
        return self._evaluation(
            "accuracy",
            passed=status == "passed",
            severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
            description=f"{len(labelled) - len(failed)} of {len(labelled)} labelled jobs are accurate enough; "
            f"{unlabelled} are unlabelled, so their accuracy is unknown",
            metadata={**metadata, **_failing(["job", "right", "wrong or missing"], rows)},
        )

    def _measured(self) -> Mapping[JobId, AccuracyResult]:
        records, threshold = RecordRepository(self.database), self.settings.accuracy_threshold
        labels = self._summary.labels()
        stored = {job_id: records.get(job_id) for job_id in labels}
        return {
            job_id: measure(record.record.invoice, labels[job_id], threshold)
            for job_id, record in stored.items()
            if record is not None
        }

    def _cost(self) -> dg.AssetCheckEvaluation:
        """Includes failed jobs, which also cost money."""
        spent = self._summary.costs_usd()
        budget_usd = self.settings.cost_budget_usd
        rows = [[job_id, usd] for job_id, usd in spent.items() if not check_cost(usd, budget_usd).passed]
        budgets = Budgets.from_settings(self.settings)
        clients = Counter(job.client for job in self.jobs)
        states = {str(state): state for client in clients for state in budgets.states(self.database, client=client)}
        total = check_cost(sum(spent.values(), start=Decimal(0)), budget_usd, states.values())
        metadata: Metadata = {
            "cost_usd": dg.MetadataValue.float(float(total.total_usd)),
            "budget_usd": dg.MetadataValue.float(float(budget_usd)),
            **_failing(["job", "cost in USD"], rows),
        }
        if total.alerts:
            metadata["budget_alerts"] = dg.MetadataValue.md("\n".join(f"- {each}" for each in total.alerts))
        return self._evaluation(
            COST_CHECK,
            passed=not rows,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{total.total_usd} USD spent on all jobs; {len(rows)} of them cost more than the "
            f"{budget_usd} USD budgeted for one",
            metadata=metadata,
        )


def _failing(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Metadata:
    if not rows:
        return {}
    return {"failing": dg.MetadataValue.int(len(rows)), "failing_jobs": table(head, rows)}
