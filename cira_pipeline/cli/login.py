"""`cira login`: prints a one-time sign-in link for the web page and Dagster's UI."""

from __future__ import annotations

import os
import stat
import sys
from io import UnsupportedOperation

import typer
from rich.console import Console

from cira_pipeline.api.key_secret import load_pepper
from cira_pipeline.api.page.local_administrator import LINK_VALID, sign_in_link
from cira_pipeline.db.database import Database
from cira_pipeline.errors import ServiceUnreachable
from cira_pipeline.local_stack.running import running_services
from cira_pipeline.settings import Settings, load_settings

MINUTES = int(LINK_VALID.total_seconds() // 60)


def login() -> None:
    """Print a one-time link that signs you in with all rights, on the machine where `cira up` runs."""
    settings = load_settings()
    running = running_services(settings.home)
    if running is None:
        raise ServiceUnreachable(
            "no `cira up` is running in this folder; on other machines users sign in with an API key"
        )
    typer.echo(f"Open within {MINUTES} minutes in a browser on this machine; the link works once:", err=True)
    typer.echo(new_link(running.fill_in(settings), running.api_url))


def new_link(settings: Settings, api_url: str) -> str:
    """A new sign-in link for running services. Raises: ConfigurationError, StoreUnavailable."""
    database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
    try:
        return sign_in_link(api_url, database, load_pepper(settings))
    finally:
        database.dispose()


def show_link(console: Console, settings: Settings, api_url: str) -> None:
    """Prints a sign-in link; if other users may read the output, prints the command `cira login` instead."""
    if _readable_by_others(console):
        console.print("  To sign in, in another terminal: [bold]cira login[/]")
        return
    console.print(f"  To sign in, open within {MINUTES} minutes in a browser on this machine (the link works once):")
    console.print(f"    {new_link(settings, api_url)}", style="bold", soft_wrap=True)
    console.print("  `cira login` prints another link.")


def _readable_by_others(console: Console) -> bool:
    """Whether the output goes to a file that other users may read, or to the system's journal."""
    try:
        mode = os.fstat((console.file or sys.stderr).fileno()).st_mode
    except (OSError, UnsupportedOperation):
        return False
    return stat.S_ISSOCK(mode) or (stat.S_ISREG(mode) and bool(mode & (stat.S_IRGRP | stat.S_IROTH)))
