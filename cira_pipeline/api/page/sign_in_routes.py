"""Signing in with a key, and out."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from cira_pipeline.api.access import demand
from cira_pipeline.api.caller import ServicesOf
from cira_pipeline.api.page.rendering import HEADERS, PageRoute, html
from cira_pipeline.api.page.session import (
    MAX_PERSON_CHARS,
    OwnForm,
    Session,
    SignedIn,
    check_origin,
    forget,
    keep,
    visitor_of,
)
from cira_pipeline.clock import utc_now
from cira_pipeline.errors import KeyInvalid, KeyMissing, ScopeMissing
from cira_pipeline.storage.api_keys import Scope

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_MAX_KEY_CHARS = 500


@router.get("/signin")
def sign_in_page(next_: Annotated[str, Query(alias="next", max_length=2_000)] = "/") -> Response:
    return html("signin.html", None, next=_own_path(next_), person="", error="")


@router.post("/signin")
async def sign_in(
    request: Request,
    services: ServicesOf,
    key: Annotated[str, Form(max_length=_MAX_KEY_CHARS)] = "",
    person: Annotated[str, Form(max_length=MAX_PERSON_CHARS)] = "",
    next_: Annotated[str, Form(alias="next", max_length=2_000)] = "/",
) -> Response:
    check_origin(request)
    now = utc_now()
    back = _own_path(next_)
    person = " ".join(person.split())
    try:
        found = await services.access.key_of(f"Bearer {key.strip()}")
        demand(found, Scope.READ)
    except KeyMissing:
        return html("signin.html", None, status=422, next=back, person=person, error="Paste your key here.")
    except KeyInvalid as error:
        return html("signin.html", None, status=401, next=back, person=person, error=f"Not signed in: {error.message}.")
    except ScopeMissing:
        return html(
            "signin.html",
            None,
            status=403,
            next=back,
            person=person,
            error="This key may not read invoices; ask for one with the scope read.",
        )
    session = Session.begin(found, person, timedelta(hours=services.settings.api_session_hours), now)
    response = RedirectResponse(f"/signed-in?next={_quoted(back)}", 303, headers=HEADERS)
    keep(response, request, session, services.pepper, now)
    return response


@router.get("/signed-in")
async def signed_in(
    request: Request, services: ServicesOf, next_: Annotated[str, Query(alias="next", max_length=2_000)] = "/"
) -> Response:
    """Whether the browser has kept the cookie is known only when it comes back."""
    try:
        await visitor_of(request, services)
    except KeyMissing:
        return html(
            "signin.html",
            None,
            status=400,
            next=_own_path(next_),
            person="",
            error="Your browser did not keep the session. Open this page over https://, or on this machine.",
        )
    return RedirectResponse(_own_path(next_), 303, headers=HEADERS)


@router.post("/signout")
def sign_out(request: Request, _visitor: SignedIn, _form: OwnForm) -> Response:
    response = RedirectResponse("/signin", 303, headers=HEADERS)
    forget(response, request)
    return response


def _own_path(text: str) -> str:
    """A path of this service and nothing else: `//elsewhere` and `https:` lead away."""
    plain = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if plain and text.isascii() else "/"


def _quoted(path: str) -> str:
    return quote(path, safe="")
