"""`cira keys`: creates, lists, revokes and rotates API keys of the REST service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cira_pipeline.api.key_secret import NewKey, load_pepper
from cira_pipeline.cli.services import connected
from cira_pipeline.db.access.api_keys import ApiKey, ApiKeyRepository, Scope

app = typer.Typer(help="API keys of the REST service: create, list, revoke, rotate.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id, as `cira keys list` shows it.")]


@app.command()
def create(
    client: Annotated[str, typer.Option(help="Client whose jobs the key submits and reads.")] = "default",
    name: Annotated[str, typer.Option(help="Purpose or owner of the key.")] = "",
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What the key allows; may be repeated, see docs/api.md.")
    ] = None,
    rate: Annotated[int, typer.Option(help="Maximum requests per minute.")] = 1_200,
    daily_jobs: Annotated[int, typer.Option(help="Maximum new jobs per day (UTC).")] = 10_000,
    days: Annotated[int | None, typer.Option(min=1, help="Days until the key expires; default: never.")] = None,
) -> None:
    """Create an API key, by default with the scopes submit and read. The key is shown only once."""
    with connected() as services:
        pepper = load_pepper(services.settings)
        new = pepper.new_key()
        ApiKeyRepository(services.database).create(
            new.key_id,
            new.secret_hash,
            pepper.pepper_id,
            client=client,
            name=name,
            scopes=scope or [Scope.SUBMIT, Scope.READ],
            requests_per_minute=rate,
            jobs_per_day=daily_jobs,
            expires_at=datetime.now(UTC) + timedelta(days=days) if days else None,
        )
    _show(new)


@app.command("list")
def list_keys(client: Annotated[str | None, typer.Option(help="Only keys of this client.")] = None) -> None:
    """List all keys, oldest first."""
    with connected() as services:
        pepper = load_pepper(services.settings)
        keys = ApiKeyRepository(services.database).list(client)
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="dim")
    for column in ("key", "client", "name", "scopes", "requests/min", "jobs/day", "last used", "state"):
        table.add_column(column, overflow="fold")
    for key in keys:
        table.add_row(
            key.key_id,
            key.client,
            key.name,
            " ".join(sorted(key.scopes)),
            str(key.requests_per_minute),
            str(key.jobs_per_day),
            f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
            _state(key, pepper.pepper_id),
        )
    Console().print(table)


@app.command()
def revoke(key_id: KeyId) -> None:
    """Revoke a key; every server rejects it within seconds."""
    with connected() as services:
        ApiKeyRepository(services.database).revoke(key_id)
    typer.echo(f"{key_id} is revoked.")


@app.command()
def rotate(
    key_id: KeyId,
    grace_hours: Annotated[int, typer.Option(min=0, help="Hours for which the old key stays valid.")] = 24,
) -> None:
    """Create a new key with the client, scopes and limits of an old one. The key is shown only once."""
    with connected() as services:
        pepper = load_pepper(services.settings)
        new = pepper.new_key()
        old, _ = ApiKeyRepository(services.database).rotate(
            key_id, new.key_id, new.secret_hash, pepper.pepper_id, grace=timedelta(hours=grace_hours)
        )
    _show(new)
    typer.echo(f"{old.key_id} is valid until {old.expires_at:%Y-%m-%d %H:%M} UTC.", err=True)


def _show(new: NewKey) -> None:
    typer.echo("The key is shown only this once; store it in a secret store.", err=True)
    typer.echo(new.text)


def _state(key: ApiKey, pepper_id: str) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if not key.valid_at(datetime.now(UTC)):
        return "expired"
    if key.pepper_id != pepper_id:
        return "created with another pepper: rejected here"
    ends = f", until {key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else ""
    return f"rotated to {key.replaced_by}{ends}" if key.replaced_by else f"valid{ends}"
