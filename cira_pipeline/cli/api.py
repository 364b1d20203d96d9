"""`cira api`: runs the REST service until Ctrl-C."""

from __future__ import annotations

from typing import Annotated

import typer

from cira_pipeline.api.server import serve
from cira_pipeline.cli.services import connected_settings


def api(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: CIRA_API_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; default: CIRA_API_PORT.")
    ] = None,
) -> None:
    """Run the REST service until Ctrl-C. It has no TLS; put a proxy with TLS in front of it."""
    settings = connected_settings()
    given = {"api_host": host, "api_port": port}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    typer.echo(
        f"The REST service listens on http://{settings.api_host}:{settings.api_port}; Ctrl-C stops it.", err=True
    )
    serve(settings)
