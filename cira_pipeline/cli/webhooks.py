"""`cira webhooks`: lists, replays and delivers webhook events, and manages their signing secrets."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from typing import Annotated, Literal

import typer
from rich.text import Text

from cira_pipeline.api.key_secret import Pepper, load_pepper
from cira_pipeline.cli.screen import columns, counted, screen
from cira_pipeline.cli.services import connected, connected_settings
from cira_pipeline.db.access.webhook_secrets import SigningId, WebhookSecretRepository
from cira_pipeline.db.database import Database
from cira_pipeline.db.webhooks import WebhookRepository
from cira_pipeline.webhooks.delivering import Deliverer, event_type
from cira_pipeline.webhooks.sending import Sender
from cira_pipeline.webhooks.signature import Signer, shown_secret, signing_secret

app = typer.Typer(help="Webhook events and signing secrets: list, replay, deliver, secret.", no_args_is_help=True)
secret = typer.Typer(help="Secret that signs a client's webhooks: create, rotate.", no_args_is_help=True)
app.add_typer(secret, name="secret")

_COLOURS = {"pending": "yellow", "delivered": "green", "failed": "red"}


@app.command("list")
def list_events(
    state: Annotated[
        Literal["pending", "delivered", "failed"] | None, typer.Option(help="Only events in this state.")
    ] = None,
    client: Annotated[str | None, typer.Option(help="Only events of this client.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Number of newest events to show.")] = 50,
) -> None:
    """List webhook events and the state of their delivery, newest first."""
    with connected() as services:
        events = WebhookRepository(services.database).list(state=state, client=client, limit=limit)
    table = columns("event", "job", "client", "type", "host", "state", "attempts", "last failure", "next or end")
    for event in events:
        when = event.next_attempt_at if event.ended_at is None else event.ended_at
        table.add_row(
            event.event_id,
            event.job_id,
            event.client,
            event_type(event.status),
            event.host,
            Text(event.state, _COLOURS[event.state]),
            str(event.attempt_count),
            event.last_failure or "",
            f"{when:%Y-%m-%d %H:%M:%S}",
        )
    screen().print(table)


@app.command()
def replay(
    event_ids: Annotated[
        list[str] | None, typer.Argument(metavar="EVENT_ID...", help="Ids of events, as shown by `list`.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All events whose delivery was given up.")] = False,
    client: Annotated[str | None, typer.Option(help="With --failed: only events of this client.")] = None,
) -> None:
    """Deliver events again, under the same event ids, by which receivers recognise duplicates."""
    if bool(event_ids) == failed:
        raise typer.BadParameter("give event ids, or --failed", param_hint="EVENT_ID")
    with connected() as services:
        repository = WebhookRepository(services.database)
        count = repository.replay_failed(client=client) if failed else repository.replay(event_ids or [])
    typer.echo(f"{counted(count, 'event')} will be delivered again.")


@app.command()
def deliver() -> None:
    """Deliver webhooks until Ctrl-C, separately from the REST service (set CIRA_WEBHOOK_DELIVERY=false there)."""
    settings = connected_settings()
    database = Database(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
    database.ping()
    pepper = load_pepper(settings)
    deliverer = Deliverer(
        settings,
        WebhookRepository(database),
        Signer(WebhookSecretRepository(database), pepper.derived, pepper.pepper_id),
        Sender(settings),
    )
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    typer.echo("Delivering webhooks; Ctrl-C stops.", err=True)
    deliverer.start()
    stopping.wait()
    deliverer.stop()
    database.dispose()


@secret.command()
def create(client: Annotated[str, typer.Option(help="Client whose webhooks it signs.")] = "default") -> None:
    """Create a client's signing secret, shown only once. Jobs of a client without one cannot have a callback."""
    with connected() as services:
        pepper = load_pepper(services.settings)
        new = WebhookSecretRepository(services.database).create(client, pepper.pepper_id)
    _show(pepper, new)


@secret.command()
def rotate(
    client: Annotated[str, typer.Option(help="Client whose webhooks it signs.")] = "default",
    grace_hours: Annotated[int, typer.Option(min=0, help="Hours for which the old secret also signs.")] = 24,
) -> None:
    """Create a new secret, shown only once. The old one also signs until the grace period ends."""
    with connected() as services:
        pepper = load_pepper(services.settings)
        old, new = WebhookSecretRepository(services.database).rotate(
            client, pepper.pepper_id, grace=timedelta(hours=grace_hours)
        )
    _show(pepper, new)
    typer.echo(f"The old secret also signs until {old.expires_at:%Y-%m-%d %H:%M} UTC.", err=True)


def _show(pepper: Pepper, new: SigningId) -> None:
    typer.echo("The secret is shown only this once; give it to the operator of the webhooks' receiver.", err=True)
    typer.echo(shown_secret(signing_secret(pepper.derived, new.signing_id)))
