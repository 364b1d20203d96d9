"""`cira costs`: shows the money spent, the month's projection and the use of the budgets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cira_pipeline.api.invoice_models import CostReport
from cira_pipeline.cli.remote import Api, remote
from cira_pipeline.cli.screen import counted, printable, screen, usd
from cira_pipeline.cli.services import connected
from cira_pipeline.clock import utc_now
from cira_pipeline.costs.budgets import Budgets, BudgetState
from cira_pipeline.costs.report import CostRow, GroupBy, MonthCosts, costs_by, month_costs
from cira_pipeline.db.answers.model_batches import ModelBatchRepository
from cira_pipeline.jobs import JobStatus

UNKNOWN = "(unknown)"


def costs(
    by: Annotated[GroupBy, typer.Option(help="Column to group by.")] = GroupBy.DAY,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day (UTC); default: first day of this month.")
    ] = None,
    client: Annotated[str | None, typer.Option(help="Only costs of this client.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; amounts are exact strings.")] = False,
    api: Api = None,
) -> None:
    """Show the money spent by day, client, engine, model or supplier, the month's projection and the budgets."""
    now = utc_now()
    first = since.replace(tzinfo=UTC).date() if since else now.date().replace(day=1)
    if api is not None:
        with remote(api) as service:
            _costs_remotely(service.costs(since=first, client=client), by, as_json=as_json)
        return
    with connected() as services:
        rows = costs_by(services.database, by, since=first, client=client)
        month = month_costs(services.database, now, client=client)
        states = Budgets.from_settings(services.settings).states(services.database, client=client)
        waiting = services.jobs.counts()[JobStatus.NEEDS_BUDGET]
        in_batches = ModelBatchRepository(services.database).reserved_usd()
    if as_json:
        shown = _as_json(by, first, rows, month, states, waiting) | {"in_model_batches_usd": f"{in_batches:f}"}
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    screen().print(_view(by, first, rows, month, states, waiting, in_batches))


def _costs_remotely(report: CostReport, by: GroupBy, *, as_json: bool) -> None:
    """Costs by day or model; the REST service has no projection and no budgets."""
    if by not in (GroupBy.DAY, GroupBy.MODEL):
        raise typer.BadParameter("with --api, costs are grouped by day or by model only", param_hint="--by")
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
        return
    spent: dict[str, Decimal] = {}
    for entry in report.entries:
        name = entry.day.isoformat() if by is GroupBy.DAY else entry.model
        spent[name] = spent.get(name, Decimal(0)) + entry.amount_usd
    # A job can have several entries on one day, so the number of jobs is not known.
    rows = [CostRow(name, None, amount_usd) for name, amount_usd in spent.items()]
    screen().print(_table(by, rows) if rows else Text(f"Nothing was spent since {report.since}.", "dim"))


def _view(
    by: GroupBy,
    first: date,
    rows: Sequence[CostRow],
    month: MonthCosts,
    states: Sequence[BudgetState],
    waiting: int,
    in_batches_usd: Decimal,
) -> RenderableType:
    parts: list[RenderableType] = [_table(by, rows) if rows else Text(f"Nothing was spent since {first}.", "dim")]
    parts.append(Text(f"\nThis month: {usd(month.spent_usd)} so far, {usd(month.projected_usd)} projected."))
    for state in states:
        style = "red" if not state.room_usd else "yellow" if state.alert else "dim"
        parts.append(printable(f"{_capital(str(state))}, {usd(state.room_usd)} left.", style))
    if waiting:
        parts.append(
            Text(f"{counted(waiting, 'job')} waiting for a budget: `cira status --status needs_budget`.", "yellow")
        )
    if in_batches_usd:
        parts.append(
            Text(f"Unanswered questions in model batches can cost {usd(in_batches_usd)} more: `cira batches`.", "dim")
        )
    return Group(*parts)


def _table(by: GroupBy, rows: Sequence[CostRow]) -> Table:
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="dim", show_footer=True)
    total = sum((row.amount_usd for row in rows), Decimal(0))
    table.add_column(by.value, footer="total", overflow="fold")
    table.add_column("jobs", justify="right", no_wrap=True)
    table.add_column("cost", justify="right", no_wrap=True, footer=usd(total))
    for row in rows:
        table.add_row(printable(row.name or UNKNOWN), "" if row.jobs is None else f"{row.jobs:,}", usd(row.amount_usd))
    return table


def _as_json(
    by: GroupBy, first: date, rows: Sequence[CostRow], month: MonthCosts, states: Sequence[BudgetState], waiting: int
) -> dict[str, Any]:
    return {
        "by": by.value,
        "since": first.isoformat(),
        "rows": [{by.value: row.name, "jobs": row.jobs, "amount_usd": f"{row.amount_usd:f}"} for row in rows],
        "total_usd": f"{sum((row.amount_usd for row in rows), Decimal(0)):f}",
        "month": {"spent_usd": f"{month.spent_usd:f}", "projected_usd": f"{month.projected_usd:f}"},
        "budgets": [
            {
                "client": state.budget.client or None,
                "period": state.budget.period,
                "limit_usd": f"{state.budget.limit_usd:f}",
                "spent_usd": f"{state.spent_usd:f}",
                "reserved_usd": f"{state.reserved_usd:f}",
                "alert": state.alert,
            }
            for state in states
        ],
        "jobs_waiting_for_budget": waiting,
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
