"""`cira keys`: who may use the REST service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cira_pipeline.api.key_secret import NewKey, load_pepper
from cira_pipeline.cli.services import connected
from cira_pipeline.db.access.api_keys import ApiKey, ApiKeyRepository, Scope

app = typer.Typer(help="Keys of the REST service: create, list, revoke, rotate.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id, as `cira keys list` shows it.")]


@app.command()
def create(
    client: Annotated[str, typer.Option(help="Whose jobs it submits and sees.")] = "default",
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    scope: Annotated[
        list[Scope] | None, typer.Option(help="May be repeated; docs/api.md says what each allows.")
    ] = None,
    rate: Annotated[int, typer.Option(help="Requests a minute.")] = 1_200,
    daily_jobs: Annotated[int, typer.Option(help="New jobs a day (UTC).")] = 10_000,
    days: Annotated[int | None, typer.Option(min=1, help="Days it is valid; for ever if not given.")] = None,
) -> None:
    """Make a key, with the scopes submit and read if none is given. It is shown once."""
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
def list_keys(client: Annotated[str | None, typer.Option(help="Only this client's.")] = None) -> None:
    """All keys, oldest first."""
    with connected() as services:
        pepper = load_pepper(services.settings)
        keys = ApiKeyRepository(services.database).list(client)
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="dim")
    for column in ("key", "client", "name", "scopes", "a minute", "jobs a day", "last used", "state"):
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
    """A key is not taken any more, within seconds, everywhere."""
    with connected() as services:
        ApiKeyRepository(services.database).revoke(key_id)
    typer.echo(f"{key_id} is revoked.")


@app.command()
def rotate(
    key_id: KeyId,
    grace_hours: Annotated[int, typer.Option(min=0, help="Hours the old key is still taken.")] = 24,
) -> None:
    """Make a new key with the rights of an old one. It is shown once."""
    with connected() as services:
        pepper = load_pepper(services.settings)
        new = pepper.new_key()
        old, _ = ApiKeyRepository(services.database).rotate(
            key_id, new.key_id, new.secret_hash, pepper.pepper_id, grace=timedelta(hours=grace_hours)
        )
    _show(new)
    typer.echo(f"{old.key_id} is taken until {old.expires_at:%Y-%m-%d %H:%M} UTC.", err=True)


def _show(new: NewKey) -> None:
    typer.echo("The key is shown this once; keep it where secrets are kept.", err=True)
    typer.echo(new.text)


def _state(key: ApiKey, pepper_id: str) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if not key.valid_at(datetime.now(UTC)):
        return "expired"
    if key.pepper_id != pepper_id:
        return "made under another pepper: not taken here"
    ends = f", until {key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else ""
    return f"rotated to {key.replaced_by}{ends}" if key.replaced_by else f"valid{ends}"
