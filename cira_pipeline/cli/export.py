"""`cira export`: exports the analysts' views as CSV, Parquet or JSON lines."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cira_pipeline.cli.remote import Api, remote
from cira_pipeline.cli.screen import counted
from cira_pipeline.cli.services import connected
from cira_pipeline.client import InvoiceFilter
from cira_pipeline.custom.declaration_file import declarations
from cira_pipeline.db.records.export import ExportFormat, ExportView, complete_file, export_invoices


def export(
    file_format: Annotated[ExportFormat, typer.Option("--format", help="csv, jsonl or parquet.")] = "csv",
    output: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    view: Annotated[ExportView, typer.Option(help="What a row is: one of the views of docs/tables.md.")] = "invoices",
    since: Annotated[datetime | None, typer.Option(help="Only records made since this time (UTC).")] = None,
    client: Annotated[str | None, typer.Option(help="Only records of this client.")] = None,
    api: Api = None,
) -> None:
    """Export the records as CSV, Parquet or JSON lines."""
    if output is None and file_format == "parquet" and sys.stdout.isatty():
        raise typer.BadParameter("Parquet is binary; write it to a file with --output FILE", param_hint="--output")
    if api is not None:
        _export_remotely(api, file_format, output, view, since, client)
        return
    with connected() as services:
        rows = export_invoices(
            services.database,
            output if output is not None else sys.stdout.buffer,
            file_format,
            view=view,
            since=since.replace(tzinfo=UTC) if since else None,
            client=client,
            own=declarations(services.settings.custom_fields),
        )
    if output is not None:
        typer.echo(f"{counted(rows, 'row')} in {output}.", err=True)


def _export_remotely(
    api: str,
    file_format: ExportFormat,
    output: Path | None,
    view: ExportView,
    since: datetime | None,
    client: str | None,
) -> None:
    if file_format == "jsonl" or view == "invoice_costs":
        raise typer.BadParameter(
            "with --api, all views but invoice_costs can be exported, as csv or parquet", param_hint="--api"
        )
    wanted = InvoiceFilter(recorded_since=since.replace(tzinfo=UTC) if since else None, client=client)
    with remote(api) as service:
        if output is None:
            service.export(sys.stdout.buffer, file_format, wanted, view=view)
            return
        with complete_file(output) as file:
            size_bytes = service.export(file, file_format, wanted, view=view)
    typer.echo(f"{counted(size_bytes, 'byte')} in {output}.", err=True)
