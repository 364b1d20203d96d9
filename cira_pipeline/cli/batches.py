"""`cira batches`: what waits for a model batch, how the batches stand, and a round over them by hand."""

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
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")] = 20,
    move: Annotated[bool, typer.Option("--move", help="First send what is due, and fetch what is answered.")] = False,
    send: Annotated[bool, typer.Option("--send", help="As --move, and send all that waits, due or not.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """What waits for a model batch and how the batches stand. Dagster moves them on by itself."""
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
    # Imported here, for only this needs the provider's client, which takes a second.
    from cira_pipeline.costs.budgets import Budgets
    from cira_pipeline.costs.ledger import Ledger
    from cira_pipeline.costs.prices import PriceList
    from cira_pipeline.pipeline.model_batches import opened_batches

    settings = services.settings
    ledger = Ledger(services.database, Budgets.from_settings(settings))
    with opened_batches(settings, services.database, PriceList.load(settings.price_list), ledger) as mover:
        moved = mover.move(send_now=send_now)
    if moved.busy:
        typer.echo("Another process moves the batches on at this moment.", err=True)
        return
    kept = counted(moved.answers, "answer")
    typer.echo(f"Batches sent: {len(moved.sent)}, ended: {len(moved.ended)}; {kept} kept.", err=True)


def _view(
    newest: Sequence[ModelBatch], waiting: Sequence[Waiting], reserved_usd: Decimal, now: datetime
) -> RenderableType:
    parts: list[RenderableType] = []
    for each in waiting:
        count = counted(each.questions, "question")
        parts.append(printable(f"{count} waiting for the next batch of deployment {each.deployment}.", "yellow"))
    if reserved_usd:
        parts.append(Text(f"What is not answered yet can cost {usd(reserved_usd)} at the most.", "dim"))
    if newest:
        parts += [*([""] if parts else []), _table(newest, now)]
    return Group(*parts) if parts else Text("No model batches.", "dim")


def _table(newest: Sequence[ModelBatch], now: datetime) -> Table:
    table = columns("batch", "deployment", "state", "questions", "answered", "not", "age", "what was said")
    for name in ("questions", "answered", "not"):
        table.columns[[column.header for column in table.columns].index(name)].justify = "right"
    table.columns[-1].no_wrap = False
    for each in newest:
        state = f"{each.state}: {each.provider_status}" if each.state == "sent" else each.state
        said = f"{each.error_code}: {each.error_message}" if each.error_code else ""
        table.add_row(
            each.model_batch_id,
            printable(each.deployment),
            Text(state, _STYLES[each.state]),
            f"{each.question_count:,}",
            f"{each.answered_count:,}",
            f"{each.unanswered_count:,}",
            age_text(now - each.created_at),
            printable(said),
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
