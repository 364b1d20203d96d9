"""`cira up`: starts all services on this machine and runs them until Ctrl-C."""

from __future__ import annotations

from rich.console import Console

from cira_pipeline.cli.login import show_link
from cira_pipeline.local_stack.supervisor import Services, Supervisor
from cira_pipeline.settings import load_settings


def up() -> None:
    """Start PostgreSQL, Valkey, Dagster's UI and daemon and the REST service on this machine; Ctrl-C stops them.

    A service whose address is set (CIRA_POSTGRES_URL, CIRA_REDIS_URL) is used and not started.
    """
    # Not wrapped, so that addresses and paths can be copied.
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    supervisor = Supervisor(load_settings(), say=lambda line: console.print(line, style="dim"))
    try:
        with supervisor.running() as services:
            _print_addresses(console, services)
            supervisor.wait()
    except KeyboardInterrupt:
        console.print("Stopped all services; the data is kept.")


def _print_addresses(console: Console, services: Services) -> None:
    home = services.settings.home
    console.print(f"\n[bold green]CIRA is running.[/] Web page: {services.api_url}   Dagster's UI: {services.ui_url}")
    show_link(console, services.settings, services.api_url)
    console.print(
        "  To submit an invoice: `cira submit URL` in another terminal, or put a file into "
        f"{services.settings.inbox_path}"
    )
    console.print("  API keys for other users and for programs: `cira keys create`")
    console.print(f"  Data and logs: {home}; addresses and passwords: {home / 'services.json'}")
    console.print("  Ctrl-C stops all services.\n")
