"""`cira show`: everything about one job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cira_pipeline.cli.job_table import STATUS_STYLES
from cira_pipeline.cli.named_jobs import job_id
from cira_pipeline.cli.record_view import VERDICT_STYLES, findings_view, invoice_view
from cira_pipeline.cli.screen import printable, screen, usd
from cira_pipeline.cli.services import Connected, connected
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.extraction.told import differences, history
from cira_pipeline.shown_url import shown_url
from cira_pipeline.storage.extractions import ExtractionRepository, StoredOutcome
from cira_pipeline.storage.jobs import Job
from cira_pipeline.storage.records import RecordRepository, StoredRecord
from cira_pipeline.values import Extraction


def show(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Everything about one job: record, evidence, findings, cost."""
    with connected() as services:
        found = services.jobs.get(job_id(job))
        stored = RecordRepository(services.database).get(found.job_id)
        outcome = ExtractionRepository(services.database).outcome(found.job_id)
        cost_usd = Ledger(services.database).total(found.job_id)
        if as_json:
            typer.echo(json.dumps(_as_json(found, stored, outcome, cost_usd), ensure_ascii=False, indent=2))
            return
        screen().print(Group(*_view(services, found, stored, outcome, cost_usd)))


def _as_json(job: Job, stored: StoredRecord | None, outcome: StoredOutcome | None, cost_usd: Decimal) -> dict[str, Any]:
    return {
        "job": job.model_dump(mode="json"),
        "cost_usd": format(cost_usd, "f"),
        "record": stored.record.model_dump(mode="json", exclude_none=True) if stored else None,
        "duplicate_of": list(stored.duplicate_of) if stored else [],
        "engines_run": [each.engine for each in outcome.extractions] if outcome else [],
        "stopped_because": outcome.stopped_because if outcome else None,
        "engines_differ": differences(outcome.extractions) if outcome else {},
        "asked_again": list(history(outcome.extractions[outcome.chosen])) if outcome else [],
        "extractions": [
            _extraction(each, chosen=index == outcome.chosen) for index, each in enumerate(outcome.extractions)
        ]
        if outcome
        else [],
    }


def _extraction(extraction: Extraction, *, chosen: bool) -> dict[str, Any]:
    """What one engine said; evidence stands with the record."""
    return {"chosen": chosen} | extraction.model_dump(mode="json", exclude={"evidence"}, exclude_none=True)


def _view(
    services: Connected, job: Job, stored: StoredRecord | None, outcome: StoredOutcome | None, cost_usd: Decimal
) -> Iterator[RenderableType]:
    head = Text.assemble((job.job_id, "bold"), "  ", (job.status.value, STATUS_STYLES.get(job.status, "yellow")))
    if stored is not None:
        head.append(f"  {stored.record.verdict}", VERDICT_STYLES[stored.record.verdict.value])
    yield head
    if job.error_code:
        yield printable(f"{job.error_message} [{job.error_code}]", "red")
        yield Text(f"  {job.error_hint}")
    yield from _facts(services, job, outcome, cost_usd)
    if stored is not None:
        if stored.duplicate_of:
            yield Text(f"The same invoice as {', '.join(stored.duplicate_of)}.", "red")
        yield from invoice_view(
            stored.record.invoice.model_dump(mode="json", exclude_none=True), stored.record.evidence
        )
        yield from findings_view(stored.record.findings)


def _facts(services: Connected, job: Job, outcome: StoredOutcome | None, cost_usd: Decimal) -> Iterator[Text]:
    facts: dict[str, str] = {
        "url": job.url,
        "client": f"{job.client}{f', reference {job.client_reference}' if job.client_reference else ''}",
        "submitted": f"{job.submitted_at:%Y-%m-%d %H:%M:%S} UTC, by {job.source}",
        "attempts": str(job.attempts),
        "cost": usd(cost_usd),
    }
    if job.started_at and job.finished_at:
        facts["took"] = f"{(job.finished_at - job.started_at).total_seconds():.1f} s"
    if outcome is not None:
        facts["engines"] = f"{', '.join(each.engine for each in outcome.extractions)}: {outcome.stopped_because}"
    if job.document_sha256:
        facts["document"] = job.document_sha256
    if services.settings.dagster_ui_url:
        facts["in Dagster"] = (
            f"{shown_url(services.settings.dagster_ui_url)}/assets/validated_record?view=partitions&partition={job.job_id}"
        )
    width = max(map(len, facts))
    for name, value in facts.items():
        line = Text.assemble("  ", (f"{name:<{width}}", "dim"), "  ", printable(value))
        # Addresses are there to be copied: the terminal may fold them, we do not.
        line.no_wrap, line.overflow = True, "ignore"
        yield line
