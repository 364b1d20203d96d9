"""`cira batches`: shows model batches and waiting questions, and can send and poll them manually."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cira_pipeline.cli.job_table import age_text
from cira_pipeline.cli.screen import columns, counted, printable, screen, usd
from cira_pipeline.cli.services import Connected, connected
from cira_pipeline.clock import utc_now
from cira_pipeline.db.answers.model_batches import ModelBatch, ModelBatchRepository, Waiting

_STYLES = {"preparing": "dim", "sent": "cyan", "done": "green", "failed": "red"}


def batches(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Number of newest batches to show.")] = 20,
    move: Annotated[bool, typer.Option("--move", help="First send due questions and fetch finished batches.")] = False,
    send: Annotated[bool, typer.Option("--send", help="Like --move, but send all questions, due or not.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show model batches and the questions that wait for one. Dagster sends and polls batches automatically."""
    with connected() as services:
        if move or send:
            _move(services, send_now=send)
        repository = ModelBatchRepository(services.database)
        newest, waiting, reserved = repository.newest(limit), repository.waiting(), repository.reserved_usd()
    if as_json:
        typer.echo(json.dumps(_as_json(newest, waiting, reserved), ensure_ascii=False, indent=2))
        return
    screen().print(_view(newest, waiting, reserved, utc_now()))


def _move(services: Connected, *, send_now: bool) -> None:
    # Imported here because the provider's client, which only this needs, takes a second to import.
    from cira_pipeline.costs.budgets import Budgets
    from cira_pipeline.costs.ledger import Ledger
    from cira_pipeline.costs.prices import PriceList
    from cira_pipeline.pipeline.model_batches import opened_batches

    settings = services.settings
    ledger = Ledger(services.database, Budgets.from_settings(settings))
    with opened_batches(settings, services.database, PriceList.load(settings.price_list), ledger) as mover:
        moved = mover.move(send_now=send_now)
    if moved.busy:
        typer.echo("Another process is sending and polling batches at the moment; try again shortly.", err=True)
        return
    answers = counted(moved.answers, "answer")
    typer.echo(f"Batches sent: {len(moved.sent)}, ended: {len(moved.ended)}; {answers} stored.", err=True)


def _view(
    newest: Sequence[ModelBatch], waiting: Sequence[Waiting], reserved_usd: Decimal, now: datetime
) -> RenderableType:
    parts: list[RenderableType] = []
    for each in waiting:
        count = counted(each.questions, "question")
        parts.append(printable(f"{count} waiting for the next batch of deployment {each.deployment}.", "yellow"))
    if reserved_usd:
        parts.append(Text(f"Unanswered questions can cost at most {usd(reserved_usd)}.", "dim"))
    if newest:
        parts += [*([""] if parts else []), _table(newest, now)]
    return Group(*parts) if parts else Text("No model batches.", "dim")


def _table(newest: Sequence[ModelBatch], now: datetime) -> Table:
    table = columns("batch", "deployment", "state", "questions", "answered", "unanswered", "age", "error")
    for name in ("questions", "answered", "unanswered"):
        table.columns[[column.header for column in table.columns].index(name)].justify = "right"
    table.columns[-1].no_wrap = False
    for each in newest:
        state = f"{each.state}: {each.provider_status}" if each.state == "sent" else each.state
        error = f"{each.error_code}: {each.error_message}" if each.error_code else ""
        table.add_row(
            each.model_batch_id,
            printable(each.deployment),
            Text(state, _STYLES[each.state]),
            f"{each.question_count:,}",
            f"{each.answered_count:,}",
            f"{each.unanswered_count:,}",
            age_text(now - each.created_at),
            printable(error),
        )
    return table


def _as_json(newest: Sequence[ModelBatch], waiting: Sequence[Waiting], reserved_usd: Decimal) -> dict[str, Any]:
    return {
        "waiting": [
            {"deployment": each.deployment, "questions": each.questions, "oldest_s": round(each.oldest_s)}
            for each in waiting
        ],
        "reserved_usd": f"{reserved_usd:f}",
        "batches": [each.model_dump(mode="json") for each in newest],
    }
