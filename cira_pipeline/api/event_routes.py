"""Changes of jobs as a stream."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from cira_pipeline.api.caller import Reader, ServicesOf, client_filter
from cira_pipeline.api.known_parameters import StrictRoute
from cira_pipeline.api.problems import responses

router = APIRouter(prefix="/v1/events", tags=["jobs"], route_class=StrictRoute)

_STREAM = {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Server-sent events"}


@router.get("", response_class=StreamingResponse, summary="Changes of jobs", responses={200: _STREAM, **responses()})
async def events(
    services: ServicesOf,
    key: Reader,
    client: Annotated[str | None, Query(max_length=200, description="for admin keys; all if not given")] = None,
) -> StreamingResponse:
    """One event `job` for each change of a job of the client, as it is committed.

    `resync` says that changes may have been missed: ask for what you want to know. It comes first on every stream.
    """
    services.events.check(key.key_id)
    return StreamingResponse(
        services.events.stream(client_filter(key, client), key.key_id), media_type="text/event-stream"
    )
