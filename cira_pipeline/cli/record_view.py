"""How a record looks to a person at a terminal: verdict first, then the fields, the lines and what is doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cira_pipeline.values import Evidence, Finding, Severity

if TYPE_CHECKING:
    from cira_pipeline.processing.without_services import FileResult

VERDICT_STYLES = {"accepted": "bold green", "needs_review": "bold yellow", "rejected": "bold red"}
SEVERITY_STYLES = {Severity.INFO: "dim", Severity.WARNING: "yellow", Severity.ERROR: "red"}


def extracted_file_view(result: FileResult) -> RenderableType:
    head = Text.assemble((result.file, "bold"), "  ")
    if result.error is not None:
        head.append(f"{result.status}: {result.error.message} [{result.error.code}]", "red")
        return Group(head, Text(f"  {result.error.hint}"), Text())
    head.append(str(result.verdict), VERDICT_STYLES[str(result.verdict)])
    head.append(f"  {result.engine}, {result.pages} pages, {result.seconds:.1f} s, {result.cost_usd} USD", "dim")
    return Group(head, *invoice_view(result.fields, result.evidence), *findings_view(result.findings), Text())


def invoice_view(fields: Mapping[str, Any], evidence: Sequence[Evidence]) -> list[RenderableType]:
    """The header fields with the place each stands at, the tax lines and the line items. Values are JSON-ready."""
    places = {each.field: each for each in evidence}
    header = Table(box=None, show_header=False, padding=(0, 2))
    for name, value in fields.items():
        if isinstance(value, str):
            header.add_row(Text(name, "cyan"), escape(value), *_place_and_confidence(places.get(name)))
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
        Text.assemble("  ", (f"{each.severity}", SEVERITY_STYLES[each.severity]), f" {each.rule}: {each.message}")
        for each in findings
    ]


def _rows_table(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=name, title_justify="left", title_style="cyan", box=None, padding=(0, 2), pad_edge=True)
    for column in columns:
        table.add_column(column, justify="left" if column in ("description", "unit") else "right", header_style="dim")
    for row in rows:
        table.add_row(*(escape(str(row.get(column) or "")) for column in columns))
    return table


def _place_and_confidence(evidence: Evidence | None) -> tuple[Text, Text]:
    if evidence is None:
        return Text(), Text()
    element = (evidence.xpath or "").rpartition("/")[2]
    where = f"page {evidence.page}" if evidence.page is not None else element
    return Text(where, "dim"), Text(f"{evidence.confidence:.0%}", "dim")
