"""Worker functions of intake, which open untrusted bytes with PDFium and Pillow."""

from __future__ import annotations

from cira_pipeline.intake.page_view import page_view
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.models import MediaType
from cira_pipeline.sandbox.messages import Message


def recognised(request: Message) -> Message:
    """Recognises a document: `max_pages`, `max_pixels` and the bytes -> `media_type` and `page_count`."""
    document = recognise(
        request.content, max_pages=int(request.facts["max_pages"]), max_pixels=int(request.facts["max_pixels"])
    )
    return Message({"media_type": document.media_type, "page_count": document.page_count})


def viewed(request: Message) -> Message:
    """Renders a page: `media_type`, `number` and the bytes -> `width`, `height` and RGB pixels, row by row."""
    picture = page_view(request.content, MediaType(request.facts["media_type"]), int(request.facts["number"]))
    return Message({"width": picture.width, "height": picture.height}, picture.tobytes())
