"""`cira export`: the analysts' views as files."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cira_pipeline.cli.screen import counted
from cira_pipeline.cli.services import connected
from cira_pipeline.storage.export import ExportFormat, ExportView, export_invoices


def export(
    file_format: Annotated[ExportFormat, typer.Option("--format", help="csv, jsonl or parquet.")] = "csv",
    output: Annotated[Path | None, typer.Option(help="File to write; standard output if not given.")] = None,
    view: Annotated[ExportView, typer.Option(help="invoices, invoice_lines or invoice_costs.")] = "invoices",
    since: Annotated[datetime | None, typer.Option(help="Only records from this time on, UTC.")] = None,
    client: Annotated[str | None, typer.Option(help="Only this client's.")] = None,
) -> None:
    """Write the records as CSV, Parquet or JSON lines."""
    if output is None and file_format == "parquet" and sys.stdout.isatty():
        raise typer.BadParameter("Parquet is nothing for a terminal; give --output FILE", param_hint="--output")
    with connected() as services:
        rows = export_invoices(
            services.database,
            output if output is not None else sys.stdout.buffer,
            file_format,
            view=view,
            since=since.replace(tzinfo=UTC) if since else None,
            client=client,
        )
    if output is not None:
        typer.echo(f"{counted(rows, 'row')} in {output}.", err=True)
