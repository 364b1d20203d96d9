"""Signing in with a key, and out: for CIRA's page, and for Dagster's UI, which asks for another scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

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
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.errors import KeyInvalid, KeyMissing, ScopeMissing

_MAX_KEY_CHARS = 500


@dataclass(frozen=True)
class SignInFor:
    """What is signed in to: the scope a key must have, and what people read about it."""

    scope: Scope
    heading: str
    about: str
    lacking: str


PAGE = SignInFor(
    scope=Scope.READ,
    heading="Sign in",
    about="Invoices in, checked records out. Sign in with a key; your CIRA administrator creates one for you.",
    lacking="This key may not read invoices; ask for one with the scope read.",
)


def sign_in_router(place: SignInFor) -> APIRouter:
    """Routes of signing in to `place`, and out."""
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    def form(next_: str, *, person: str = "", error: str = "", status: int = 200) -> HTMLResponse:
        return html("signin.html", None, status=status, place=place, next=next_, person=person, error=error)

    @router.get("/signin")
    def sign_in_page(
        next_: Annotated[str, Query(alias="next", max_length=2_000)] = "/",
        lacks: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        if lacks == "scope":
            return form(_own_path(next_), error=place.lacking, status=403)
        return form(_own_path(next_))

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
            demand(found, place.scope)
        except KeyMissing:
            return form(back, person=person, error="Paste your key here.", status=422)
        except KeyInvalid as error:
            return form(back, person=person, error=f"Not signed in: {error.message}.", status=401)
        except ScopeMissing:
            return form(back, person=person, error=place.lacking, status=403)
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
            error = "Your browser did not keep the session. Open this page over https://, or on this machine."
            return form(_own_path(next_), error=error, status=400)
        return RedirectResponse(_own_path(next_), 303, headers=HEADERS)

    @router.post("/signout")
    def sign_out(request: Request, _visitor: SignedIn, _form: OwnForm) -> Response:
        response = RedirectResponse("/signin", 303, headers=HEADERS)
        forget(response, request)
        return response

    return router


def _own_path(text: str) -> str:
    """A path of this service and nothing else: `//elsewhere` and `https:` lead away."""
    plain = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if plain and text.isascii() else "/"


def _quoted(path: str) -> str:
    return quote(path, safe="")
