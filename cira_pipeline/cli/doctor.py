"""`cira doctor`: checks settings, services and the state of the work, with advice for each fault."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cira_pipeline.cli.health_checks import Check, State, checks
from cira_pipeline.cli.settings_shown import setting_groups, shown_value
from cira_pipeline.local_stack.running import running_services
from cira_pipeline.settings import Settings, load_settings, unknown_variables

_MARKS = {
    State.GOOD: ("ok", "green"),
    State.UNUSED: ("not used", "dim"),
    State.WARNING: ("warning", "yellow"),
    State.BROKEN: ("broken", "bold red"),
}


def doctor(
    settings: Annotated[bool, typer.Option("--settings", help="List all settings with value and meaning.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON, for monitoring.")] = False,
) -> None:
    """Check settings, services and the state of the work. Exit status 1 if something needed is broken."""
    given = load_settings()
    running = running_services(given.home)
    effective = running.fill_in(given) if running else given
    console = Console(highlight=False)
    if as_json:
        results = list(checks(effective, up_is_running=running is not None))
        typer.echo(json.dumps([result._asdict() for result in results], indent=2))
    else:
        _print_settings(console, given, every=settings)
        results = _print_checks(console, effective, up_is_running=running is not None)
    if any(result.state is State.BROKEN for result in results):
        raise typer.Exit(1)


def _print_settings(console: Console, settings: Settings, *, every: bool) -> None:
    table = Table(title="Settings", title_justify="left", box=None, show_header=every, pad_edge=False)
    for column in ("Setting", "Value", "Meaning") if every else ("Group", "Configured"):
        table.add_column(column, overflow="fold")
    for group, names in setting_groups().items():
        if every:
            for name in names:
                style = "bold" if name in settings.model_fields_set else None
                meaning = Settings.model_fields[name].description or ""
                table.add_row(f"CIRA_{name.upper()}", shown_value(settings, name), meaning, style=style)
        else:
            configured = [name for name in names if name in settings.model_fields_set]
            shown = ", ".join(f"CIRA_{name.upper()}={shown_value(settings, name)}" for name in configured)
            table.add_row(group, shown or "defaults")
    console.print(table)
    for variable, meant in unknown_variables().items():
        hint = f"; did you mean {meant}?" if meant else ""
        console.print(f"{variable} is not a setting of CIRA{hint}", style="yellow")
    console.print()


def _print_checks(console: Console, settings: Settings, *, up_is_running: bool) -> list[Check]:
    results = []
    with console.status("Checking"):
        for result in checks(settings, up_is_running=up_is_running):
            results.append(result)
            mark, style = _MARKS[result.state]
            console.print(f"[{style}]{mark:>8}[/]  [bold]{result.name}[/]: ", end="")
            console.print(result.message, markup=False, soft_wrap=True)
            if result.advice:
                console.print(f"          → {result.advice}", markup=False, soft_wrap=True)
    broken = sum(result.state is State.BROKEN for result in results)
    if broken:
        console.print(f"\n{broken} broken.", style="red")
    else:
        console.print("\nNo check failed.", style="green")
    return results
