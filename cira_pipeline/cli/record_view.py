"""Terminal view of a record: verdict, fields, line items and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cira_pipeline.cli.screen import counted, printable, usd
from cira_pipeline.models import Evidence, Finding, Severity

if TYPE_CHECKING:
    from cira_pipeline.pipeline.without_services import FileResult

VERDICT_STYLES = {"accepted": "bold green", "needs_review": "bold yellow", "rejected": "bold red"}
SEVERITY_STYLES = {Severity.INFO: "dim", Severity.WARNING: "yellow", Severity.ERROR: "red"}


def extracted_file_view(result: FileResult) -> RenderableType:
    head = Text.assemble(printable(result.file, "bold"), "  ")
    if result.error is not None:
        head.append_text(printable(f"{result.status}: {result.error.message} [{result.error.code}]", "red"))
        return Group(head, Text(f"  {result.error.hint}"), Text())
    head.append(str(result.verdict), VERDICT_STYLES[str(result.verdict)])
    pages = f"{counted(result.pages, 'page')}, " if result.pages else ""
    spent = Text(f"  {result.engine}, {pages}{result.seconds:.1f} s, {usd(result.cost_usd)}", "dim")
    return Group(head, spent, *invoice_view(result.fields, result.evidence), *findings_view(result.findings), Text())


def invoice_view(fields: Mapping[str, Any], evidence: Sequence[Evidence]) -> list[RenderableType]:
    """The header fields with the place each stands at, the tax lines and the line items. Values are JSON-ready."""
    places = {each.field: each for each in evidence}
    header = Table(box=None, show_header=False, padding=(0, 2))
    for _ in range(4):
        header.add_column(overflow="fold")
    header.columns[0].no_wrap = header.columns[3].no_wrap = True
    for name, value in fields.items():
        if isinstance(value, str):
            header.add_row(Text(name, "cyan"), printable(value), *_place_and_confidence(places.get(name)))
    parts: list[RenderableType] = [header]
    for name, columns in (
        ("tax_breakdown", ("rate", "net", "tax")),
        ("line_items", ("description", "quantity", "unit", "unit_price", "tax_rate", "net_amount")),
    ):
        if rows := fields.get(name):
            parts.append(_rows_table(name, columns, rows))
    return parts


def findings_view(findings: Sequence[Finding]) -> list[RenderableType]:
    return [
        Text.assemble(
            "  ", (each.severity.value, SEVERITY_STYLES[each.severity]), printable(f" {each.rule}: {each.message}")
        )
        for each in findings
    ]


def _rows_table(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=name, title_justify="left", title_style="cyan", box=None, padding=(0, 2), pad_edge=True)
    for column in columns:
        number = column not in ("description", "unit")
        table.add_column(
            column, justify="right" if number else "left", no_wrap=number, overflow="fold", header_style="dim"
        )
    for row in rows:
        table.add_row(*(printable(_cell(row.get(column))) for column in columns))
    return table


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _place_and_confidence(evidence: Evidence | None) -> tuple[Text, Text]:
    if evidence is None:
        return Text(), Text()
    element = (evidence.xpath or "").rpartition("/")[2]
    where = f"page {evidence.page}" if evidence.page is not None else element
    return Text(where, "dim"), Text(f"{evidence.confidence:.0%}", "dim")
