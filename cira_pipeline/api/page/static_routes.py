"""The page's own files: one style sheet, one script, one picture."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from cira_pipeline.api.page.rendering import STATIC

router = APIRouter(prefix="/static", include_in_schema=False)
_TYPES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}


@router.get("/{name}")
def static_file(name: Literal["page.css", "page.js", "icon.svg"]) -> Response:
    # Asked for with the version of its content in the query, so that it may be kept for ever.
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return FileResponse(STATIC / name, media_type=_TYPES[name], headers=headers)
