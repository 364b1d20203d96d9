"""`cira memory`: what confirmed invoices taught about their suppliers."""

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

app = typer.Typer(help="What confirmed invoices taught: list, rebuild, forget.", no_args_is_help=True)

_CLIENT = Annotated[str | None, typer.Option(help="Only this client's; all clients' if not given.")]


@app.command("list")
def list_(
    client: _CLIENT = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """The suppliers and layouts that are known, and from how many invoices."""
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
    """Learn everything anew from confirmations and labels; what nobody stands by any more is forgotten."""
    with connected() as services:
        typer.echo(f"{counted(connected_memory(services).rebuild(), 'lesson')} learned.")


@app.command()
def forget(
    client: Annotated[str, typer.Option(help="Whose lessons.")],
    supplier: Annotated[
        str | None, typer.Option(help="A key or a name, as `list` shows them; all if not given.")
    ] = None,
    layout: Annotated[str | None, typer.Option(help="One layout, as `list` shows it.")] = None,
) -> None:
    """Forget a client's lessons until somebody confirms again, or `rebuild` learns them from the same confirmations."""
    with connected() as services:
        count = LessonRepository(services.database).forget(client, supplier=supplier, layout=layout)
    typer.echo(f"{counted(count, 'lesson')} forgotten.")


def connected_memory(services: Connected) -> SupplierMemory:
    """The memory in the connected database."""
    settings = services.settings
    objects = ObjectStore(settings.object_store_url, s3_endpoint_url=settings.s3_endpoint_url)
    return supplier_memory(settings, services.database, objects)
