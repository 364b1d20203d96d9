"""Templates to answers, errors included: what people see, and the headers that keep strangers' text from acting."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from cira_pipeline.api.page import formatting as words
from cira_pipeline.api.page.session import Visitor
from cira_pipeline.api.problems import cira_error_of, request_id_of, status_of
from cira_pipeline.errors import CiraError, InternalError, KeyInvalid, KeyMissing, RouteNotFound

HERE = Path(__file__).parent
STATIC = HERE / "static"
_log = logging.getLogger(__name__)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Browsers send no origin with a form where the policy is no-referrer, and the origin of a form is checked.
    "Referrer-Policy": "same-origin",
}


def _version() -> str:
    content = b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]


_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals.update(version=_version(), words=words)
_templates.filters.update(
    money=words.money,
    day=words.day,
    moment=words.moment,
    percent=words.percent,
    capital=words.capital,
    plain=words.plain,
)


def html(template: str, visitor: Visitor | None, *, status: int = 200, **values: Any) -> HTMLResponse:
    """`waiting`, how many records wait for a person, is shown in the head where it is given."""
    text = _templates.get_template(template).render(visitor=visitor, **{"waiting": None, **values})
    return HTMLResponse(text, status, headers=HEADERS)


class PageRoute(APIRoute):
    """A route whose errors people can read. Who is not signed in is asked to sign in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await answer(request)
            except (KeyMissing, KeyInvalid) as error:
                if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
                    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                    return RedirectResponse(f"/signin?next={quote(back, safe='')}", 303, headers=HEADERS)
                return _error_page(request, error)
            except CiraError as error:
                return _error_page(request, error)
            except RequestValidationError:
                return _error_page(request, RouteNotFound("there is nothing at this address"))
            except HTTPException as error:
                return _error_page(request, cira_error_of(request, error))
            except Exception as error:  # noqa: BLE001 - whatever it is, a person is to see a page
                _log.exception("%s: request %s", request.url.path, request_id_of(request))
                return _error_page(request, InternalError(type(error).__name__))

        return handle


def _error_page(request: Request, error: CiraError) -> HTMLResponse:
    status = status_of(error)
    return html(
        "error.html",
        None,
        status=status,
        message=error.message if status < 500 else "the service could not do this; its log says why",
        hint=error.hint,
        code=error.code,
        request_id=request_id_of(request),
    )
