"""Signing in with a link that `cira up` or `cira login` has printed, on the machine that runs CIRA."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from cira_pipeline.api.caller import ServicesOf
from cira_pipeline.api.page.local_administrator import LINK_PATH, token_hash
from cira_pipeline.api.page.rendering import HEADERS, PageRoute, html
from cira_pipeline.api.page.session import Session, keep, on_this_machine, visitor_of
from cira_pipeline.api.page.sign_in_routes import PAGE
from cira_pipeline.clock import utc_now
from cira_pipeline.db.access.sign_in_links import SignInLinkRepository
from cira_pipeline.errors import KeyInvalid, KeyMissing

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get(LINK_PATH)
async def follow_link(
    request: Request, services: ServicesOf, token: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    if not (on_this_machine(request) and _from_this_machine(request)):
        return _refused("This link works only in a browser on the machine that runs CIRA, at the address printed.", 403)
    links = SignInLinkRepository(services.database)
    taken = await run_in_threadpool(links.take, token_hash(services.pepper, token))
    if taken is None:
        return await _second_time(request, services)
    key = await services.access.key_by_id(taken.key_id)
    now = utc_now()
    session = Session.begin(key, taken.person, timedelta(hours=services.settings.api_session_hours), now)
    response = RedirectResponse("/signed-in", 303, headers=HEADERS)
    keep(response, request, session, services.pepper, now)
    return response


async def _second_time(request: Request, services: ServicesOf) -> Response:
    """Back to the page for the browser that the link has signed in, as when its person goes back in the history."""
    try:
        await visitor_of(request, services)
    except (KeyMissing, KeyInvalid):
        return _refused("This link was used before, or its 15 minutes are over. `cira login` prints a new one.", 403)
    return RedirectResponse("/", 303, headers=HEADERS)


def _from_this_machine(request: Request) -> bool:
    return request.client is not None and ip_address(request.client.host).is_loopback


def _refused(error: str, status: int) -> Response:
    return html("signin.html", None, status=status, place=PAGE, next="/", person="", error=error)
