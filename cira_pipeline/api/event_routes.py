"""Route that streams changes of jobs as server-sent events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from cira_pipeline.api.caller import Reader, ServicesOf, client_filter
from cira_pipeline.api.known_parameters import StrictRoute
from cira_pipeline.api.problems import responses

router = APIRouter(prefix="/v1/events", tags=["jobs"], route_class=StrictRoute)

_STREAM = {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Server-sent events"}


@router.get(
    "", response_class=StreamingResponse, summary="Stream changes of jobs", responses={200: _STREAM, **responses()}
)
async def events(
    services: ServicesOf,
    key: Reader,
    client: Annotated[
        str | None, Query(max_length=200, description="for keys with the scope admin; default: all clients")
    ] = None,
) -> StreamingResponse:
    """Sends one event `job` for each committed change of a job of the client.

    An event `resync` means that changes may have been missed: query the jobs you need. Every stream starts with one.
    """
    services.events.check(key.key_id)
    return StreamingResponse(
        services.events.stream(client_filter(key, client), key.key_id), media_type="text/event-stream"
    )
