"""`cira show`: shows one job with its record, evidence, findings and cost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Protocol

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cira_pipeline.cli.job_table import STATUS_STYLES, ShownJob
from cira_pipeline.cli.named_jobs import job_id
from cira_pipeline.cli.record_view import VERDICT_STYLES, findings_view, invoice_view
from cira_pipeline.cli.remote import Api, RemoteJob, remote
from cira_pipeline.cli.screen import printable, screen, usd
from cira_pipeline.cli.services import Connected, connected
from cira_pipeline.client import Client
from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.db.documents.extractions import ExtractionRepository, StoredOutcome
from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.db.records.repository import RecordRepository, StoredRecord
from cira_pipeline.errors import RecordNotFound
from cira_pipeline.extraction.explain import differences, history
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import Evidence, Extraction, Finding, Verdict
from cira_pipeline.shown_url import shown_url


def show(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    api: Api = None,
) -> None:
    """Show one job: record, evidence, findings, cost."""
    if api is not None:
        with remote(api) as service:
            _show_remotely(service, job_id(job), as_json=as_json)
        return
    with connected() as services:
        found = services.jobs.get(job_id(job))
        stored = RecordRepository(services.database).get(found.job_id)
        outcome = ExtractionRepository(services.database).outcome(found.job_id)
        cost_usd = Ledger(services.database).total(found.job_id)
        if as_json:
            typer.echo(json.dumps(_as_json(found, stored, outcome, cost_usd), ensure_ascii=False, indent=2))
            return
        facts = _facts(services, found, outcome, cost_usd)
        duplicate_of = stored.duplicate_of if stored else ()
        screen().print(Group(*_view(found, facts, duplicate_of, stored.record if stored else None)))


def _show_remotely(service: Client, job_id: str, *, as_json: bool) -> None:
    """As `show`, without the single engines' extractions, which the REST service does not return."""
    job = service.status(job_id)
    try:
        record = service.invoice(job_id)
    except RecordNotFound:
        record = None
    if as_json:
        shown = {"job": job.model_dump(mode="json"), "record": record.model_dump(mode="json") if record else None}
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    facts = {
        "client": _client(job.client, job.client_reference),
        "submitted": f"{job.submitted_at:%Y-%m-%d %H:%M:%S} UTC",
        "attempts": str(job.attempts),
        "cost": usd(job.cost_usd),
    }
    if job.processing_s is not None:
        facts["took"] = f"{job.processing_s:.1f} s"
    if record is not None:
        facts["engines"] = ", ".join(record.engines)
    if job.document_sha256:
        facts["document"] = job.document_sha256
    duplicates = record.duplicate_of if record else ()
    screen().print(Group(*_view(RemoteJob.of(job), facts, duplicates, record)))


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
    """One engine's extraction, without its evidence, which is part of the record."""
    return {"chosen": chosen} | extraction.model_dump(mode="json", exclude={"evidence"}, exclude_none=True)


class ShownRecord(Protocol):
    """The record attributes that are shown, for records from the database and from the REST service."""

    @property
    def verdict(self) -> Verdict: ...
    @property
    def invoice(self) -> Invoice: ...
    @property
    def evidence(self) -> Sequence[Evidence]: ...
    @property
    def findings(self) -> Sequence[Finding]: ...


def _view(
    job: ShownJob, facts: Mapping[str, str], duplicate_of: Sequence[str], record: ShownRecord | None
) -> Iterator[RenderableType]:
    head = Text.assemble((job.job_id, "bold"), "  ", (job.status.value, STATUS_STYLES.get(job.status, "yellow")))
    if record is not None:
        head.append(f"  {record.verdict}", VERDICT_STYLES[record.verdict.value])
    yield head
    if job.error_code:
        yield printable(f"{job.error_message} [{job.error_code}]", "red")
        yield Text(f"  {job.error_hint}")
    yield from _fact_lines(facts)
    if record is not None:
        if duplicate_of:
            yield Text(f"Duplicate of {', '.join(duplicate_of)}.", "red")
        yield from invoice_view(record.invoice.model_dump(mode="json", exclude_none=True), record.evidence)
        yield from findings_view(record.findings)


def _client(client: str, reference: str | None) -> str:
    return f"{client}{f', reference {reference}' if reference else ''}"


def _facts(services: Connected, job: Job, outcome: StoredOutcome | None, cost_usd: Decimal) -> dict[str, str]:
    facts: dict[str, str] = {
        "url": job.url,
        "client": _client(job.client, job.client_reference),
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
            f"{shown_url(services.settings.dagster_ui_url)}/assets/validated_record?view=partitions&partition={job.shown_under}"
        )
    return facts


def _fact_lines(facts: Mapping[str, str]) -> Iterator[Text]:
    width = max(map(len, facts))
    for name, value in facts.items():
        line = Text.assemble("  ", (f"{name:<{width}}", "dim"), "  ", printable(value))
        # Not wrapped, so that addresses can be copied.
        line.no_wrap, line.overflow = True, "ignore"
        yield line
