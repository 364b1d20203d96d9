"""The command `cira`: which commands there are, and what a person sees when one fails.

Each command is a plain function in a file of its own, loaded only when it is called, so that `cira --help` is quick.
Exit status: 0 done, 1 failed with one clear line on standard error, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from cira_pipeline.errors import CiraError


class Command(NamedTuple):
    """`target` is `module:function`, or `module:app` for a typer.Typer with commands of its own."""

    target: str
    summary: str


COMMANDS = {
    "up": Command("cira_pipeline.cli.up:up", "Start everything here: PostgreSQL, Valkey, Dagster; Ctrl-C stops it."),
    "login": Command("cira_pipeline.cli.login:login", "Print a link that signs you in, on the page and in Dagster."),
    "demo": Command("cira_pipeline.cli.demo:demo", "Make sample invoices, process them, and show what came out."),
    "submit": Command("cira_pipeline.cli.submit:submit", "Submit invoice URLs, or a CSV manifest of them."),
    "status": Command("cira_pipeline.cli.status:status", "How many jobs are where, and the newest ones."),
    "show": Command("cira_pipeline.cli.show:show", "Everything about one job: record, evidence, findings, cost."),
    "retry": Command("cira_pipeline.cli.retry:retry", "Put failed or rejected jobs back into the queue."),
    "cancel": Command("cira_pipeline.cli.cancel:cancel", "Take queued or running jobs back for good."),
    "extract": Command("cira_pipeline.cli.extract:extract", "Read, extract and validate files; needs no services."),
    "export": Command("cira_pipeline.cli.export:export", "Write the records as CSV, Parquet or JSON lines."),
    "labels": Command("cira_pipeline.cli.labels:app", "Ground truth: load labels to measure accuracy against."),
    "memory": Command("cira_pipeline.cli.memory:app", "What confirmed invoices taught: list, rebuild, forget."),
    "api": Command("cira_pipeline.cli.api:api", "Serve the REST API until Ctrl-C."),
    "keys": Command("cira_pipeline.cli.keys:app", "Keys of the REST service: create, list, revoke, rotate."),
    "webhooks": Command("cira_pipeline.cli.webhooks:app", "What callbacks were told, and secrets to sign it with."),
    "samples": Command("cira_pipeline.cli.samples:samples", "Write labelled sample invoices to measure and train on."),
    "costs": Command("cira_pipeline.cli.costs:costs", "What was spent, what the month will come to, the budgets."),
    "batches": Command("cira_pipeline.cli.batches:batches", "What waits for a model batch, and how the batches stand."),
    "migrate": Command("cira_pipeline.cli.migrate:migrate", "Bring the database's tables up to date."),
    "backup": Command("cira_pipeline.cli.backup:backup", "Save database, documents and key pepper into a folder."),
    "restore": Command("cira_pipeline.cli.restore:restore", "Bring a backup back, into an empty database and home."),
    "eval": Command("cira_pipeline.cli.eval:evaluate", "How right the records of labelled documents are."),
    "calibrate": Command("cira_pipeline.cli.calibrate:calibrate", "Fit confidences and verdicts to labels."),
    "doctor": Command("cira_pipeline.cli.doctor:doctor", "What is configured, what answers, and what is missing."),
}


class LazyGroup(TyperGroup):
    """Knows every command's summary; imports a command's module only to run it or to print its help."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        return (name, _load(name), rest) if name in COMMANDS else (name, found, rest)


def _load(name: str) -> Any:
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
    help="CIRA turns invoice URLs into validated records and says what each cost.",
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
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Read by `main` (debug) and before any command (version)."""


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
        _say_what_failed(error)
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        from cira_pipeline.cli.screen import note_unexpected

        typer.secho(note_unexpected(error), err=True, fg="red")
        sys.exit(1)


def _say_what_failed(error: CiraError) -> None:
    typer.secho(f"Error: {error.message} [{error.code}]", err=True, fg="red")
    typer.secho(f"  {error.hint}", err=True)
