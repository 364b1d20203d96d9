"""Evaluates the checks of a validated record as Dagster events of its partition."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import dagster as dg

from assets.metadata import findings_table
from assets.specs import COST_CHECK, asset_key
from cira_pipeline.costs.budgets import CostResult, check_cost
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import Severity
from cira_pipeline.pipeline.processor import Processor, RecordValidated


def evaluate_checks(
    job_id: JobId, done: RecordValidated, selected: Collection[str]
) -> Iterator[dg.AssetCheckEvaluation]:
    """Evaluates the selected checks of one job. None blocks: a doubtful invoice is a record to review."""
    evaluations: Mapping[str, Callable[[JobId, RecordValidated], dg.AssetCheckEvaluation]] = {
        "consistency": _consistency,
        "accuracy": _accuracy,
        COST_CHECK: lambda job_id, done: _cost(job_id, done.cost),
    }
    for name, evaluate in evaluations.items():
        if name in selected:
            yield evaluate(job_id, done)


def _evaluation(
    name: str,
    job_id: JobId,
    *,
    passed: bool,
    severity: dg.AssetCheckSeverity,
    description: str,
    metadata: Mapping[str, dg.MetadataValue],
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=asset_key(Stage.VALIDATED_RECORD),
        check_name=name,
        partition=job_id,
        passed=passed,
        severity=severity,
        description=description,
        metadata=metadata,
    )


def _consistency(job_id: JobId, done: RecordValidated) -> dg.AssetCheckEvaluation:
    findings = done.record.findings
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    return _evaluation(
        "consistency",
        job_id,
        passed=not errors,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{len(errors)} errors, {len(findings) - len(errors)} lesser findings",
        metadata={
            "verdict": dg.MetadataValue.text(done.record.verdict.value),
            "findings": findings_table(findings),
        },
    )


def _accuracy(job_id: JobId, done: RecordValidated) -> dg.AssetCheckEvaluation:
    result = done.accuracy
    metadata: dict[str, dg.MetadataValue] = {"status": dg.MetadataValue.text(result.status)}
    if result.header_accuracy is None:
        description = "unlabelled: the document has no ground truth, so accuracy was not measured"
    else:
        description = f"{float(result.header_accuracy):.1%} of the labelled header fields are correct"
        metadata |= {
            "header_accuracy": dg.MetadataValue.float(float(result.header_accuracy)),
            "wrong": dg.MetadataValue.json(list(result.wrong)),
            "missing": dg.MetadataValue.json(list(result.missing)),
        }
        if result.line_f1 is not None:
            metadata["line_f1"] = dg.MetadataValue.float(float(result.line_f1))
    return _evaluation(
        "accuracy",
        job_id,
        passed=result.status == "passed",
        severity=dg.AssetCheckSeverity.ERROR if result.status == "failed" else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata=metadata,
    )


def evaluate_cost_of_failed(processor: Processor, job_id: JobId) -> dg.AssetCheckEvaluation:
    """Cost check of a failed job, which also cost money."""
    budgets = processor.ledger.budget_states(processor.jobs.get(job_id).client)
    return _cost(job_id, check_cost(processor.ledger.total(job_id), processor.settings.cost_budget_usd, budgets))


def _cost(job_id: JobId, cost: CostResult) -> dg.AssetCheckEvaluation:
    return _evaluation(
        COST_CHECK,
        job_id,
        passed=cost.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{cost.total_usd} USD spent, {cost.budget_usd} USD budgeted",
        metadata={
            "cost_usd": dg.MetadataValue.float(float(cost.total_usd)),
            "budget_usd": dg.MetadataValue.float(float(cost.budget_usd)),
            **(
                {"budget_alerts": dg.MetadataValue.md("\n".join(f"- {each}" for each in cost.alerts))}
                if cost.alerts
                else {}
            ),
        },
    )
