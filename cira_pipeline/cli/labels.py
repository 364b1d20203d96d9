"""`cira labels`: loads labels (ground truth) to measure accuracy against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cira_pipeline.cli.memory import connected_memory
from cira_pipeline.cli.screen import counted, progress_console
from cira_pipeline.cli.services import connected
from cira_pipeline.db.records.labels import LabelRepository
from cira_pipeline.evaluation.labels import read_labels

app = typer.Typer(help="Load labels (ground truth) to measure accuracy against.", no_args_is_help=True)


@app.callback()
def labels() -> None:
    """Makes typer treat `load` as a subcommand; with a single command it would merge the two."""


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="JSON lines with `file` or `sha256`, and `fields`.")],
) -> None:
    """Load labels; a document's earlier label is replaced. The check `accuracy` uses them from the next run.

    From labels of documents that are already processed, CIRA also learns their suppliers' layouts (`cira memory`).
    """
    from rich.progress import track

    found = read_labels(file)
    with connected() as services:
        repository = LabelRepository(services.database)
        memory = connected_memory(services)
        console = progress_console()
        for label in track(found, "Loading", console=console, transient=True, disable=not console.is_terminal):
            repository.put(label.sha256, label.fields, source=str(file))
            memory.labelled(label.sha256)
    typer.echo(f"{counted(len(found), 'label')} loaded.")
