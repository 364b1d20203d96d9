"""`cira up`: everything running, until Ctrl-C."""

from __future__ import annotations

from rich.console import Console

from cira_pipeline.cli.login import show_link
from cira_pipeline.local_stack.supervisor import Services, Supervisor
from cira_pipeline.settings import load_settings


def up() -> None:
    """Start PostgreSQL, Valkey, Dagster's UI and daemon and the REST service here, and keep them running until Ctrl-C.

    Services whose address is set (CIRA_POSTGRES_URL, CIRA_REDIS_URL) are used as they are and not started.
    """
    # Addresses and paths stay whole, to be copied; a terminal folds long lines by itself.
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    supervisor = Supervisor(load_settings(), say=lambda line: console.print(line, style="dim"))
    try:
        with supervisor.running() as services:
            _tell(console, services)
            supervisor.wait()
    except KeyboardInterrupt:
        console.print("Stopped. Nothing is left running; the data stays in place.")


def _tell(console: Console, services: Services) -> None:
    home = services.settings.home
    console.print(f"\n[bold green]CIRA is running.[/] Its page: {services.api_url}   Dagster's UI: {services.ui_url}")
    show_link(console, services.settings, services.api_url)
    console.print(
        f"  Submit an invoice, in another terminal: cira submit URL, or drop a file into {services.settings.inbox_path}"
    )
    console.print("  Keys for other people and for the REST service: `cira keys create`")
    console.print(f"  Data and logs: {home}; addresses and passwords: {home / 'services.json'}")
    console.print("  Ctrl-C stops everything.\n")
