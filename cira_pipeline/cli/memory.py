"""`cira memory`: lists, rebuilds and deletes the supplier memory, learned from confirmed invoices."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from cira_pipeline.cli.screen import columns, counted, printable, screen
from cira_pipeline.cli.services import Connected, connected
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.records.lessons import LessonRepository
from cira_pipeline.pipeline.supplier_memory import SupplierMemory, supplier_memory

app = typer.Typer(help="Lessons from confirmed invoices: list, rebuild, forget.", no_args_is_help=True)

_CLIENT = Annotated[str | None, typer.Option(help="Only lessons of this client; default: all clients.")]


@app.command("list")
def list_(
    client: _CLIENT = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """List the known suppliers and layouts, with the number of lessons for each."""
    with connected() as services:
        known = LessonRepository(services.database).layouts(client)
    if as_json:
        for each in known:
            typer.echo(json.dumps(asdict(each), default=str, ensure_ascii=False))
        return
    table = columns("client", "supplier", "key", "layout", "lessons", "last taught")
    for each in known:
        table.add_row(
            printable(each.client),
            printable(each.supplier),
            printable(each.key),
            each.layout,
            str(each.lessons),
            f"{each.last_taught_at:%Y-%m-%d %H:%M}",
        )
    screen().print(table)


@app.command()
def rebuild() -> None:
    """Rebuild all lessons from the current confirmations and labels; lessons without either are deleted."""
    with connected() as services:
        typer.echo(f"{counted(connected_memory(services).rebuild(), 'lesson')} learned.")


@app.command()
def forget(
    client: Annotated[str, typer.Option(help="Client whose lessons are deleted.")],
    supplier: Annotated[
        str | None, typer.Option(help="Only this supplier: key or name from `list`; default: all.")
    ] = None,
    layout: Annotated[str | None, typer.Option(help="Only this layout from `list`.")] = None,
) -> None:
    """Delete a client's lessons. A new confirmation, or `rebuild`, learns them again."""
    with connected() as services:
        count = LessonRepository(services.database).forget(client, supplier=supplier, layout=layout)
    typer.echo(f"{counted(count, 'lesson')} forgotten.")


def connected_memory(services: Connected) -> SupplierMemory:
    """The supplier memory in the connected database."""
    settings = services.settings
    objects = ObjectStore(settings.object_store_url, s3_endpoint_url=settings.s3_endpoint_url)
    return supplier_memory(settings, services.database, objects)
