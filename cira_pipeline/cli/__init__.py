"""Entry point of the command-line interface `cira`: its commands and its error output.

Each command is a function in a module of its own, imported only when it is called, so that `cira --help` is fast.
Exit status: 0 success, 1 failure (one line with the error on standard error), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from cira_pipeline.errors import CiraError


class Command(NamedTuple):
    """A command's import path and help line; `target` is `module:function`, or `module:app` for a command group."""

    target: str
    summary: str


COMMANDS = {
    "up": Command("cira_pipeline.cli.up:up", "Start PostgreSQL, Valkey, Dagster and the REST service on this machine."),
    "login": Command("cira_pipeline.cli.login:login", "Print a link that signs you in to the web page and Dagster."),
    "demo": Command("cira_pipeline.cli.demo:demo", "Generate sample invoices, process them and show the results."),
    "submit": Command("cira_pipeline.cli.submit:submit", "Submit invoice URLs, or a CSV manifest of them."),
    "status": Command("cira_pipeline.cli.status:status", "Show the number of jobs by status, and the newest jobs."),
    "show": Command("cira_pipeline.cli.show:show", "Show one job: record, evidence, findings, cost."),
    "retry": Command("cira_pipeline.cli.retry:retry", "Put failed or rejected jobs back into the queue."),
    "cancel": Command("cira_pipeline.cli.cancel:cancel", "Cancel queued or running jobs."),
    "extract": Command("cira_pipeline.cli.extract:extract", "Read, extract and validate files, without services."),
    "export": Command("cira_pipeline.cli.export:export", "Export the records as CSV, Parquet or JSON lines."),
    "labels": Command("cira_pipeline.cli.labels:app", "Load labels (ground truth) to measure accuracy against."),
    "memory": Command("cira_pipeline.cli.memory:app", "Lessons from confirmed invoices: list, rebuild, forget."),
    "api": Command("cira_pipeline.cli.api:api", "Run the REST service until Ctrl-C."),
    "keys": Command("cira_pipeline.cli.keys:app", "API keys of the REST service: create, list, revoke, rotate."),
    "webhooks": Command("cira_pipeline.cli.webhooks:app", "Webhook events and signing secrets: list, replay, rotate."),
    "samples": Command("cira_pipeline.cli.samples:samples", "Generate labelled sample invoices."),
    "costs": Command("cira_pipeline.cli.costs:costs", "Show the money spent, the month's projection and the budgets."),
    "batches": Command("cira_pipeline.cli.batches:batches", "Show model batches and the questions that wait for one."),
    "migrate": Command("cira_pipeline.cli.migrate:migrate", "Migrate the database's tables to this version."),
    "backup": Command("cira_pipeline.cli.backup:backup", "Back up database, documents and key pepper to a folder."),
    "restore": Command("cira_pipeline.cli.restore:restore", "Restore a backup into an empty database and home."),
    "eval": Command("cira_pipeline.cli.eval:evaluate", "Measure accuracy on labelled documents."),
    "calibrate": Command("cira_pipeline.cli.calibrate:calibrate", "Calibrate confidences and verdicts with labels."),
    "doctor": Command("cira_pipeline.cli.doctor:doctor", "Check settings, services and the state of the work."),
}


class LazyGroup(TyperGroup):
    """Command group that imports a command's module only to run the command or to print its help."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        return (name, load_command(name), rest) if name in COMMANDS else (name, found, rest)


def load_command(name: str) -> Any:
    """The command, from its module."""
    module, _, attribute = COMMANDS[name].target.partition(":")
    target = getattr(importlib.import_module(module), attribute)
    if isinstance(target, typer.Typer):
        group = typer.main.get_group(target)
        group.name = name
        return group
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    single.command(name, no_args_is_help=False)(target)
    return typer.main.get_command(single)


app = typer.Typer(
    cls=LazyGroup,
    name="cira",
    help="CIRA turns invoice URLs into validated records, with the cost of each.",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich help costs half a second of imports
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cira {version('cira-pipeline')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the stack trace of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Global options: `main` evaluates `--debug`, the callback `--version`."""


def _register(name: str) -> None:
    @app.command(name, help=COMMANDS[name].summary)
    def loaded_when_called() -> None: ...


for _name in COMMANDS:
    _register(_name)


def main() -> None:
    """Entry point of the console script `cira`."""
    debug = "--debug" in sys.argv[1:]
    try:
        app(prog_name="cira")
    except CiraError as error:
        if debug:
            raise
        _print_error(error)
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        from cira_pipeline.cli.screen import note_unexpected

        typer.secho(note_unexpected(error), err=True, fg="red")
        sys.exit(1)


def _print_error(error: CiraError) -> None:
    typer.secho(f"Error: {error.message} [{error.code}]", err=True, fg="red")
    typer.secho(f"  {error.hint}", err=True)
