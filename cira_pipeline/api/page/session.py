"""Who is signed in: a signed cookie that names the key and never holds it (docs/decisions/0013-sign-in.md says why)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request
from itsdangerous import BadData, URLSafeSerializer
from starlette.datastructures import FormData
from starlette.requests import HTTPConnection
from starlette.responses import Response

from cira_pipeline.api.access import Access
from cira_pipeline.api.authority import authority_of
from cira_pipeline.api.caller import ServicesOf
from cira_pipeline.api.key_secret import Pepper
from cira_pipeline.clock import utc_now
from cira_pipeline.db.access.api_keys import ApiKey, Scope
from cira_pipeline.errors import FormExpired, KeyMissing, RateExceeded

CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
MAX_PERSON_CHARS = 200
MAX_FORM_FIELDS = 20_000
MAX_FILES = 100
_COOKIE = "cira_session"
_PURPOSE = b"page session"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Session:
    """`person` is who confirms; `expires_at` is in Unix seconds; `nonce` makes each session's forms its own."""

    key_id: str
    person: str
    expires_at: int
    nonce: str

    @classmethod
    def begin(cls, key: ApiKey, person: str, lasts: timedelta, now: datetime) -> Session:
        ends = now + lasts
        if key.expires_at is not None:
            ends = min(ends, key.expires_at)
        return cls(key.key_id, person, int(ends.timestamp()), secrets.token_hex(16))


@dataclass(frozen=True)
class Visitor:
    """A signed-in person: their session, the key it stands for, and the word that their forms must carry."""

    session: Session
    key: ApiKey
    csrf: str
    dagster_url: str = ""
    """The address of Dagster's UI, for callers who may open it."""

    @property
    def person(self) -> str:
        return self.session.person or self.key.name or self.key.client

    def may(self, scope: str) -> bool:
        return self.key.allows(Scope(scope))


def cookie_text(session: Session, pepper: Pepper) -> str:
    return str(_serializer(pepper).dumps(asdict(session)))


def cookie_of(session: Session, pepper: Pepper) -> dict[str, str]:
    """The session as the cookie of a client on this machine."""
    return {_COOKIE: cookie_text(session, pepper)}


def session_in(text: str, pepper: Pepper, now: datetime) -> Session | None:
    """The session of a cookie that this service has signed and that has not ended."""
    try:
        session = Session(**_serializer(pepper).loads(text))
    except BadData:
        return None
    return session if now.timestamp() < session.expires_at else None


def keep(response: Response, request: Request, session: Session, pepper: Pepper, now: datetime) -> None:
    response.set_cookie(
        _cookie_name(request),
        cookie_text(session, pepper),
        max_age=max(0, session.expires_at - int(now.timestamp())),
        secure=not on_this_machine(request),
        httponly=True,
        samesite="strict",
    )


def forget(response: Response, request: Request) -> None:
    response.delete_cookie(_cookie_name(request), secure=not on_this_machine(request), httponly=True, samesite="strict")


async def signed_in(connection: HTTPConnection, access: Access, pepper: Pepper) -> tuple[Session, ApiKey]:
    """The session of a request or websocket, and its key.

    Raises: KeyMissing without a session, KeyInvalid when its key was revoked, StoreUnavailable.
    """
    session = session_in(connection.cookies.get(_cookie_name(connection), ""), pepper, utc_now())
    if session is None:
        raise KeyMissing("the request has no valid session")
    return session, await access.key_by_id(session.key_id)


async def visitor_of(request: Request, services: ServicesOf) -> Visitor:
    """Raises: KeyMissing without a session, KeyInvalid when its key was revoked, RateExceeded, StoreUnavailable."""
    session, key = await signed_in(request, services.access, services.pepper)
    asked = await services.fast_path.ask(key.key_id, key.requests_per_minute)
    if asked.rate.exceeded:
        raise RateExceeded(
            f"the key is limited to {asked.rate.limit} requests a minute", retry_after_s=asked.rate.retry_after_s
        )
    dagster_url = services.settings.dagster_ui_url if key.allows(Scope.DAGSTER_VIEW) else None
    return Visitor(session, key, _csrf(services.pepper, session), dagster_url or "")


SignedIn = Annotated[Visitor, Depends(visitor_of)]


async def form_of(request: Request, visitor: SignedIn) -> FormData:
    """The form a signed-in person sent from one of our own pages. Raises: FormExpired."""
    check_origin(request)
    form = await request.form(max_fields=MAX_FORM_FIELDS, max_files=MAX_FILES)
    given = request.headers.get(CSRF_HEADER) or str(form.get(CSRF_FIELD, ""))
    if not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
        raise FormExpired("this form was made for another session")
    return form


OwnForm = Annotated[FormData, Depends(form_of)]


def check_origin(request: Request) -> None:
    """Raises: FormExpired for what another site's page made a browser send."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    foreign = origin is not None and authority_of(origin) != request.headers.get("host", "")
    if foreign or site not in ("same-origin", "none"):
        raise FormExpired("this form comes from another site")


def _cookie_name(request: HTTPConnection) -> str:
    # With this prefix a browser takes it from this host over TLS only, whatever a neighbour sets (RFC 6265bis, 4.1.3).
    return _COOKIE if on_this_machine(request) else f"__Host-{_COOKIE}"


def on_this_machine(request: HTTPConnection) -> bool:
    """Whether the page was opened at a loopback address."""
    return request.url.hostname in _LOOPBACK


def _serializer(pepper: Pepper) -> URLSafeSerializer:
    # Without itsdangerous' own time: a session ends when it or its key does, whichever is first.
    signing = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(pepper.derived(_PURPOSE), salt=_PURPOSE, signer_kwargs=signing)


def _csrf(pepper: Pepper, session: Session) -> str:
    return pepper.derived(f"page form {session.nonce}".encode()).hex()
